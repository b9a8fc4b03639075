// SPDX-License-Identifier: Apache-2.0
/** The outside as the kernel has it: routes over a device, and a follower on a real link. */
import { test, type Test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { systemClock } from '../../src/base/time.js';
import type { OutsideFact } from '../../src/daemon/calc/output.js';
import { OutsideFollower, SharedNeighbours } from '../../src/daemon/interfaces/index.js';
import { KernelNetlink } from '../../src/daemon/kernel/netlink/index.js';
import { ip, isolated, run, until } from './netlink-support.js';

const MAC = '02:00:00:00:00:02';

/** Two ends: u0 here, u1 in namespace other; both families. */
async function setUp(t: Test): Promise<{ netlink: KernelNetlink; ifindex: number }> {
  run('ip netns add other');
  run('ip link add u0 type veth peer name u1 netns other');
  run('ip addr add 203.0.113.2/24 dev u0');
  run('ip addr add 2001:db8:a::2/64 dev u0 nodad');
  run('ip link set u0 up');
  run('ip link add d0 type veth peer name d1');
  run('ip link set d1 up');
  run('ip addr add 10.9.0.1/24 dev d0');
  run('ip link set d0 up');
  run(`ip -n other link set u1 address ${MAC} up`);
  run('ip -n other addr add 203.0.113.1/24 dev u1');
  run('ip -n other addr add 203.0.113.9/24 dev u1');
  run('ip -n other addr add 2001:db8:a::1/64 dev u1 nodad');
  const netlink = new KernelNetlink({ log: silentLogger() });
  t.teardown(async () => {
    await netlink.close();
    run('ip link del u0');
    run('ip link del d0');
    run('ip -all netns delete');
  });
  return { netlink, ifindex: (await netlink.linkByName('u0'))!.ifindex };
}

if (isolated(import.meta.url)) {
  test('routes of the main table over a device', async (t) => {
    const { netlink, ifindex } = await setUp(t);
    run('ip route add default via 203.0.113.1 metric 7 mtu 1400');
    run('ip route add 10.0.0.0/8 via 10.9.0.2');
    run('ip route add 198.51.100.0/24 nexthop via 203.0.113.1 nexthop via 10.9.0.2');
    run('ip route add 198.51.101.0/24 via inet6 2001:db8:a::1 dev u0');
    run('ip route add 198.51.102.0/24 via 203.0.113.1 table 77');
    run('ip route add blackhole 198.51.103.0/24');
    run('ip route add 198.51.104.0/24 via 203.0.113.1 tos 0x10');
    run('ip -6 route add default via 2001:db8:a::1 mtu 1390');
    const other = (await netlink.linkByName('d0'))!.ifindex;
    const { routes, total } = await netlink.routesOver(ifindex, 100);
    const byPrefix = new Map(routes.map((route) => [route.prefix, route]));
    const hop = { ifindex, gateway: '203.0.113.1' };
    t.match(byPrefix.get('0.0.0.0/0'), { metric: 7, mtu: 1400, hops: [hop], length: 0 });
    t.match(byPrefix.get('203.0.113.0/24'), {
      hops: [{ ifindex, gateway: undefined }],
      mtu: undefined,
    });
    t.same(byPrefix.get('198.51.100.0/24')?.hops, [hop, { ifindex: other, gateway: '10.9.0.2' }]);
    t.same(byPrefix.get('198.51.101.0/24')?.hops, [{ ifindex, gateway: '2001:db8:a::1' }]);
    t.match(byPrefix.get('::/0'), { mtu: 1390, hops: [{ ifindex, gateway: '2001:db8:a::1' }] });
    t.match(byPrefix.get('2001:db8:a::/64'), { hops: [{ ifindex, gateway: undefined }] });
    for (const absent of ['10.0.0.0/8', '198.51.102.0/24', '198.51.103.0/24', '198.51.104.0/24'])
      t.notOk(byPrefix.has(absent), absent);
    t.equal(total, routes.length);
    t.same(await netlink.routesOver(9999, 10), { routes: [], total: 0 }, 'a device that is gone');
  });

  test('of a long table the shortest prefixes are kept', async (t) => {
    const { netlink, ifindex } = await setUp(t);
    run('ip route add default via 203.0.113.1');
    run('ip -6 route add default via 2001:db8:a::1');
    const lines = Array.from(
      { length: 3000 },
      (_, i) => `route add 198.18.${i >> 8}.${i & 255}/32 via 203.0.113.1`,
    );
    const { execFileSync } = await import('node:child_process');
    execFileSync('ip', ['-batch', '-'], { input: lines.join('\n') });
    const { routes, total } = await netlink.routesOver(ifindex, 20);
    t.equal(routes.length, 20);
    t.ok(total >= 3004);
    const prefixes = routes.map((route) => route.prefix);
    for (const kept of ['0.0.0.0/0', '::/0', '203.0.113.0/24', '2001:db8:a::/64'])
      t.equal(prefixes.includes(kept), !kept.includes('a::'), kept);
  });

  test('follows routes, routers and neighbours, and has them resolved', async (t) => {
    const { netlink, ifindex } = await setUp(t);
    const state = new Map<string, unknown>();
    const follower = new OutsideFollower({
      netlink,
      neighbours: new SharedNeighbours({ netlink }).of('outside'),
      clock: systemClock,
      log: silentLogger(),
      devices: () => [ifindex],
      onFact: (fact: OutsideFact) => {
        const key = 'prefix' in fact ? fact.prefix : fact.address;
        const value = 'prefix' in fact ? fact.route : fact.neighbour;
        if (value === undefined) state.delete(key);
        else state.set(key, value);
      },
      onProblem: () => undefined,
    });
    await netlink.monitor((event) => {
      follower.onEvent(event);
    });
    await follower.evaluate();
    t.same(state.get('203.0.113.0/24'), { kind: 'onlink', ifindex, mtu: 1500 });
    t.notOk(
      [...state.keys()].some((key) => key.startsWith('fe80')),
      'nothing of the link itself',
    );
    run('ip route add default via 203.0.113.1 mtu 1400');
    await until('the default route is there', () => state.has('0.0.0.0/0'));
    t.same(state.get('0.0.0.0/0'), {
      kind: 'nexthop',
      ifindex,
      gateway: '203.0.113.1',
      mtu: 1400,
    });
    await until('its router is resolved', () => state.has('203.0.113.1'));
    t.match(state.get('203.0.113.1'), { dmac: MAC, onlinkMtu: 1500 });
    const managed = ip<{ dst: string; managed?: null }>('neigh show dev u0');
    t.ok(managed.some((n) => n.dst === '203.0.113.1' && 'managed' in n));

    for (const address of ['203.0.113.9', '2001:db8:a::1']) {
      follower.punt(address);
      await until(`${address} is resolved`, () => state.has(address));
      t.match(state.get(address), { dmac: MAC, onlinkMtu: 1500 });
    }
    follower.punt('203.0.113.77');
    follower.punt('203.0.113.255');
    follower.punt('203.0.113.2');
    run('ip -n other link set u1 address 02:00:00:00:00:03');
    run('ip netns exec other ping -c 1 -W 2 -I 203.0.113.9 203.0.113.2');
    await until('another MAC', () =>
      JSON.stringify(state.get('203.0.113.9')).includes('02:00:00:00:00:03'),
    );
    for (const absent of ['203.0.113.77', '203.0.113.255', '203.0.113.2'])
      t.notOk(state.has(absent), absent);
    run('ip neigh del 203.0.113.9 dev u0');
    await until('it is gone', () => !state.has('203.0.113.9'));
    run('ip link set u0 down');
    await until('everything is gone', () => state.size === 0);
    run('ip link set u0 up');
    await until('the link is back', () => state.has('203.0.113.0/24'));
    await follower.stop();
  });

  test('every multicast frame, when asked for', async (t) => {
    const { netlink, ifindex } = await setUp(t);
    const flags = (): string[] => ip<{ flags: string[] }>('link show u0')[0]?.flags ?? [];
    t.equal((await netlink.linkByName('u0'))?.allMulticast, false);
    await netlink.setLink(ifindex, { allMulticast: true });
    t.ok(flags().includes('ALLMULTI'));
    t.match(await netlink.linkByName('u0'), { allMulticast: true, up: true });
    await netlink.setLink(ifindex, { allMulticast: false });
    t.notOk(flags().includes('ALLMULTI'));
    t.match(await netlink.linkByName('u0'), { allMulticast: false, up: true });
  });
}
