// SPDX-License-Identifier: Apache-2.0
/**
 * Real sockets and prefixes that stand for others: a tenant's outside (NPTv6, RFC 6296), and those of
 * two tenants with the same addresses that are peered, each on two hosts.
 */
import { t as suite, test, type Test } from 'tap';
import { download, serveBlobs, upload } from '../support/traffic/blob.js';
import { Lab, until } from '../support/traffic/lab.js';
import {
  ask,
  BEYOND,
  BEYOND_MTU,
  forget,
  get,
  HOST,
  learned,
  pingWhole,
  ROUTER,
  serve,
  traceroute,
} from '../support/traffic/world.js';

const LIMIT = { timeout: 240_000 };
suite.setTimeout(600_000);

const FAMILIES = [4, 6] as const;
/** Of the two ends of the number, as the other tenant sees them. */
const RED = { 4: '100.64.1.', 6: 'fd64:1::' } as const;
const BLUE = { 4: '100.64.2.', 6: 'fd64:2::' } as const;

const GATEWAY = { 4: '10.0.1.1', 6: 'fd00:1::1' } as const;
/** What the tunnel between the hosts leaves (MTU 1500, VXLAN over IPv4). */
const TUNNEL_MTU = 1450;
const MUCH = 4 << 20;

const url = (address: string): string =>
  `http://${address.includes(':') ? `[${address}]` : address}/`;

async function outside(t: Test, lab: Lab): Promise<void> {
  for (const [name, n] of [
    ['red-a1', 11],
    ['red-b1', 21],
  ] as const) {
    const address = `2001:db8:f1:ce57::${n}`;
    t.ok(await lab.ping(name, HOST[6]), `${name} pings out`);
    const seen = await get(lab, name, url(HOST[6]));
    t.equal(seen?.address, address, `${name}: TCP, seen by its outside address`);
    const udp = await ask(lab, name, HOST[6], 5001);
    t.same([udp?.address, udp?.port], [address, 5001], `${name}: UDP, the port is its own`);
    t.ok(await lab.ping('o', address), `${name} is pinged from outside`);
    const inwards = await get(lab, 'o', url(address));
    t.same(
      [inwards?.name, inwards?.address],
      [name, '2001:db8:2::fe'],
      `${name}: TCP from outside`,
    );
    t.equal((await ask(lab, 'o', address, 5002))?.name, name, `${name}: UDP from outside`);
  }
  const hairpin = await get(lab, 'red-a1', url('2001:db8:f1:ce57::21'));
  t.same([hairpin?.name, hairpin?.address], ['red-b1', '2001:db8:f1:ce57::11'], 'hairpin');
  const none = await lab.inNs('o', 'ping', '-c1', '-W2', '2001:db8:f1:ce57::99');
  t.match(none.stdout, /unreachable/, 'an address that stands for nobody');
}

async function outsideTraces(t: Test, lab: Lab): Promise<void> {
  const [from, far] = [ROUTER[6], BEYOND[6]];
  for (const how of [[], ['-I'], ['-T', '-p', '80']]) {
    const kind = how[0] ?? 'UDP';
    const near = await traceroute(lab, 'red-b1', far, ...how);
    t.same(near, [GATEWAY[6], from, far], `${kind}: from the gateway's host`);
    const tunnel = await traceroute(lab, 'red-a1', far, ...how);
    t.same(tunnel, [GATEWAY[6], GATEWAY[6], from, far], `${kind}: through the tunnel`);
    const inwards = await traceroute(lab, 'w', '2001:db8:f1:ce57::11', ...how);
    t.same(inwards, ['2001:db8:6::1', '2001:db8:2::1', '2001:db8:f1:ce57::11'], `${kind}: inwards`);
  }
}

/** Less MTU at a router outside, and, towards red-a2, in the tunnel. */
async function outsideMtu(t: Test, lab: Lab): Promise<void> {
  for (const ns of ['w', 'red-a2']) await serveBlobs(lab, ns);
  for (const name of ['red-a1', 'red-b1']) {
    await forget(lab, name);
    t.match(await pingWhole(lab, name, BEYOND[6], BEYOND_MTU), / 0% packet loss/, 'it fits');
    const big = await pingWhole(lab, name, BEYOND[6], BEYOND_MTU + 1);
    t.match(big, `From ${ROUTER[6]} icmp_seq=1 Packet too big: mtu=1400`, `${name}: told so`);
    await forget(lab, name);
    t.ok((await upload(lab, name, BEYOND[6], MUCH)).whole, `${name}: TCP finds the path's MTU`);
    t.equal(await learned(lab, name, BEYOND[6]), BEYOND_MTU, 'the sender has learned it');
    t.ok((await download(lab, name, BEYOND[6], MUCH)).whole, 'and the other way');
  }
  const inside = '2001:db8:f1:ce57::12';
  await forget(lab, 'o');
  t.match(await pingWhole(lab, 'o', inside, TUNNEL_MTU), / 0% packet loss/, 'it fits');
  const big = await pingWhole(lab, 'o', inside, TUNNEL_MTU + 1);
  t.match(big, `too big: mtu=${TUNNEL_MTU}`, 'inwards: the gateway tells what the tunnel carries');
  await forget(lab, 'o');
  t.ok((await upload(lab, 'o', inside, MUCH)).whole, 'TCP from outside finds it');
  t.equal(await learned(lab, 'o', inside), TUNNEL_MTU, 'the sender outside has learned it');
  t.ok((await download(lab, 'o', inside, MUCH)).whole, 'and the other way');
}

