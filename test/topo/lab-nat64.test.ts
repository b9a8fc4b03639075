// SPDX-License-Identifier: Apache-2.0
/**
 * Workloads that have IPv6 only and a world outside that has IPv4 only, real sockets: three tenants
 * with the same addresses and a prefix of another length each, on the gateway's host and behind its
 * tunnel, by agents on both hooks.
 */
import { t as suite, test, type Test } from 'tap';
import { Lab, until } from '../support/traffic/lab.js';
import {
  FAR,
  GLOBAL,
  OTHER_WORLD,
  shaped,
  tenantOf,
  under,
  WORLD,
  type Shaped,
} from '../support/traffic/nat64.js';
import {
  ask,
  BEYOND_MTU,
  forget,
  get,
  learned,
  pingWhole,
  ROUTER,
  serve,
  traceroute,
} from '../support/traffic/world.js';
import { download, serveBlobs, upload } from '../support/traffic/blob.js';

const LIMIT = { timeout: 300_000 };
suite.setTimeout(600_000);

/** By name: the hook of each one's agent, and whether it is behind the tunnel. */
const WHO = {
  'red-a1': 'tc, through the tunnel',
  'red-a2': 'XDP, through the tunnel',
  'red-b1': 'tc, on the gateway',
  'blue-a1': 'tc, through a tunnel over IPv6',
  'blue-b1': 'XDP, on the gateway',
} as const;
const NAMES = Object.keys(WHO) as (keyof typeof WHO)[];
/** The pool of each tenant. */
const POOL = { red: /^203\.0\.113\.[12]$/, blue: /^203\.0\.113\.3$/, green: /^203\.0\.113\.4$/ };
const GATEWAY = 'fd00:1::1';
/** What the tunnel between the hosts leaves (MTU 1500, VXLAN over IPv4), and an IPv4 packet of it. */
const TUNNEL_MTU = 1450;
/** By how much a packet is longer as IPv6. */
const GAP = 20;
const MUCH = 2 << 20;

const url = (address: string): string =>
  `http://${address.includes(':') ? `[${address}]` : address}/`;

async function out(t: Test, lab: Lab): Promise<void> {
  for (const name of NAMES) {
    const tenant = tenantOf(name);
    const world = under(tenant, WORLD);
    t.ok(await lab.ping(name, world), `${name} (${WHO[name]}) pings ${world}`);
    const seen = await get(lab, name, url(world));
    t.match(seen?.address, POOL[tenant], `${name} is seen from its tenant's pool`);
    const one = await ask(lab, name, world, 5353);
    const two = await ask(lab, name, under(tenant, OTHER_WORLD), 5353);
    t.equal(one?.address, seen?.address, 'one public address for all of an endpoint');
    t.equal(one?.port, two?.port, 'endpoint-independent mapping');
    t.equal((one?.port ?? 0) % 2, 1, 'parity kept');
  }
  t.ok(await lab.ping('green-a1', under('green', GLOBAL)), 'the well-known prefix');
  t.notOk(await lab.ping('green-a1', under('green', WORLD), 1), 'is for global addresses only');
  t.notOk(await lab.ping('blue-a1', under('red', WORLD), 1), "nobody uses another tenant's prefix");
}

async function traces(t: Test, lab: Lab): Promise<void> {
  for (const how of [[], ['-I'], ['-T', '-p', '80']]) {
    const kind = how[0] ?? 'UDP';
    for (const name of ['red-a1', 'red-b1', 'blue-a1', 'blue-b1']) {
      const see = (v4: string): string => under(tenantOf(name), v4);
      const gateways = name.includes('-a') ? [GATEWAY, GATEWAY] : [GATEWAY];
      const hops = await traceroute(lab, name, see(FAR), ...how);
      t.same(hops, [...gateways, see(ROUTER[4]), see(FAR)], `${kind}: ${name}`);
    }
  }
  // a router without a global address cannot be shown under this prefix
  const hops = await traceroute(lab, 'green-a1', under('green', GLOBAL));
  t.same(hops, [GATEWAY, GATEWAY, under('green', GLOBAL)], 'the well-known prefix');
  // and from outside, whoever answers within is an IPv4 address
  t.same(await traceroute(lab, 'w', '203.0.113.20', '-I'), [
    '198.51.100.129',
    '192.0.2.1',
    '203.0.113.20',
  ]);
}

