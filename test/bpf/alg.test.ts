// SPDX-License-Identifier: Apache-2.0
/** Packets of FTP and TFTP: to the daemon and back, and connections that it lets in. */
import { test, type Test } from 'tap';
import { parseAddress } from '../../src/base/net.js';
import { decode, differences, type ExpectedLayer } from '../support/decode.js';
import { addOutside, type OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { Layouts } from '../support/btf.js';
import {
  HOOKS,
  isolate,
  objectPath,
  Rig,
  type Hook,
  type Outcome,
  type ProgramName,
} from '../support/rig.js';
import { DROPLET_MAC, GW, MAC, tunnel4, viaV1, WORLD } from './world.js';

isolate();

const FTP = 1;
const TFTP = 2;
const ROUTER = '02:ff:00:00:00:01';
const HOST4 = '198.51.100.7';
const OTHER4 = '198.51.100.8';
const HOST6 = '2001:db8:5::7';
const PUBLIC = '203.0.113.1';
const PUBLIC6 = '2001:db8:f::1';
const ALONE = '203.0.113.5';
const A = '10.1.0.10';
const B = '10.1.0.11';
const SPEC: OutsideSpec = {
  router: { mac: ROUTER, address: '192.0.2.254' },
  addresses: ['192.0.2.1', '2001:db8::1'],
  mac: DROPLET_MAC,
  vnis: [100],
  pool: [PUBLIC, PUBLIC6],
  filtering: 'address-port',
  algs: FTP | TFTP,
  users: {
    a: ['100/10.1.0.10', '100/fd01::10'],
    b: ['100/10.1.0.11', '100/fd01::11'],
    r: ['100/10.1.0.20', '100/fd01::20'],
  },
  statics: { '203.0.113.9': '100/10.2.0.12' },
  forwards: [{ address: ALONE, protocol: 6, port: 2121, to: '100/10.1.0.11', toPort: 21 }],
};
const fromA = p.ether({ dst: GW, src: MAC.a });
const fromB = p.ether({ dst: GW, src: MAC.b });
const fromRouter = p.ether({ dst: DROPLET_MAC, src: ROUTER });
const atRouter = { layer: 'eth', dst: ROUTER, src: DROPLET_MAC };

/** What left, to be read by one run of tshark at the end. */
const left: { what: string; bytes: Uint8Array; out: readonly ExpectedLayer[] }[] = [];

interface Expect {
  readonly addr: string;
  readonly pub: string;
  readonly remote: string;
  readonly port: number;
  readonly proto?: number;
  readonly seconds?: number;
}

const LAYOUTS = new Layouts(objectPath('alg'));

/** Loading takes seconds: scenes of one configuration and hook share a rig, one at a time. */
let current: { readonly key: string; readonly rig: Rig } | undefined;

function rigFor(hook: Hook, spec: Partial<OutsideSpec>): Rig {
  const key = `${hook} ${JSON.stringify(spec)}`;
  if (current?.key === key) return current.rig;
  current?.rig.close();
  const rig = new Rig(WORLD);
  current = { key, rig };
  addOutside(rig, { ...SPEC, ...spec });
  return rig;
}

class Scene {
  readonly rig: Rig;

  constructor(
    readonly t: Test,
    readonly hook: Hook,
    spec: Partial<OutsideSpec> = {},
  ) {
    this.rig = rigFor(hook, spec);
    this.device();
  }

  /** The daemon takes care of its device, or did so some seconds ago. */
  device(ago = 0, ifindex = this.rig.index.devices.get('droplet') ?? 0): void {
    const { now_s } = this.rig.layouts.decode(
      'clock_val',
      this.rig.map('clock').lookup(this.rig.key(0))!,
    ) as { now_s: number };
    const value = { ifindex, alive_s: now_s - ago };
    this.rig.write({ map: 'alg_dev', key: 0, struct: 'alg_dev_val', value });
  }

  run(program: ProgramName, from: string, frame: Uint8Array): Outcome {
    const o = this.rig.run(program, this.hook, from, frame);
    const { counts } = o;
    this.t.equal(counts.sent + counts.passed + counts.punted + counts.dropped, 1, 'counted once');
    return o;
  }

  /** To the daemon, as it was but for its MACs; then back, and out as these layers. */
  through(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    { inner = frame, out }: { inner?: Uint8Array; out: readonly ExpectedLayer[] },
  ): Outcome {
    const punted = this.run(program, from, frame);
    this.t.equal(punted.counts.punted, 1, `${what}: handed over (${String(punted.reason)})`);
    this.t.equal(punted.verdict, 'sent');
    this.t.same(punted.data.slice(12, inner.length), inner.slice(12), `${what}: as it was`);
    const back = this.run('alg', 'droplet', punted.data);
    this.t.equal(back.counts.sent, 1, `${what}: sent on (${String(back.reason)})`);
    left.push({ what: `${this.hook}: ${what}`, bytes: back.data, out });
    return back;
  }

  dropped(what: string, program: ProgramName, frame: Uint8Array, reason: string): void {
    const o = this.run(program, program === 'agent' ? 'a' : 'droplet', frame);
    this.t.equal(o.reason, reason, `${this.hook}: ${what}`);
  }

  /** @returns the answer and the public port */
  expect(e: Expect): { readonly reason: number; readonly port: number } {
    const bytes = (address: string): Uint8Array => parseAddress(address).bytes;
    const { family } = parseAddress(e.addr);
    const data = LAYOUTS.encode('alg_expect', {
      vni: 100,
      addr: bytes(e.addr),
      pub: bytes(e.pub),
      remote: bytes(e.remote),
      port: e.port,
      proto: e.proto ?? 6,
      family,
      seconds: e.seconds ?? 60,
      pub_family: family,
    });
    const { verdict, data: answer } = this.rig.programs.programs.get('alg_expect')!.run(data, 0);
    const { pub_port } = LAYOUTS.decode('alg_expect', answer) as { pub_port: number };
    return { reason: verdict, port: pub_port };
  }

  /** A connection from outside to a public port. */
  knock(from: string, to: string, port: number, sport = 20): Outcome {
    const ip = to.includes(':') ? p.ip6({ src: from, dst: to }) : p.ip4({ src: from, dst: to });
    return this.run(
      'transit',
      'droplet',
      p.packet(fromRouter, ip, p.tcp({ sport, dport: port, flags: 'S' })),
    );
  }
}

const scenes: {
  readonly name: string;
  readonly tell: (s: Scene) => void;
  readonly spec: Partial<OutsideSpec>;
}[] = [];

function each(name: string, tell: (s: Scene) => void, spec: Partial<OutsideSpec> = {}): void {
  scenes.push({ name, tell, spec });
}

/** Source port of a packet without options. */
function portOf(o: Outcome): number {
  const view = new DataView(o.data.buffer, o.data.byteOffset);
  return view.getUint16(view.getUint16(12) === 0x86dd ? 54 : 34);
}

const control = (fields: object = {}): p.Layer =>
  p.tcp({ sport: 40_001, dport: 21, flags: 'S', ...fields });

// @rfc 4787 REQ-10
// @rfc 5382 REQ-6
each('a client of this host, in each family', (s) => {
  for (const [ip, a, host, pub] of [
    [p.ip4, A, HOST4, PUBLIC],
    [p.ip6, 'fd01::10', HOST6, PUBLIC6],
  ] as const) {
    const layer = host.includes(':') ? 'ipv6' : 'ip';
    const out = s.through(
      `${layer} out`,
      'agent',
      'a',
      p.packet(fromA, ip({ src: a, dst: host }), control()),
      {
        out: [
          atRouter,
          { layer, src: pub, dst: host, ttl: 63 },
          { layer: 'tcp', dport: 21, checksum: 'good' },
        ],
      },
    );
    s.t.equal(out.endpoints.a?.tx_packets, 1, 'counted for a, once');
    const answer = p.packet(
      fromRouter,
      ip({ src: host, dst: pub }),
      control({ sport: 21, dport: portOf(out), flags: 'SA' }),
    );
    s.through(`${layer} back`, 'transit', 'droplet', answer, {
      out: [
        { layer: 'eth', dst: MAC.a, src: GW },
        { layer, src: host, dst: a, ttl: 63 },
        { layer: 'tcp', sport: 21, dport: 40_001, checksum: 'good' },
      ],
    });
    s.rig.raiseGeneration();
    const later = p.packet(fromA, ip({ src: a, dst: host }), control({ flags: 'PA' }), p.text('x'));
    s.through(`${layer} after a change`, 'agent', 'a', later, {
      out: [atRouter, { layer, src: pub }, { layer: 'tcp', dport: 21, checksum: 'good' }],
    });
  }
});

each('a client behind a tunnel', (s) => {
  const inner = [
    p.ether({ dst: GW, src: GW }),
    p.ip4({ src: '10.1.0.20', dst: HOST4 }),
    control(),
  ] as const;
  const out = s.through('out', 'transit', 'droplet', tunnel4(inner), {
    inner: p.packet(...inner),
    out: [atRouter, { layer: 'ip', src: PUBLIC, dst: HOST4, ttl: 63 }, { layer: 'tcp', dport: 21 }],
  });
  const answer = p.packet(
    fromRouter,
    p.ip4({ src: HOST4, dst: PUBLIC }),
    control({ sport: 21, dport: portOf(out), flags: 'SA' }),
  );
  s.through('back', 'transit', 'droplet', answer, {
    out: viaV1([
      { layer: 'eth', dst: MAC.r, src: GW },
      { layer: 'ip', src: HOST4, dst: '10.1.0.20' },
      { layer: 'tcp', sport: 21, dport: 40_001, checksum: 'good' },
    ]),
  });
});

each('a server inside', (s) => {
  const ask = p.packet(fromRouter, p.ip4({ src: HOST4, dst: ALONE }), control({ dport: 2121 }));
  s.through('in', 'transit', 'droplet', ask, {
    out: [
      { layer: 'eth', dst: MAC.b, src: GW },
      { layer: 'ip', src: HOST4, dst: B },
      { layer: 'tcp', dport: 21, checksum: 'good' },
    ],
  });
  const answer = p.packet(
    fromB,
    p.ip4({ src: B, dst: HOST4 }),
    control({ sport: 21, dport: 40_001, flags: 'SA' }),
  );
  s.through('out', 'agent', 'b', answer, {
    out: [atRouter, { layer: 'ip', src: ALONE, dst: HOST4 }, { layer: 'tcp', sport: 2121 }],
  });
});

const tftp = p.packet(
  fromA,
  p.ip4({ src: A, dst: HOST4 }),
  p.udp({ sport: 5000, dport: 69 }),
  p.text('\0\x01x\0octet\0'),
);
const ftp = p.packet(fromA, p.ip4({ src: A, dst: HOST4 }), control());

each('while nobody takes care, packets are dropped', (s) => {
  const web = p.packet(fromA, p.ip4({ src: A, dst: HOST4 }), p.tcp({ sport: 1, dport: 80 }));
  s.t.equal(s.run('agent', 'a', ftp).counts.punted, 1);
  s.device(60);
  s.dropped('the daemon has not been heard of for long', 'agent', ftp, 'ALG');
  s.device(0, 0);
  s.dropped('it has stopped', 'agent', ftp, 'ALG');
  s.t.equal(s.run('agent', 'a', web).verdict, 'sent', 'others do not notice');
  s.device();
  s.t.equal(s.run('agent', 'a', ftp).counts.punted, 1, 'it is back');
  const piece = p.packet(fromA, p.ip4({ src: A, dst: HOST4, mf: true }), control());
  s.dropped('a fragment', 'agent', piece, 'ALG');
});

each('what comes back is what was handed over', (s) => {
  const { data } = s.run('agent', 'a', ftp);
  s.dropped('without the tag', 'alg', p.patch(data, 0, [0]), 'ALG');
  s.dropped('of another node', 'alg', p.patch(data, 7, [data[7]! + 1]), 'ALG');
  s.dropped('of a node beyond all', 'alg', p.patch(data, 4, [255]), 'ALG');
  s.dropped('of the other direction', 'alg', p.patch(data, 11, [1]), 'ALG');
  s.dropped('from another port', 'alg', p.patch(data, 35, [9]), 'ALG');
  s.dropped('cut off', 'alg', data.slice(0, 40), 'BAD_LENGTH');
  const long = p.packet(fromA, p.ip4({ src: A, dst: HOST4 }), control({ flags: 'A' }), p.raw(1461));
  s.dropped('larger than the way', 'alg', p.patch(long, 0, [...data.slice(0, 12)]), 'TOO_BIG');
  s.t.equal(s.run('alg', 'droplet', data).verdict, 'sent');
  s.rig.raiseGeneration();
  s.dropped('after a change', 'alg', data, 'ALG');
});

each('a data connection to a client', (s) => {
  s.run('agent', 'a', ftp);
  const announced = { addr: A, pub: PUBLIC, remote: HOST4, port: 50_000 };
  const { reason, port } = s.expect(announced);
  s.t.equal(reason, 0);
  s.t.equal(s.expect(announced).port, port, 'announced again: the same port');
  s.t.equal(s.knock(OTHER4, PUBLIC, port).reason, 'FILTERED', 'nobody else may come');
  s.t.equal(s.knock(HOST4, PUBLIC, port ^ 2).reason, 'NO_MAPPING', 'to no other port');
  const come = s.knock(HOST4, PUBLIC, port);
  s.t.equal(come.verdict, 'sent', `the server may (${String(come.reason)})`);
  left.push({
    what: `${s.hook}: data`,
    bytes: come.data,
    out: [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: 'ip', src: HOST4, dst: A },
      { layer: 'tcp', sport: 20, dport: 50_000, checksum: 'good' },
    ],
  });
  const answer = p.packet(
    fromA,
    p.ip4({ src: A, dst: HOST4 }),
    p.tcp({ sport: 50_000, dport: 20, flags: 'SA' }),
  );
  s.t.equal(portOf(s.run('agent', 'a', answer)), port, 'the answer has the port');
});