async function peers(t: Test, lab: Lab, f: 4 | 6): Promise<void> {
  for (const [from, to, n, own] of [
    ['red-a1', 'blue-a1', 11, 11],
    ['red-a1', 'blue-b1', 21, 11],
    ['red-b1', 'blue-a1', 11, 21],
  ] as const) {
    const there = `${BLUE[f]}${n}`;
    const back = `${RED[f]}${own}`;
    t.ok(await lab.ping(from, there), `IPv${f}: ${from} pings ${to}`);
    t.ok(await lab.ping(to, back), `IPv${f}: ${to} pings ${from}`);
    const seen = await get(lab, from, url(there));
    t.same([seen?.name, seen?.address], [to, back], `IPv${f}: TCP from ${from} to ${to}`);
    const udp = await ask(lab, from, there, 5003);
    t.same([udp?.name, udp?.address, udp?.port], [to, back, 5003], `IPv${f}: UDP, ports kept`);
    const reverse = await get(lab, to, url(back));
    t.same([reverse?.name, reverse?.address], [from, there], `IPv${f}: TCP from ${to} to ${from}`);
  }
  const closed = await lab.inNs(
    'red-a1',
    process.execPath,
    '-e',
    `const u = require('node:dgram').createSocket('udp${f}');
     u.on('error', (e) => { console.log(e.code); process.exit(); });
     u.connect(7, '${BLUE[f]}21', () => { u.send('?'); setInterval(() => u.send('?'), 300); });
     setTimeout(() => process.exit(1), 4000);`,
  );
  t.match(closed.stdout, 'ECONNREFUSED', `IPv${f}: port unreachable reaches the sender's socket`);
  const trace = await lab.inNs('red-a1', 'traceroute', '-n', '-q1', '-w2', '-m4', `${BLUE[f]}21`);
  t.match(trace.stdout, GATEWAY[f], `IPv${f}: traceroute shows the gateway`);
  t.match(trace.stdout, `${BLUE[f]}21`, 'and the peer');
  t.equal(trace.stdout.trim().split('\n').length, 3, 'one hop, wherever the peer is');
}

async function mtu(t: Test, lab: Lab, f: 4 | 6): Promise<void> {
  const ping = (n: number, size: number): ReturnType<Lab['inNs']> =>
    lab.inNs('red-a2', 'ping', '-c1', '-W2', '-Mdo', `-s${size}`, `${BLUE[f]}${n}`);
  const headers = f === 4 ? 28 : 48;
  const said = (size: number): RegExp =>
    f === 4
      ? new RegExp(`needed and DF set \\(mtu = ${size}\\)`)
      : new RegExp(`too big: mtu=${size}`);
  t.match((await ping(21, 1500 - headers)).stdout, said(1450), `IPv${f}: what the tunnel carries`);
  const far = await ping(22, 1400 - headers);
  t.match(far.stdout, said(1300), `IPv${f}: what the receiver takes, told by its host`);
  t.match((await ping(22, 1300 - headers)).stdout, / 0% packet loss/, 'and so much it does');
}

async function apart(t: Test, lab: Lab): Promise<void> {
  for (const f of FAMILIES) {
    for (const address of [`${BLUE[f]}11`, `${RED[f]}11`])
      t.notOk(await lab.ping('green-a1', address, 1), `IPv${f}: green is peered with nobody`);
    const own = f === 4 ? '10.0.1.21' : 'fd00:1::21';
    t.notOk(await lab.ping('green-a1', own, 1), `IPv${f}: and has no endpoint of that address`);
    t.ok(await lab.ping('red-a1', own, 1), `IPv${f}: red's own is red's`);
    t.equal((await get(lab, 'red-a1', url(own)))?.name, 'red-b1');
    t.equal((await get(lab, 'blue-a1', url(own)))?.name, 'blue-b1');
  }
}

test('prefixes that stand for others', LIMIT, async (t) => {
  const lab = await Lab.up('prefixes', {}, 'prefixes');
  t.teardown(() => lab.down());
  for (const ns of ['o', 'red-a1', 'red-b1', 'blue-a1', 'blue-b1']) await serve(lab, ns);
  await until('the way out', 30, async () => await lab.ping('red-a1', BEYOND[6], 1));

  // @rfc 6296 s2.6
  // @rfc 6296 s3.2
  // @rfc 6296 s3.4
  // @rfc 6296 s3.7
  // @rfc 6296 s4
  // @rfc 6296 s5
  await t.test('outside by another prefix', (s) => outside(s, lab));
  await t.test('traceroute through it', (s) => outsideTraces(s, lab));
  await t.test('path MTU through it', (s) => outsideMtu(s, lab));
  for (const f of FAMILIES) {
    await t.test(`two tenants with the same addresses, IPv${f}`, (s) => peers(s, lab, f));
    await t.test(`path MTU between them, IPv${f}`, (s) => mtu(s, lab, f));
  }
  await t.test('nobody else', (s) => apart(s, lab));
  await t.test('a killed daemon', async (s) => {
    const before = await lab.ids('h1');
    await lab.kill('h1');
    s.ok(await lab.ping('red-a1', `${BLUE[4]}21`), 'the peering works while none runs');
    await lab.start('h1');
    s.ok(await lab.ping('red-a1', `${BLUE[4]}21`));
    s.same((await lab.ids('h1')).maps, before.maps);
  });
  await t.test('a peering that ends', async (s) => {
    for (const host of ['h1', 'h2']) await lab.transit(host, 'delete', 'peering', 'red-blue');
    for (const f of FAMILIES) s.notOk(await lab.ping('red-a1', `${BLUE[f]}21`, 1), `IPv${f}`);
  });
});