/** A router outside has less MTU than the workload. */
async function mtuOut(t: Test, lab: Lab): Promise<void> {
  await serveBlobs(lab, 'w');
  for (const name of ['red-a1', 'red-b1', 'blue-b1']) {
    const far = under(tenantOf(name), FAR);
    const router = under(tenantOf(name), ROUTER[4]);
    await forget(lab, name);
    t.match(await pingWhole(lab, name, far, BEYOND_MTU + GAP), / 0% packet loss/, 'it fits');
    const big = await pingWhole(lab, name, far, BEYOND_MTU + GAP + 1);
    t.match(big, `From ${router}`, `${name}: the router outside says it`);
    t.match(big, `mtu=${BEYOND_MTU + GAP}`, 'and an MTU that holds for IPv6');
    await forget(lab, name);
    t.ok((await upload(lab, name, far, MUCH)).whole, `${name}: TCP finds the path's MTU`);
    t.equal(await learned(lab, name, far), BEYOND_MTU + GAP, 'the sender has learned it');
  }
}

/** There is less MTU towards the workload: by the tunnel, or at its own link. */
async function mtuIn(t: Test, lab: Lab): Promise<void> {
  for (const [address, name, mtu] of [
    ['203.0.113.20', 'red-a3', TUNNEL_MTU],
    ['203.0.113.10', 'red-b3', 1300],
  ] as const) {
    await serveBlobs(lab, name);
    await forget(lab, 'o', 'w');
    t.match(await pingWhole(lab, 'o', address, mtu - GAP), / 0% packet loss/, 'it fits');
    const big = await pingWhole(lab, 'o', address, mtu - GAP + 1);
    t.match(big, `mtu = ${mtu - GAP}`, `${name}: the gateway tells an MTU that holds for IPv4`);
    t.equal(await learned(lab, 'o', address), mtu - GAP, 'the sender has learned it');
    await forget(lab, 'o');
    t.ok((await upload(lab, 'o', address, MUCH)).whole, `${name}: TCP from outside finds the MTU`);
    t.ok((await download(lab, 'o', address, MUCH)).whole, 'and the other way');
    // red-b3 says itself how much its link takes; red-a3 cannot know of the tunnel
    if (name === 'red-a3') t.equal(await learned(lab, 'o', address), mtu - GAP, 'TCP was told');
  }
}

/** Static entries: IPv4 addresses and ports that stand for IPv6 ones. */
async function inwards(t: Test, lab: Lab): Promise<void> {
  for (const [address, name] of [
    ['203.0.113.20', 'red-a3'],
    ['203.0.113.9', 'red-b2'],
  ] as const) {
    t.ok(await lab.ping('w', address), `${name} is pinged at ${address}`);
    const seen = await get(lab, 'w', url(address));
    t.same([seen?.name, seen?.address], [name, under('red', FAR)], 'TCP');
    const udp = await ask(lab, 'w', address, 6001);
    t.same([udp?.name, udp?.address, udp?.port], [name, under('red', FAR), 6001], 'UDP');
    const back = await get(lab, name, url(under('red', WORLD)));
    t.equal(back?.address, address, `${name} is seen by the same address`);
  }
  for (const [address, name] of [
    ['203.0.113.1', 'red-a1'],
    ['203.0.113.3', 'blue-b1'],
  ] as const) {
    const from = under(tenantOf(name), WORLD);
    const seen = await get(lab, 'o', `http://${address}:8080/`);
    t.same([seen?.name, seen?.address], [name, under(tenantOf(name), ROUTER[4])], `${name}: TCP`);
    const bound = ['--interface', WORLD, '--max-time', '5', `http://${address}:8080/`];
    const { stdout } = await lab.inNs('o', 'curl', '-s', ...bound);
    t.match(stdout, `${name} ${from} `, 'whichever address the client has');
    const udp = await shaped(lab, ['o', name], [address, LISTEN[name]], '-l', '500');
    t.equal(udp.damaged + udp.sent - udp.received, 0, `${name}: UDP to a forwarded port`);
  }
}
const LISTEN = { 'red-a1': 'fd00:1::11', 'blue-b1': 'fd00:1::21' } as const;

