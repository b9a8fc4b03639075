// SPDX-License-Identifier: Apache-2.0
/**
 * TCP that the kernel merges inside the tunnel before a transit program on tc sees it: it arrives
 * merged and whole, over both families, and once more when a workload routes it on. The device
 * that makes the kernel do so takes nothing, goes with its need, and is found again.
 */
import { t as suite, test } from 'tap';
import { Lab, must, until, type Finished } from '../support/traffic/lab.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

const MIB = 48;
/** Payload of a segment at this lab's MTU, at most. */
const SEGMENT = 1390;

/** Takes one connection and answers with the digest of what came. */
const SERVER = `
const { createServer } = require('node:net');
const { createHash } = require('node:crypto');
createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash('sha256');
  socket.on('data', (data) => hash.update(data));
  socket.on('end', () => socket.end(hash.digest('hex'), () => process.exit(0)));
}).listen(5001, '::', () => console.log('listening'));`;

/** Sends random bytes, every block its own, and prints what both ends make of them. */
const CLIENT = `
const { connect } = require('node:net');
const { createHash, randomBytes } = require('node:crypto');
const socket = connect(5001, process.argv[1]);
const hash = createHash('sha256');
const block = randomBytes(1 << 20);
let left = ${MIB}, answer = '';
const send = () => {
  while (left > 0) {
    const now = Buffer.from(block);
    now.writeUInt32LE(left--, left % 1000);
    hash.update(now);
    if (!socket.write(now)) return socket.once('drain', send);
  }
  socket.end();
};
socket.on('connect', send);
socket.on('data', (data) => (answer += data));
socket.on('end', () => console.log(JSON.stringify([hash.digest('hex'), answer])));`;

/** TcpRetransSegs of a namespace. */
async function retransmitted(lab: Lab, workload: string): Promise<number> {
  const { stdout } = await lab.inNs(workload, 'cat', '/proc/net/snmp');
  const [names, values] = stdout.split('\n').filter((line) => line.startsWith('Tcp:'));
  const at = names!.split(' ').indexOf('RetransSegs');
  return Number(values!.split(' ')[at]);
}

interface Streamed {
  readonly same: boolean;
  readonly retransmitted: number;
}

async function stream(lab: Lab, from: string, to: string, address: string): Promise<Streamed> {
  const server = lab.inNs(to, 'timeout', '60', 'node', '-e', SERVER);
  await until('a listener', 10, async () =>
    (await lab.inNs(to, 'ss', '-Hltn', 'sport = :5001')).stdout.includes(':5001'),
  );
  const before = await retransmitted(lab, from);
  const { stdout, stderr } = await lab.inNs(from, 'timeout', '60', 'node', '-e', CLIENT, address);
  await server;
  if (stdout === '') throw new Error(`${from} to ${address}: ${stderr}`);
  const [sent, received] = JSON.parse(stdout) as [string, string];
  return { same: sent === received, retransmitted: (await retransmitted(lab, from)) - before };
}

interface Device {
  readonly ifindex: number;
  readonly ifname: string;
  readonly address: string;
  readonly stats64: Record<'rx' | 'tx', { readonly packets: number }>;
}

/** VXLAN devices of a host. */
async function listeners(lab: Lab, host: string): Promise<Device[]> {
  const args = ['-n', lab.netns(host), '-j', '-s', 'link', 'show', 'type', 'vxlan'];
  const all = JSON.parse((await must('ip', args)) || '[]') as Partial<Device>[];
  return all.filter((device): device is Device => device.ifname !== undefined);
}

interface Conditions {
  readonly status: { readonly conditions: { readonly type: string; readonly status: string }[] };
}
async function merging(lab: Lab, host: string): Promise<string | undefined> {
  const droplet = (await lab.call(host, 'GET', `/v1/droplets/${host}`)) as Conditions;
  return droplet.status.conditions.find(({ type }) => type === 'Merging')?.status;
}

/** The wire carries frames of its MTU with complete checksums. */
async function asWire(lab: Lab): Promise<void> {
  const off = ['tx', 'off', 'tso', 'off', 'gso', 'off'];
  for (const host of ['h1', 'h2']) await lab.inNs(host, 'ethtool', '-K', 'ul0', ...off);
}

