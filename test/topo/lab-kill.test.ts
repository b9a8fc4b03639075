// SPDX-License-Identifier: Apache-2.0
/**
 * The daemon may die at any moment, and programs may be replaced at any moment: no packet of an
 * old or a new connection is lost, and what is in the kernel stays what it is.
 */
import { rm } from 'node:fs/promises';
import { t as suite, test, type Test } from 'tap';
import { Flow, Lab, ROOT, until, type TcpResult, type UdpResult } from '../support/traffic/lab.js';
import { install, otherBuild } from './other-build.js';

// The default of 30 s is for tests without a lab.
const LIMIT = { timeout: 180_000 };
suite.setTimeout(600_000);

const HOSTS = ['h1', 'h2'] as const;
const KILLS = 10;

/** 5,000 packets/s routed across hosts, 100 new connections/s bridged across hosts, both ways. */
class Load {
  readonly #lab: Lab;
  readonly #udp: Flow<UdpResult>;
  readonly #tcp: Flow<TcpResult>;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#udp = new Flow(lab, 'udpflow', 'red-a2', 'red-c1', '-a', '10.0.2.31', '-r', '5000');
    this.#tcp = new Flow(lab, 'tcpconn', 'red-b1', 'red-a1', '-a', 'fd00:1::11', '-r', '100');
  }

  /** Returns when so many packets came through from now on. */
  async pass(packets: number): Promise<void> {
    const start = await this.#lab.received('red-c1');
    await until('traffic', 30, async () => {
      return (await this.#lab.received('red-c1')) >= start + packets;
    });
  }

  async check(t: Test): Promise<void> {
    const udp = await this.#udp.result();
    const tcp = await this.#tcp.result();
    t.comment(JSON.stringify(udp));
    t.comment(JSON.stringify(tcp));
    t.ok(udp.sent > 0, 'packets were sent');
    t.equal(udp.lost, 0, 'no packet is lost');
    t.equal(udp.duplicates, 0, 'no packet came twice');
    t.ok(tcp.opened > 0, 'connections were opened');
    t.equal(tcp.failed, 0, `no connection failed (${tcp.error})`);
    t.equal(tcp.corrupted, 0, 'no byte was changed');
    // a lost SYN would cost a second and hide as a slow connection
    t.equal(tcp.retransmits, 0, 'no segment was sent again');
  }
}

test('kill -9 of transitd under load, ten times', LIMIT, async (t) => {
  const lab = await Lab.up('kill');
  t.teardown(() => lab.down());
  const before = new Map<string, unknown>();
  for (const host of HOSTS) before.set(host, await lab.ids(host));
  t.ok(Object.keys((await lab.ids('h1')).maps).length > 10, 'maps are pinned');
  t.ok(Object.keys((await lab.ids('h1')).links).length > 2, 'links are pinned');
  const load = new Load(lab);
  await load.pass(1000);
  for (let round = 0; round < KILLS; round++) {
    const host = HOSTS[round % HOSTS.length]!;
    await lab.kill(host);
    await load.pass(1000);
    await lab.start(host);
    await load.pass(1000);
    t.same(await lab.ids(host), before.get(host), `${host} has the same maps, links, programs`);
  }
  await load.check(t);
});

test('programs are replaced under load', LIMIT, async (t) => {
  const { other, shipped } = await otherBuild();
  const builds = [other, shipped];
  const bpfDir = `${ROOT}/build/lab-reload`;
  t.teardown(() => rm(bpfDir, { recursive: true, force: true }));
  await install(shipped, bpfDir);

  const lab = await Lab.up('reload', { LAB_BPF_DIR: bpfDir });
  t.teardown(() => lab.down());
  const errorTtl = async (): Promise<string | undefined> => {
    // ping -v would show the quoted packet; tcpdump shows the error's own TTL
    const capture = lab.inNs(
      'red-a1',
      ...['timeout', '10', 'tcpdump', '-c', '1', '-nvi', 'eth0', 'icmp[icmptype] == icmp-timxceed'],
    );
    let captured = false;
    void capture.then(() => (captured = true));
    await until('capture', 10, async () => {
      await lab.inNs('red-a1', 'ping', '-c', '1', '-W', '0.2', '-t', '1', '10.0.2.31');
      return captured;
    });
    return /ttl (\d+)/.exec((await capture).stdout)?.[1];
  };
  t.equal(await errorTtl(), '64', 'the old build');
  const before = { h1: await lab.ids('h1'), h2: await lab.ids('h2') };
  const old = { h1: await lab.attachments('h1'), h2: await lab.attachments('h2') };
  const load = new Load(lab);
  await load.pass(1000);
  for (let round = 0; round < 5; round++) {
    await install(builds[round % 2]!, bpfDir);
    for (const host of HOSTS) {
      await lab.transit(host, 'reload');
      await load.pass(500);
      const ids = await lab.ids(host);
      t.same(ids.maps, before[host].maps, `${host}: maps stay`);
      t.same(ids.links, before[host].links, `${host}: links stay`);
      const tags = (await lab.attachments(host)).map((a) => a.programTag);
      if (round % 2 === 0) {
        t.notSame(ids.programs, before[host].programs, `${host}: programs are others`);
      } else {
        t.same(
          tags,
          old[host].map((a) => a.programTag),
          `${host}: the old programs again`,
        );
      }
    }
  }
  t.equal(await errorTtl(), '63', 'the new build is at work');
  await load.check(t);
});
