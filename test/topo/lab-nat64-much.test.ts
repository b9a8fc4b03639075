// SPDX-License-Identifier: Apache-2.0
/**
 * Frames of up to 64 KiB change their family: as a workload makes them, as the kernel merges them
 * inside of the tunnel and at the way in from outside, as a host outside makes them; and what must
 * then be cut by the kernel in software. Then the gateway's daemon dies during transfers.
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { t as suite, test, type Test } from 'tap';
import { download, serveBlobs, upload } from '../support/traffic/blob.js';
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
import { shaped, tenantOf, under, WORLD } from '../support/traffic/nat64.js';
import { ask, serve } from '../support/traffic/world.js';

const LIMIT = { timeout: 300_000 };
suite.setTimeout(600_000);

const MUCH = 8 << 20;
/** Payload of a segment: 1450 or 1430 bytes of IPv6 and IPv4, less headers and timestamps. */
const SEGMENT = 1378;
/** tc and XDP, through the tunnel, through one of IPv6, on the gateway. */
const NAMES = ['red-a1', 'red-a2', 'red-b1', 'red-b2', 'blue-a1', 'blue-b1'] as const;
const ON_TC = ['red-a1', 'red-b1', 'blue-a1'] as const;
const OFF = ['tx', 'off', 'tso', 'off', 'gso', 'off'] as const;
const ON = ['tx', 'on', 'tso', 'on', 'gso', 'on'] as const;

/** As lab/objects/nat64, with all droplets by tc: on XDP there are no such frames. */
async function objectsOnTc(): Promise<string> {
  const directory = `${ROOT}/build/lab-nat64much`;
  await mkdir(directory, { recursive: true });
  await cp(`${ROOT}/lab/objects/nat64`, directory, { recursive: true });
  const hosts = `${directory}/10-hosts.yaml`;
  const text = await readFile(hosts, 'utf8');
  await writeFile(hosts, text.replace(/^(spec: \{ host: .*) \}$/gm, '$1, hook: tc }'));
  return directory;
}

interface Device {
  readonly ifname: string;
  readonly stats64: Record<'rx' | 'tx', { readonly packets: number }>;
}

async function devices(lab: Lab, ns: string): Promise<Device[]> {
  return JSON.parse(await must('ip', ['-n', lab.netns(ns), '-j', '-s', 'link'])) as Device[];
}

async function packets(lab: Lab, ns: string, name: string, way: 'rx' | 'tx'): Promise<number> {
  return (await devices(lab, ns)).find(({ ifname }) => ifname === name)!.stats64[way].packets;
}

async function offload(
  lab: Lab,
  ns: string,
  names: readonly string[],
  how: readonly string[],
): Promise<void> {
  for (const name of names) {
    const { status, stderr } = await lab.inNs(ns, 'ethtool', '-K', name, ...how);
    if (status !== 0) throw new Error(`${ns} ${name}: ${stderr}`);
  }
}

/** TCP statistics of a namespace. */
async function tcp(lab: Lab, ns: string, what: string): Promise<number> {
  const { stdout } = await lab.inNs(ns, 'cat', '/proc/net/snmp');
  const [names, values] = stdout.split('\n').filter((line) => line.startsWith('Tcp:'));
  return Number(values!.split(' ')[names!.split(' ').indexOf(what)]);
}

/** Everything both ways: whole, and nothing with a checksum that its receiver refused. */
async function whole(t: Test, lab: Lab): Promise<void> {
  const errors = async (): Promise<number[]> =>
    Promise.all(['o', ...NAMES].map((ns) => tcp(lab, ns, 'InCsumErrors')));
  const before = await errors();
  for (const name of NAMES) {
    const world = under(tenantOf(name), WORLD);
    const sent = await tcp(lab, name, 'RetransSegs');
    const up = await upload(lab, name, world, MUCH);
    t.ok(up.whole, `${name} to the world: ${up.mibPerSecond.toFixed()} MiB/s`);
    const again = (await tcp(lab, name, 'RetransSegs')) - sent;
    t.ok(again < MUCH / SEGMENT / 20, `${again} segments sent again`);
    const down = await download(lab, name, world, MUCH);
    t.ok(down.whole, `${name} from the world: ${down.mibPerSecond.toFixed()} MiB/s`);
  }
  for (const address of ['203.0.113.20', '203.0.113.9', '203.0.113.10']) {
    t.ok((await upload(lab, 'o', address, MUCH)).whole, `the world to ${address}`);
    t.ok((await download(lab, 'o', address, MUCH)).whole, `the world from ${address}`);
  }
  t.same(await errors(), before, 'every checksum was right');
}

/** A datagram that the kernel cuts: 20 of 1200 bytes. */
async function datagrams(t: Test, lab: Lab): Promise<void> {
  const shape = ['-p', '80', '-l', '24000', '--segment', '1200'];
  for (const name of ON_TC) {
    const where = [under(tenantOf(name), WORLD), WORLD] as const;
    const { sent, received, damaged } = await shaped(lab, [name, 'o'], where, ...shape);
    t.ok(sent > 0 && received === sent && damaged === 0, `${name}: UDP in segments`);
  }
  for (const [name, address, listen] of [
    ['red-a3', '203.0.113.20', 'fd00:1::13'],
    ['red-b3', '203.0.113.10', 'fd00:1::23'],
  ] as const) {
    const seen = await shaped(lab, ['o', name], [address, listen], ...shape);
    t.ok(seen.sent > 0 && seen.received === seen.sent && seen.damaged === 0, `${name}: inwards`);
  }
}

