// SPDX-License-Identifier: Apache-2.0
/** Addresses, routes and neighbours as the kernel has them. */
import { test, type Test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { KernelNetlink } from '../../src/daemon/kernel/netlink/index.js';
import { ip, isolated, run, until } from './netlink-support.js';

interface IpNeighbour {
  readonly dst: string;
  readonly lladdr?: string;
  readonly state: string[];
  readonly managed?: null;
  readonly extern_learn?: null;
}

const MAC = '02:00:00:00:00:02';

/** Two ends: u0 here, u1 in namespace other; both families. */
function setUp(t: Test): KernelNetlink {
  run('ip netns add other');
  run('ip link add u0 type veth peer name u1 netns other');
  run('ip addr add 192.0.2.1/24 dev u0');
  run('ip addr add 2001:db8::1/64 dev u0 nodad');
  run('ip link set u0 up');
  run(`ip -n other link set u1 address ${MAC} up`);
  run('ip -n other addr add 192.0.2.2/24 dev u1');
  run('ip -n other addr add 2001:db8::2/64 dev u1 nodad');
  const netlink = new KernelNetlink({ log: silentLogger() });
  t.teardown(async () => {
    await netlink.close();
    run('ip link del u0');
    run('ip -all netns delete');
  });
  return netlink;
}

const neighbour = (address: string): IpNeighbour | undefined =>
  ip<IpNeighbour>('neigh show dev u0').find((n) => n.dst === address);

if (isolated(import.meta.url)) {
  test('lists addresses', async (t) => {
    const netlink = setUp(t);
    const ifindex = (await netlink.linkByName('u0'))!.ifindex;
    const addresses = await netlink.addresses();
    t.has(addresses, [{ ifindex: 1, address: '127.0.0.1', prefixLength: 8 }]);
    const ours = addresses.filter((a) => a.ifindex === ifindex && !a.address.startsWith('fe80'));
    t.same(ours, [
      { ifindex, address: '192.0.2.1', prefixLength: 24 },
      { ifindex, address: '2001:db8::1', prefixLength: 64 },
    ]);
  });

  test('looks routes up', async (t) => {
    const netlink = setUp(t);
    const ifindex = (await netlink.linkByName('u0'))!.ifindex;
    const base = { ifindex, source: '192.0.2.1', mtu: undefined };
    t.same(await netlink.lookupRoute('192.0.2.2'), { ...base, gateway: '192.0.2.2' });
    t.same(await netlink.lookupRoute('2001:DB8:0::2'), {
      ...base,
      gateway: '2001:db8::2',
      source: '2001:db8::1',
    });
    t.equal(await netlink.lookupRoute('198.51.100.1'), undefined, 'no route');
    t.equal(await netlink.lookupRoute('2001:db8:5::1'), undefined, 'no route');

    run('ip route add 198.51.100.0/24 via 192.0.2.2 mtu 1380');
    run('ip route add 2001:db8:5::/48 via 2001:db8::2 mtu 1390');
    t.same(await netlink.lookupRoute('198.51.100.1'), { ...base, gateway: '192.0.2.2', mtu: 1380 });
    t.match(await netlink.lookupRoute('2001:db8:5::1'), { gateway: '2001:db8::2', mtu: 1390 });

    run('ip route add 203.0.113.0/24 via inet6 2001:db8::2 dev u0');
    t.match(await netlink.lookupRoute('203.0.113.9'), { ifindex, gateway: '2001:db8::2' });

    run('ip route add 198.18.0.0/15 nexthop via 192.0.2.2 nexthop via 192.0.2.3');
    t.match(await netlink.lookupRoute('198.18.0.1'), { ifindex, gateway: /^192\.0\.2\.[23]$/ });
    run('ip -6 route add 2001:db8:6::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3');
    t.match(await netlink.lookupRoute('2001:db8:6::1'), { ifindex, gateway: /^2001:db8::[23]$/ });

    for (const type of ['unreachable', 'prohibit', 'blackhole']) {
      run(`ip route add ${type} 10.9.0.0/16`);
      run(`ip -6 route add ${type} 2001:db8:9::/48`);
      t.equal(await netlink.lookupRoute('10.9.0.1'), undefined, type);
      t.equal(await netlink.lookupRoute('2001:db8:9::1'), undefined, type);
      run(`ip route del ${type} 10.9.0.0/16`);
      run(`ip -6 route del ${type} 2001:db8:9::/48`);
    }
    await t.rejects(netlink.lookupRoute('nonsense'), { code: 'BAD_ADDRESS' });
  });

  test('has the kernel resolve and keep neighbours', async (t) => {
    const netlink = setUp(t);
    const ifindex = (await netlink.linkByName('u0'))!.ifindex;
    for (const address of ['192.0.2.2', '2001:db8::2']) {
      await netlink.manageNeighbour(ifindex, address);
      await netlink.manageNeighbour(ifindex, address);
      await until(`${address} is resolved`, () => neighbour(address)?.lladdr === MAC);
      t.match(neighbour(address), { managed: null, extern_learn: null });
      t.same(
        (await netlink.neighbours()).find((n) => n.address === address),
        { ifindex, address, mac: MAC, valid: true },
      );
      await netlink.unmanageNeighbour(ifindex, address);
      await netlink.unmanageNeighbour(ifindex, address);
      t.equal(neighbour(address), undefined);
    }
    await netlink.manageNeighbour(ifindex, '192.0.2.77');
    t.match(
      (await netlink.neighbours()).find((n) => n.address === '192.0.2.77'),
      { mac: undefined, valid: false },
    );
    await t.rejects(netlink.manageNeighbour(9999, '192.0.2.2'), { code: 'NETLINK_ENODEV' });
    await netlink.unmanageNeighbour(9999, '192.0.2.2');
  });

  test("leaves an administrator's neighbour alone", async (t) => {
    const netlink = setUp(t);
    const ifindex = (await netlink.linkByName('u0'))!.ifindex;
    run('ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev u0 nud permanent');
    await netlink.manageNeighbour(ifindex, '192.0.2.9');
    t.same(neighbour('192.0.2.9')?.state, ['PERMANENT']);
    await netlink.unmanageNeighbour(ifindex, '192.0.2.9');
    t.same(neighbour('192.0.2.9')?.state, ['PERMANENT']);
    run('ip netns exec other ping -c 1 -W 2 192.0.2.1');
    await netlink.unmanageNeighbour(ifindex, '192.0.2.2');
    t.equal(neighbour('192.0.2.2')?.lladdr, MAC, 'learned by traffic');
  });

  test('takes over what traffic resolved, without a gap', async (t) => {
    const netlink = setUp(t);
    const ifindex = (await netlink.linkByName('u0'))!.ifindex;
    run('ping -c 1 -W 2 192.0.2.2');
    await netlink.manageNeighbour(ifindex, '192.0.2.2');
    t.match(
      (await netlink.neighbours()).find((n) => n.address === '192.0.2.2'),
      {
        mac: MAC,
        valid: true,
      },
    );
  });

  test('reads kinds and states of all links', async (t) => {
    const netlink = setUp(t);
    run('ip link add br9 type bridge');
    run('ip link add vx9 type vxlan id 9 dstport 4789 dev u0');
    run('ip link set u0 master br9');
    const links = await netlink.links();
    const truth = ip<{ ifname: string; ifindex: number; mtu: number; address: string }>('link');
    t.same(
      links.map((l) => [l.name, l.ifindex, l.mtu, l.mac]),
      truth.map((l) => [l.ifname, l.ifindex, l.mtu, l.address]),
    );
    const kindOf = (name: string): string | undefined => links.find((l) => l.name === name)?.kind;
    t.same(['lo', 'br9', 'vx9', 'u0'].map(kindOf), ['', 'bridge', 'vxlan', 'veth']);
    t.equal(links.find((l) => l.name === 'vx9')?.peerIfindex, undefined, 'only veths have a peer');
    run('ip link del vx9');
    run('ip link del br9');
  });
}
