// SPDX-License-Identifier: Apache-2.0
/**
 * Random and damaged packets through all four programs. Whatever comes: every packet is
 * accounted for once, no VPC sees another's packets, nothing outgrows an MTU, and the hooks
 * agree. TRANSIT_SEED repeats a run, TRANSIT_PACKETS changes its length.
 */
import { test } from 'tap';
import { decode } from '../support/decode.js';
import {
  HOOKS,
  isolate,
  Rig,
  type Counts,
  type ProgramName,
  type Verdict,
} from '../support/rig.js';
import { MAX_FRAME } from '../support/programs.js';
import { brokenTunnel, Random, randomPacket, type Peer, type Sender } from './mutate.js';
import { BLUE_GW, GW, MAC, WORLD } from './world.js';

isolate();

const PACKETS = Number(process.env.TRANSIT_PACKETS ?? 104_000);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
/** Packets that tshark looks at. */
const SAMPLES = 1500;
const LIMIT_MS = 60_000;
/** Ethernet and the underlay's 1500 bytes, which WORLD's MTUs are made for. */
const LARGEST = 1514;

const peer = (mac: string, v4: string, v6: string): Peer => ({ mac, v4, v6 });
const red = {
  vpc: 'red',
  vni: 100,
  gateway: GW,
  peers: [
    peer(MAC.a, '10.1.0.10', 'fd01::10'),
    peer(MAC.b, '10.1.0.11', 'fd01::11'),
    peer(MAC.c, '10.2.0.12', 'fd02::12'),
    peer(MAC.r, '10.1.0.20', 'fd01::20'),
    peer(MAC.s, '10.2.0.21', 'fd02::21'),
    peer(MAC.d, '10.1.0.23', 'fd01::23'),
    peer(MAC.n, '172.20.0.1', 'fd01::33'),
  ],
};
const SENDERS: Readonly<Record<string, Sender & { readonly vpc: string }>> = {
  a: { ...red, mac: MAC.a, v4: '10.1.0.10', v6: 'fd01::10' },
  c: { ...red, mac: MAC.c, v4: '10.2.0.12', v6: 'fd02::12' },
  x: {
    vpc: 'blue',
    vni: 200,
    mac: MAC.x,
    gateway: BLUE_GW,
    v4: '10.1.0.10',
    v6: 'fd01::10',
    peers: [
      peer(MAC.x, '10.1.0.10', 'fd01::10'),
      peer(MAC.y, '10.1.0.11', 'fd01::11'),
      peer(MAC.q, '10.1.0.20', 'fd01::20'),
    ],
  },
  z: {
    vpc: 'green',
    vni: 300,
    mac: MAC.z,
    gateway: GW,
    v4: '10.3.0.10',
    v6: 'fd03::10',
    peers: [peer(MAC.z, '10.3.0.10', 'fd03::10'), peer(MAC.a, '10.1.0.10', 'fd01::10')],
  },
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** An answer in place may be as large as the question: its device has carried that already. */
function allowed(frame: Uint8Array, data: Uint8Array): number {
  const answer = Buffer.from(data.slice(0, 6)).equals(frame.slice(6, 12));
  return answer ? Math.max(LARGEST, frame.length) : LARGEST;
}

/**
 * On tc nothing tells a complete transport checksum from one that still waits (it holds the
 * pseudo-header's sum), so one packet in some ten thousand is taken for waiting, and the sum
 * of the ICMP error about it is made for the checksum it would get.
 */
function lookedPartial(xdp: Uint8Array, tc: Uint8Array): boolean {
  if (xdp.length !== tc.length) return false;
  const first = xdp.findIndex((byte, i) => byte !== tc[i]);
  const last = xdp.findLastIndex((byte, i) => byte !== tc[i]);
  const fields = [0, 50, 70].flatMap((outer) => [outer + 36, outer + 56]);
  return fields.some((field) => first >= field && last <= field + 1);
}

interface Tally {
  received: number;
  readonly verdicts: Record<Verdict, number>;
}

class Traffic {
  readonly problems: string[] = [];
  refused = 0;
  looksPartial = 0;
  /** What left for packets that were right when they came. */
  readonly samples: { readonly frame: Uint8Array; readonly data: Uint8Array }[] = [];
  readonly tallies = new Map<string, Tally>();

  constructor(private readonly rig: Rig) {
    for (const program of ['agent', 'transit']) {
      for (const hook of HOOKS) {
        const verdicts = { sent: 0, passed: 0, dropped: 0 };
        this.tallies.set(`${program} ${hook}`, { received: 0, verdicts });
      }
    }
  }

  /** Through both hooks; compares them unless errors are limited by time. */
  both(
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    compare: boolean,
    whole: boolean,
  ): void {
    const results = [];
    for (const hook of HOOKS) {
      const tally = this.tallies.get(`${program} ${hook}`)!;
      try {
        const result = this.rig.inject(program, hook, from, frame);
        tally.received++;
        tally.verdicts[result.verdict]++;
        results.push(result);
        if (result.verdict === 'sent' && result.data.length > allowed(frame, result.data)) {
          this.complain(`${program} ${hook}: ${result.data.length} bytes leave`, frame);
        }
        if (result.verdict === 'passed' && program === 'agent') {
          this.complain(`${program} ${hook}: passed to the host`, frame);
        }
      } catch {
        // tc: the kernel refuses to run frames cut in an IP header
        if (hook === 'xdp') this.complain('the kernel refused it on XDP', frame);
        this.refused++;
      }
    }
    const [xdp, tc] = results;
    if (whole && xdp?.verdict === 'sent' && this.samples.length < SAMPLES) {
      this.samples.push({ frame, data: xdp.data });
    }
    if (!compare || !xdp || !tc) return;
    if (xdp.verdict !== tc.verdict) {
      this.complain(`${program}: xdp ${xdp.verdict}, tc ${tc.verdict}`, frame);
    } else if (xdp.verdict === 'sent' && !Buffer.from(xdp.data).equals(tc.data)) {
      if (lookedPartial(xdp.data, tc.data)) this.looksPartial++;
      else this.complain(`${program}: xdp ${hex(xdp.data)}, tc ${hex(tc.data)}`, frame);
    }
  }

  private complain(what: string, frame: Uint8Array): void {
    if (this.problems.length < 10) this.problems.push(`${what}: ${hex(frame)}`);
  }
}

function sums(counts: Counts): number {
  return counts.sent + counts.passed + counts.punted + counts.dropped;
}

test(`${PACKETS} random packets, TRANSIT_SEED=${SEED}`, (t) => {
  const started = Date.now();
  const rig = new Rig(WORLD);
  const random = new Random(SEED);
  const traffic = new Traffic(rig);
  const senders = Object.keys(SENDERS);
  const names = Object.keys(WORLD.endpoints);
  const perPhase = Math.ceil(PACKETS / 2 / HOOKS.length / (senders.length + 1));

  for (const from of senders) {
    const sender = SENDERS[from]!;
    const others = names.filter((n) => WORLD.endpoints[n]!.vpc !== sender.vpc);
    const before = others.map((n) => rig.endpointCounts(n));
    const compare = sender.vpc !== 'green';
    for (let i = 0; i < perPhase; i++) {
      for (const program of ['agent', 'transit'] as const) {
        const { frame, whole } = randomPacket(random, program, sender);
        if (frame.length > MAX_FRAME) continue;
        traffic.both(program, program === 'agent' ? from : 'droplet', frame, compare, whole);
      }
    }
    t.same(
      others.map((n) => rig.endpointCounts(n)),
      before,
      `packets of ${sender.vpc} stay in it`,
    );
  }
  for (let i = 0; i < 2 * perPhase; i++) {
    const frame = brokenTunnel(random, SENDERS[random.pick(senders)]!);
    traffic.both('transit', 'droplet', frame, false, false);
  }

  const decoded = decode(traffic.samples.map((s) => s.data));
  // a quote that was cut short cannot have its transport checksum judged
  const wrong = decoded.flatMap((d, i) =>
    d.layers.some((l) => l.checksum === 'bad' && (!l.quoted || l.layer === 'ip'))
      ? [`${d.stack}: ${hex(traffic.samples[i]!.frame)} became ${hex(d.bytes)}`]
      : [],
  );
  t.same(wrong.slice(0, 5), [], 'what was right leaves with right checksums');
  t.equal(decoded.length, SAMPLES, 'tshark has seen enough');

  t.same(traffic.problems, [], 'no packet was treated wrongly');
  t.ok(traffic.looksPartial <= 2 + PACKETS / 20_000, `${traffic.looksPartial} look partial`);
  let total = 0;
  for (const program of ['agent', 'transit'] as const) {
    for (const hook of HOOKS) {
      const counts = rig.counts(program, hook);
      const { received, verdicts } = traffic.tallies.get(`${program} ${hook}`)!;
      const what = `${program} ${hook}`;
      t.equal(counts.received, received, `${what}: every packet is received`);
      t.equal(sums(counts), received, `${what}: and accounted for once`);
      t.equal(counts.sent + counts.generated, verdicts.sent, `${what}: sent`);
      t.equal(counts.passed, verdicts.passed, `${what}: passed`);
      t.equal(counts.dropped - counts.generated, verdicts.dropped, `${what}: dropped`);
      t.notOk(counts.drops.UNSPEC ?? counts.drops.INTERNAL ?? counts.drops.REWRITE, what);
      t.comment(`${what}: ${JSON.stringify({ ...counts, nodes: undefined })}`);
      total += received;
    }
  }
  const seconds = (Date.now() - started) / 1000;
  t.comment(
    `${total} packets in ${seconds.toFixed(1)} s, ${traffic.refused} refused by the kernel`,
  );
  t.ok(total >= PACKETS * 0.96, 'as many as wanted');
  t.ok(
    names.every((n) => rig.endpointCounts(n).rx_packets > PACKETS / 2000),
    'many arrive',
  );
  t.ok(seconds < LIMIT_MS / 1000, 'in time');
  rig.close();
  t.end();
});