/** Endpoints with IPv6 only reach each other by public IPv4 addresses. */
async function hairpins(t: Test, lab: Lab): Promise<void> {
  for (const [from, address, to] of [
    ['red-b1', '203.0.113.20', 'red-a3'],
    ['red-a1', '203.0.113.9', 'red-b2'],
    ['blue-a1', '203.0.113.9', 'red-b2'],
    ['blue-b1', '203.0.113.20', 'red-a3'],
  ] as const) {
    const there = under(tenantOf(from), address);
    t.ok(await lab.ping(from, there), `${from} pings ${to} at ${there}`);
    const seen = await get(lab, from, url(there));
    t.equal(seen?.name, to, `${from} reaches ${to}: TCP`);
    const own = (await get(lab, from, url(under(tenantOf(from), WORLD))))?.address ?? '';
    t.equal(
      seen?.address,
      under('red', own),
      'seen by its public address, as the receiver sees it',
    );
    t.equal((await ask(lab, from, there, 6003))?.name, to, 'UDP');
  }
  for (const [from, address, to] of [
    ['red-a2', '203.0.113.3', 'blue-b1'],
    ['blue-a1', '203.0.113.1', 'red-a1'],
  ] as const) {
    const there = under(tenantOf(from), address);
    const seen = await get(lab, from, `http://[${there}]:8080/`);
    t.equal(seen?.name, to, `${from} reaches a forwarded port of ${to}`);
  }
}

/** Port 80 is port 80. */
const SAME = ['-p', '80'] as const;

async function shapes(t: Test, lab: Lab): Promise<void> {
  const whole = (what: string, { sent, received, damaged }: Shaped): void => {
    t.ok(sent > 0 && received === sent && damaged === 0, what);
  };
  for (const [from, to, address, listen] of [
    ['o', 'red-a3', '203.0.113.20', 'fd00:1::13'],
    ['o', 'red-b2', '203.0.113.9', 'fd00:1::22'],
    ['o', 'red-b3', '203.0.113.10', 'fd00:1::23'],
  ] as const) {
    const ends = [from, to] as const;
    const none = await shaped(lab, ends, [address, listen], ...SAME, '-l', '1200', '--no-checksum');
    whole(`${to}: UDP without a checksum is given one`, none);
    // what comes first may only teach the sender the path's MTU
    await shaped(lab, ends, [address, listen], ...SAME, '-l', '5000');
    whole(`${to}: fragments`, await shaped(lab, ends, [address, listen], ...SAME, '-l', '5000'));
  }
  for (const name of NAMES) {
    const ends = [name, 'o'] as const;
    const where = [under(tenantOf(name), WORLD), WORLD] as const;
    whole(`${name}: fragments`, await shaped(lab, ends, where, ...SAME, '-l', '5000'));
  }
}

test('IPv6 endpoints and a world of IPv4', LIMIT, async (t) => {
  const lab = await Lab.up('nat64', {}, 'nat64');
  t.teardown(() => lab.down());
  for (const ns of ['o', 'w', 'red-a3', 'red-b2']) await serve(lab, ns);
  for (const ns of ['red-a1', 'blue-b1']) await serve(lab, ns, { udp: 9998 });
  for (const name of [...NAMES, 'red-a3', 'red-b2', 'red-b3'])
    await until(`the way out of ${name}`, 30, () =>
      lab.ping(name, under(tenantOf(name), WORLD), 1),
    );

  // @rfc 6052 s2.2
  // @rfc 6146 s3.5.1.1
  // @rfc 6146 s3.5.1.1a
  // @rfc 6146 s3.5.2
  // @rfc 6146 s3.5.3
  // @rfc 6146 s5.2
  await t.test('out', (s) => out(s, lab));
  // @rfc 6146 s3.6
  // @rfc 7915 s4.1b
  await t.test('traceroute', (s) => traces(s, lab));
  await t.test('path MTU towards the outside', (s) => mtuOut(s, lab));
  await t.test('path MTU from the outside', (s) => mtuIn(s, lab));
  // @rfc 6146 s3.5.2
  await t.test('inwards by static entries', (s) => inwards(s, lab));
  // @rfc 6146 s3.8
  await t.test('inside hosts by public address', (s) => hairpins(s, lab));
  // @rfc 6146 s3.4
  // @rfc 7915 s4.5a
  await t.test('shapes of UDP', (s) => shapes(s, lab));
});