/** Whether few and large frames passed. */
async function merged(
  t: Test,
  what: string,
  count: () => Promise<number>,
  transfer: () => Promise<{ readonly whole: boolean }>,
): Promise<void> {
  const before = await count();
  t.ok((await transfer()).whole, `${what}: whole`);
  const passed = (await count()) - before;
  const segments = Math.round(MUCH / SEGMENT);
  t.ok(passed < segments / 3, `${what}: ${passed} packets instead of ${segments}`);
}

async function dies(t: Test, lab: Lab): Promise<void> {
  const world = under('red', WORLD);
  const there = ['-a', world, '--listen', WORLD] as const;
  const own = await ask(lab, 'red-a1', world, 5005);
  t.ok(own, 'red-a1 is seen outside');
  const before = await lab.ids('h2');
  const flows = {
    udp: [
      new Flow<UdpResult>(lab, 'udpflow', 'red-a1', 'o', ...there, '-p', '7001', '-r', '1000'),
      new Flow<UdpResult>(
        lab,
        ...(['udpflow', 'o', 'red-b2', '-a', '203.0.113.9', '-p', '7003'] as const),
        ...['--listen', 'fd00:1::22', '-r', '1000'],
      ),
    ],
    tcp: [new Flow<TcpResult>(lab, 'tcpconn', 'red-b1', 'o', ...there, '-p', '7101', '-r', '20')],
    old: [
      new Flow<PingPongResult>(
        lab,
        ...(['pingpong', 'red-a1', 'o', ...there, '-p', '7201', '-r', '200', '--tcp'] as const),
      ),
    ],
  };
  const slowly = { rate: 3 << 20 };
  let over = false;
  const transfers = Promise.all([
    upload(lab, 'red-a1', world, 2 * MUCH, slowly),
    download(lab, 'red-b1', world, 2 * MUCH, slowly),
    upload(lab, 'o', '203.0.113.20', 2 * MUCH, slowly),
  ]).finally(() => (over = true));
  await lab.kill('h2');
  t.same(await ask(lab, 'red-a1', world, 5005), own, 'while no daemon runs, the same mapping');
  t.ok(await ask(lab, 'red-b1', world, 5006), 'and new ones');
  await lab.start('h2');
  t.notOk(over, 'it was killed and started during the transfers');
  t.same(await ask(lab, 'red-a1', world, 5005), own, 'after its start, too');
  for (const { whole: right } of await transfers) t.ok(right, 'a transfer is whole');
  t.same(await lab.ids('h2'), before, 'the same maps, links, programs');
  for (const flow of flows.udp) {
    const { sent, lost, duplicates } = await flow.result();
    t.ok(sent > 1000, `${sent} packets`);
    t.same([lost, duplicates], [0, 0], 'none lost, none twice');
  }
  for (const flow of flows.tcp) {
    const { opened, failed, corrupted, error } = await flow.result();
    t.ok(opened > 50, `${opened} connections`);
    t.same([failed, corrupted], [0, 0], `none failed (${error})`);
  }
  for (const flow of flows.old) t.equal((await flow.result()).lost, 0, 'an old connection goes on');
}

test('large frames, and a daemon that dies', LIMIT, async (t) => {
  const objects = await objectsOnTc();
  t.teardown(() => rm(objects, { recursive: true, force: true }));
  const lab = await Lab.up('nat64much', { LAB_OBJECTS: objects }, 'nat64');
  t.teardown(() => lab.down());
  await serve(lab, 'o');
  for (const ns of ['o', 'red-a3', 'red-b2', 'red-b3']) await serveBlobs(lab, ns);
  for (const name of [...NAMES, 'red-a3', 'red-b3'] as const)
    await until(`the way out of ${name}`, 30, () =>
      lab.ping(name, under(tenantOf(name), WORLD), 1),
    );

  await t.test('merged at the way in', async (s) => {
    await whole(s, lab);
    const sent = (): Promise<number> => packets(lab, 'h2', 'out0', 'tx');
    for (const name of ON_TC)
      await merged(s, `from ${name}`, sent, () =>
        upload(lab, name, under(tenantOf(name), WORLD), MUCH),
      );
  });
  await t.test('made by a host outside', async (s) => {
    await offload(lab, 'o', ['o0'], ON);
    await whole(s, lab);
    await datagrams(s, lab);
    for (const name of ON_TC)
      await merged(
        s,
        `to ${name}`,
        () => packets(lab, name, 'eth0', 'rx'),
        () => download(lab, name, under(tenantOf(name), WORLD), MUCH),
      );
  });
  await t.test('merged inside of the tunnel, and cut in software', async (s) => {
    for (const host of ['h1', 'h2']) {
      const names = (await devices(lab, host)).map(({ ifname }) => ifname);
      await offload(
        lab,
        host,
        names.filter((name) => /^(ul0|out0|te)/.test(name)),
        OFF,
      );
    }
    await whole(s, lab);
    await datagrams(s, lab);
  });
  await t.test('the daemon of the gateway dies', (s) => dies(s, lab));
  for (const host of ['h1', 'h2'])
    t.notMatch(await lab.text(host, '/v1/drops'), /REWRITE|CHECKSUM/, `${host} rewrote all`);
});
