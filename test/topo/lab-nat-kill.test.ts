// SPDX-License-Identifier: Apache-2.0
/**
 * The daemon of the gateway dies, and programs are replaced, while the outside is talked to: no
 * packet is lost, no connection fails or stalls, new ones are made meanwhile, and every mapping
 * stays what it is.
 */
import { rm } from 'node:fs/promises';
import { t as suite, test, type Test } from 'tap';
import {
  Flow,
  Lab,
  must,
  ROOT,
  until,
  type PingPongResult,
  type TcpResult,
  type UdpResult,
} from '../support/traffic/lab.js';
import { ask, HOST, serve } from '../support/traffic/world.js';
import { install, otherBuild } from './other-build.js';

const LIMIT = { timeout: 300_000 };
suite.setTimeout(600_000);

const HOSTS = ['h1', 'h2'] as const;
/** The gateway twice, the other host once. */
const KILLED = ['h2', 'h1', 'h2'] as const;
const RELOADS = 2;
/** One mapping that is asked for by name all the time. */
const SPORT = 5005;

/** What a mapping is, of all that an entry of map nat_map says: not who uses it just now. */
interface Entry {
  readonly key: unknown;
  readonly value: {
    readonly key: unknown;
    readonly addr: unknown;
    readonly port: number;
    readonly flags: number;
    readonly vni: number;
    readonly sub: number;
    readonly block: number;
  };
}

/** Each mapping's entries by their names. */
async function mappings(lab: Lab): Promise<Map<string, string>> {
  const pin = `/sys/fs/bpf/transit/${lab.instance('h2')}/maps/nat_map`;
  const text = await must('bpftool', ['-j', 'map', 'dump', 'pinned', pin]);
  const dump = JSON.parse(text) as { readonly formatted: Entry }[];
  return new Map(
    dump.map(({ formatted: { key, value } }) => {
      const { key: tuple, addr, port, flags, vni, sub, block } = value;
      return [JSON.stringify(key), JSON.stringify({ tuple, addr, port, flags, vni, sub, block })];
    }),
  );
}

/** How many of the old mappings are others now, or have gone. */
function changed(old: Map<string, string>, now: Map<string, string>): number {
  return [...old].filter(([name, entry]) => now.get(name) !== entry).length;
}

/** Out by UDP, by new and by established TCP connections; in by a public address and a port. */
class Load {
  readonly #lab: Lab;
  readonly #udp: Flow<UdpResult>[];
  readonly #tcp: Flow<TcpResult>[];
  readonly #old: Flow<PingPongResult>[];