async function toldSo(answer: Promise<Finished>): Promise<string> {
  const { status, stdout, stderr } = await answer;
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

test('TCP arrives merged and whole', LIMIT, async (t) => {
  const lab = await Lab.up('gro', {}, 'gro');
  t.teardown(() => lab.down());
  await asWire(lab);
  const forward = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
  await toldSo(lab.inNs('r', 'sysctl', '-qw', ...forward));
  t.equal(await merging(lab, 'h1'), 'True', 'the condition says so');

  const directly = [
    ['red-a', '10.0.1.21', 'IPv4 over IPv4'],
    ['red-a', 'fd00:1::21', 'IPv6 over IPv4'],
    ['blue-a', '10.0.2.21', 'IPv4 over IPv6'],
    ['blue-a', 'fd00:2::21', 'IPv6 over IPv6'],
  ] as const;
  for (const [from, address, what] of directly) {
    const device = from === 'red-a' ? 'eth0' : 'eth1';
    const count = async (): Promise<number> => {
      const args = ['-n', lab.netns('r'), '-j', '-s', 'link', 'show', 'dev', device];
      return (JSON.parse(await must('ip', args)) as Device[])[0]!.stats64.rx.packets;
    };
    const before = await count();
    const { same, retransmitted } = await stream(lab, from, 'r', address);
    const packets = (await count()) - before;
    t.ok(same, `${what}: whole`);
    const segments = (MIB << 20) / SEGMENT;
    t.ok(packets < segments / 3, `${what}: ${packets} packets, not ${Math.round(segments)}`);
    t.ok(retransmitted < segments / 20, `${what}: ${retransmitted} segments sent again`);
  }

  const onwards = [
    ['red-a', 'blue-a', '10.0.2.11', 'IPv4'],
    ['red-a', 'blue-a', 'fd00:2::11', 'IPv6'],
    ['blue-a', 'red-a', '10.0.1.11', 'IPv4'],
    ['blue-a', 'red-a', 'fd00:1::11', 'IPv6'],
  ] as const;
  for (const [from, to, address, family] of onwards) {
    const { same, retransmitted } = await stream(lab, from, to, address);
    t.ok(same, `${from} to ${to}, routed by a workload, ${family}: whole`);
    t.ok(retransmitted < (MIB << 20) / SEGMENT / 20, `${retransmitted} segments sent again`);
  }
  // a tunnel of the workloads' own inside of ours
  for (const [ns, remote, address] of [
    ['red-a', '10.0.1.21', '192.0.2.1/24'],
    ['r', '10.0.1.11', '192.0.2.2/24'],
  ] as const) {
    const vxlan = ['type', 'vxlan', 'id', '7', 'dstport', '8472', 'remote', remote];
    await toldSo(lab.inNs(ns, 'ip', 'link', 'add', 'inner', 'mtu', '1300', ...vxlan));
    await toldSo(lab.inNs(ns, 'ip', 'addr', 'add', address, 'dev', 'inner'));
    await toldSo(lab.inNs(ns, 'ip', 'link', 'set', 'inner', 'up'));
  }
  t.ok(await lab.ping('red-a', '192.0.2.2'), 'a tunnel inside of the tunnel');

  const drops = JSON.stringify(await lab.call('h2', 'GET', '/v1/drops'));
  t.notMatch(drops, /REWRITE/, 'every frame could be rewritten');
});

/** Sends an echo request for the device's MAC inside of VXLAN, by the host's own socket. */
const INTRUDER = `
const socket = require('node:dgram').createSocket('udp4');
const [address, mac] = process.argv.slice(1);
const ping = '4500001c00000000400166d0' + 'ac100101' + 'ac100909' + '0800f7ff00000000';
const frame = mac.replaceAll(':', '') + '020000000001' + '0800' + ping;
const vnis = [0, 1, 100, 4789, 0xffffff];
let left = vnis.length;
for (const vni of vnis) {
  const header = '08000000' + vni.toString(16).padStart(6, '0') + '00';
  socket.send(Buffer.from(header + frame, 'hex'), 4789, address, () => --left || socket.close());
}`;

test('the device takes nothing and goes with its need', LIMIT, async (t) => {
  const lab = await Lab.up('grodev', {}, 'gro');
  t.teardown(() => lab.down());
  const [device, ...more] = await listeners(lab, 'h2');
  t.same(more, [], 'one for both families');
  const shown = await toldSo(lab.inNs('h2', 'ip', 'addr', 'show', 'dev', device!.ifname));
  t.notMatch(shown, /inet/, 'no addresses');

  // an address of the host's that is no droplet's: the program passes it on
  await toldSo(lab.inNs('h2', 'ip', 'addr', 'add', '172.16.9.9/32', 'dev', 'ul0'));
  await toldSo(lab.inNs('h1', 'node', '-e', INTRUDER, '172.16.9.9', device!.address));
  t.ok(
    (await lab.inNs('h1', 'ping', '-c', '1', '-W', '2', '172.16.9.9')).status === 0,
    'it is there',
  );
  const [after] = await listeners(lab, 'h2');
  t.same([after!.stats64.rx.packets, after!.stats64.tx.packets], [0, 0], 'no packet came of it');

  await lab.kill('h2');
  await lab.start('h2');
  t.equal((await listeners(lab, 'h2'))[0]?.ifindex, device!.ifindex, 'found again');
  await toldSo(lab.inNs('h2', 'ip', 'link', 'del', device!.ifname));
  await until('a new one', 10, async () => (await listeners(lab, 'h2')).length === 1);

  // h1: somebody else's VXLAN device listens, then something that is none
  const [own] = await listeners(lab, 'h1');
  const objects = `build/lab/${lab.name}/objects/10-network.yaml`;
  const onXdp = `build/lab/${lab.name}/xdp.yaml`;
  await must('sh', ['-c', `sed '/name: h1 }/{n;s/hook: tc/hook: xdp/}' ${objects} >${onXdp}`]);
  await lab.transit('h1', 'apply', '-f', onXdp);
  await until('its end', 10, async () => (await listeners(lab, 'h1')).length === 0);
  t.equal(await merging(lab, 'h1'), undefined, 'nothing is said of it on XDP');
  const add = ['link', 'add', 'mine', 'type', 'vxlan', 'id', '7', 'dstport', '4789'];
  await toldSo(lab.inNs('h1', 'ip', ...add));
  await toldSo(lab.inNs('h1', 'ip', 'link', 'set', 'mine', 'up'));
  await lab.transit('h1', 'apply', '-f', objects);
  await until('the condition', 10, async () => (await merging(lab, 'h1')) === 'True');
  t.same(
    (await listeners(lab, 'h1')).map(({ ifname }) => ifname),
    ['mine'],
    "another's device will do",
  );
  t.ok(await lab.ping('red-a', '10.0.1.21'), 'traffic');
  const holder = lab.inNs(
    'h1',
    ...['timeout', '20', 'node', '-e'],
    `process.once('SIGTERM', () => process.exit(0));
     const socket = require('node:dgram').createSocket('udp4');
     const bind = () => socket.bind(4789);
     socket.on('error', () => setTimeout(bind, 1)); bind();`,
  );
  await toldSo(lab.inNs('h1', 'ip', 'link', 'del', 'mine'));
  const taken = async (): Promise<boolean> => (await merging(lab, 'h1')) !== undefined;
  await until('an answer', 10, taken);
  t.ok(await lab.ping('red-a', '10.0.1.21'), 'traffic goes on whoever has the port');
  await holder;
  await until('the device, when the port is free', 90, async () => {
    const now = await listeners(lab, 'h1');
    return now.length === 1 && now[0]!.ifname === own!.ifname;
  });
  t.equal(await merging(lab, 'h1'), 'True', 'and the condition');

  await lab.kill('h1');
  const config = `build/lab/${lab.name}/h1/transitd.yaml`;
  await toldSo(lab.inNs('h1', 'node', 'dist/daemon/main.js', '--config', config, '--purge'));
  t.same(await listeners(lab, 'h1'), [], 'a purge takes it along');
});