each('a data connection to a server at an address of its own', (s) => {
  const announced = { addr: B, pub: ALONE, remote: HOST4, port: 50_000 };
  s.t.same(s.expect(announced), { reason: 0, port: 50_000 }, 'the same port where it is free');
  s.t.equal(s.knock(OTHER4, ALONE, 50_000, 4000).reason, 'FILTERED');
  s.t.equal(s.knock(HOST4, ALONE, 50_000, 4000).verdict, 'sent');
  const second = s.expect({ ...announced, addr: A });
  s.t.equal(second.reason, 0);
  s.t.not(second.port, 50_000, "another's port is not given twice");
  s.t.equal(s.expect({ ...announced, port: 2121 }).reason, 0);
  s.t.not(s.expect({ ...announced, port: 2121 }).port, 2121, 'nor one that is forwarded elsewhere');
});

each('what is announced may be in reach already, or out of it', (s) => {
  const client = { addr: A, pub: PUBLIC, remote: HOST4, port: 50_000 };
  const own = { addr: '10.2.0.12', pub: '203.0.113.9', remote: HOST4, port: 50_001 };
  s.t.same(s.expect(own), { reason: 0, port: 50_001 }, 'of a PublicIp');
  const forward = { addr: B, pub: ALONE, remote: HOST4, port: 21 };
  s.t.equal(s.expect(forward).reason, 0);
  const codes = (list: readonly Partial<Expect>[]): boolean[] =>
    list.map((change) => s.expect({ ...client, ...change }).reason !== 0);
  s.t.same(
    codes([{ port: 0 }, { seconds: 0 }, { seconds: 301 }, { proto: 1 }, { addr: '10.1.0.99' }]),
    [true, true, true, true, true],
    'refused',
  );
});