  constructor(lab: Lab) {
    this.#lab = lab;
    const v4 = ['-a', HOST[4]];
    const v6 = ['-a', HOST[6]];
    this.#udp = [
      new Flow(lab, 'udpflow', 'red-a1', 'o', ...v4, '-p', '7001', '-r', '2000'),
      new Flow(lab, 'udpflow', 'blue-b1', 'o', ...v6, '-p', '7002', '-r', '1000'),
      new Flow(
        lab,
        ...(['udpflow', 'o', 'red-b2', '-a', '203.0.113.9', '-p', '7003'] as const),
        ...['--listen', '10.0.1.22', '-r', '1000'],
      ),
    ];
    // a port stays taken for 240 s: on a slow machine, too, fewer than an endpoint may have in all
    this.#tcp = [
      new Flow(lab, 'tcpconn', 'red-a1', 'o', ...v4, '-p', '7101', '-r', '4'),
      new Flow(lab, 'tcpconn', 'blue-a1', 'o', ...v6, '-p', '7102', '-r', '4'),
      new Flow(
        lab,
        ...(['tcpconn', 'o', 'red-a1', '-a', '203.0.113.1', '-p', '8080'] as const),
        ...['--listen', '10.0.1.11', '--listen-port', '80', '-r', '20'],
      ),
    ];
    this.#old = [
      new Flow(lab, 'pingpong', 'red-b1', 'o', ...v4, '-p', '7201', '-r', '200', '--tcp'),
      new Flow(lab, 'pingpong', 'blue-b1', 'o', ...v6, '-p', '7202', '-r', '200', '--tcp'),
    ];
  }

  /** Returns when so many packets came in at red-b2 from now on. */
  async pass(packets: number): Promise<void> {
    const start = await this.#lab.received('red-b2');
    await until('traffic', 30, async () => {
      return (await this.#lab.received('red-b2')) >= start + packets;
    });
  }

  async check(t: Test): Promise<void> {
    for (const flow of this.#udp) {
      const udp = await flow.result();
      t.comment(JSON.stringify(udp));
      t.ok(udp.sent > 1000, 'packets were sent');
      t.equal(udp.lost, 0, 'no packet is lost');
      t.equal(udp.duplicates, 0, 'no packet came twice');
    }
    for (const flow of this.#tcp) {
      const tcp = await flow.result();
      t.comment(JSON.stringify(tcp));
      t.ok(tcp.opened > 100, 'connections were opened');
      t.equal(tcp.failed, 0, `no connection failed (${tcp.error})`);
      t.equal(tcp.corrupted, 0, 'no byte was changed');
      t.equal(tcp.retransmits, 0, 'no segment was sent again');
    }
    for (const flow of this.#old) {
      const old = await flow.result();
      t.comment(JSON.stringify(old));
      t.ok(old.requests > 500, 'an established connection was used');
      t.equal(old.lost, 0, 'it did not break');
    }
  }
}

test('the daemon dies and programs are replaced during translation', LIMIT, async (t) => {
  const { other, shipped } = await otherBuild();
  const bpfDir = `${ROOT}/build/lab-natkill`;
  t.teardown(() => rm(bpfDir, { recursive: true, force: true }));
  await install(shipped, bpfDir);
  const lab = await Lab.up('natkill', { LAB_BPF_DIR: bpfDir }, 'nat');
  t.teardown(() => lab.down());
  await serve(lab, 'o');
  // the way out is known before anything counts packets
  for (const who of ['red-a1', 'red-b1', 'red-b2', 'blue-a1', 'blue-b1'])
    for (const address of [HOST[4], HOST[6]])
      await until(`the way out of ${who}`, 30, () => lab.ping(who, address, 1));
  const before = { h1: await lab.ids('h1'), h2: await lab.ids('h2') };
  const load = new Load(lab);
  const own = await ask(lab, 'red-a1', HOST[4], SPORT);
  t.ok(own, 'red-a1 is seen outside');
  await load.pass(500);

  for (const host of KILLED) {
    const old = await mappings(lab);
    t.ok(old.size > 10, `${old.size} entries of mappings`);
    await lab.kill(host);
    await load.pass(1500);
    t.same(await ask(lab, 'red-a1', HOST[4], SPORT), own, `${host} has no daemon: same mapping`);
    await lab.start(host);
    await load.pass(500);
    t.same(await ask(lab, 'red-a1', HOST[4], SPORT), own, `${host} has one again: same mapping`);
    const now = await mappings(lab);
    t.equal(changed(old, now), 0, `all of them are what they were; ${now.size - old.size} came`);
    t.same(await lab.ids(host), before[host], 'the same maps, links, programs');
  }

  for (let round = 0; round < RELOADS; round++) {
    await install(round % 2 === 0 ? other : shipped, bpfDir);
    for (const host of HOSTS) {
      const old = await mappings(lab);
      await lab.transit(host, 'reload');
      await load.pass(500);
      const ids = await lab.ids(host);
      t.same(ids.maps, before[host].maps, `${host}: maps stay`);
      t.same(ids.links, before[host].links, `${host}: links stay`);
      if (round % 2 === 0) t.notSame(ids.programs, before[host].programs, 'programs are others');
      t.equal(changed(old, await mappings(lab)), 0, 'mappings stay');
      t.same(await ask(lab, 'red-a1', HOST[4], SPORT), own, 'the same mapping');
    }
  }
  await load.check(t);
});