// @rfc 4787 REQ-10
each(
  'each is switched by itself, and nothing else is handed over',
  (s) => {
    s.t.equal(s.run('agent', 'a', ftp).counts.punted, 0, 'FTP is off');
    s.t.equal(s.run('agent', 'a', tftp).counts.punted, 1, 'TFTP is on');
    for (const layer of [p.tcp({ sport: 21, dport: 80 }), p.udp({ sport: 69, dport: 53 })]) {
      const frame = p.packet(fromA, p.ip4({ src: A, dst: HOST4 }), layer);
      s.t.match(s.run('agent', 'a', frame).counts, { punted: 0, sent: 1 });
    }
  },
  { algs: TFTP },
);

for (const hook of HOOKS)
  for (const { name, tell, spec } of scenes)
    test(`${hook}: ${name}`, { timeout: 120_000 }, (t) => {
      tell(new Scene(t, hook, spec));
      t.end();
    });

test('an expectation ends', { timeout: 60_000 }, async (t) => {
  const s = new Scene(t, 'tc');
  s.run('agent', 'a', ftp);
  const { port } = s.expect({ addr: A, pub: PUBLIC, remote: HOST4, port: 50_000, seconds: 1 });
  t.equal(s.knock(HOST4, PUBLIC, port).verdict, 'sent');
  t.equal(s.knock(OTHER4, PUBLIC, port).reason, 'FILTERED');
  const later = s.expect({ addr: A, pub: PUBLIC, remote: OTHER4, port: 50_002, seconds: 1 }).port;
  const deadline = Date.now() + 20_000;
  // a node may be looked at some seconds late
  while (s.knock(HOST4, PUBLIC, later).reason !== 'NO_MAPPING' && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 500));
  t.equal(s.knock(OTHER4, PUBLIC, later).reason, 'NO_MAPPING', 'nobody came, nobody may');
  t.equal(s.knock(HOST4, PUBLIC, port).verdict, 'sent', 'who came stays');
  t.equal(s.knock(HOST4, PUBLIC, port, 22).reason, 'FILTERED', 'nobody comes after');
  s.rig.close();
  current = undefined;
});

test('the packets, as tshark reads them', (t) => {
  const read = decode(left.map(({ bytes }) => bytes));
  left.forEach(({ what, out }, i) => {
    t.same(differences(read[i]!, out), [], what);
  });
  t.end();
});
