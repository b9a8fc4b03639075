// SPDX-License-Identifier: Apache-2.0
/** Pairs as the kernel has them: made, completed, corrected, refused. */
import { test, type Test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { KernelNetlink } from '../../src/daemon/kernel/netlink/index.js';
import type { VethSpec } from '../../src/daemon/ports/netlink.js';
import { ip, isolated, run } from './netlink-support.js';

const MAC = '02:54:00:00:00:05';

interface IpLink {
  readonly ifname: string;
  readonly ifindex: number;
  readonly link_index?: number;
  readonly mtu: number;
  readonly address: string;
  readonly flags: string[];
  readonly ifalias?: string;
  readonly addr_info: { local: string; prefixlen: number; scope: string; tentative?: boolean }[];
}
interface IpRoute {
  readonly dst: string;
  readonly gateway?: string;
}

function spec(change: Partial<VethSpec> = {}): VethSpec {
  return {
    name: 'ep1',
    peerName: 'eth0',
    netns: 'w1',
    peerMac: MAC,
    mtu: 1400,
    addresses: ['10.0.0.5/24', 'fd00::5/64'],
    gateways: ['10.0.0.1', 'fd00::1'],
    alias: 'transit:a:Endpoint/web-1',
    peerGro: true,
    peerTxChecksum: false,
    ...change,
  };
}

/** An adapter, and the namespace w1; both are gone after the test. */
function setUp(t: Test): KernelNetlink {
  const netlink = new KernelNetlink({ log: silentLogger() });
  run('ip netns add w1');
  t.teardown(async () => {
    for (const link of await netlink.links()) {
      if (link.name !== 'lo') await netlink.deleteLink(link.ifindex);
    }
    await netlink.close();
    run('ip -all netns delete');
  });
  return netlink;
}

const inside = (args: string): string => `-n w1 ${args}`;
const peerAddresses = (): string[] =>
  ip<IpLink>(inside('addr show dev eth0'))[0]!
    .addr_info.filter((a) => a.scope === 'global')
    .map((a) => `${a.local}/${a.prefixlen}`);
const gateways = (): (string | undefined)[] =>
  [
    ...ip<IpRoute>(inside('route show default')),
    ...ip<IpRoute>(inside('-6 route show default')),
  ].map((r) => r.gateway);

if (isolated(import.meta.url)) {
  test('makes a pair that works at once', async (t) => {
    const netlink = setUp(t);
    const link = await netlink.ensureVeth(spec());
    run('ip addr add 10.0.0.1/24 dev ep1');
    run('ip -6 addr add fd00::1/64 dev ep1 nodad');
    run('ip netns exec w1 ping -c 1 -W 2 10.0.0.1');
    run('ip netns exec w1 ping -c 1 -W 2 fd00::1');

    const [near] = ip<IpLink>('addr show dev ep1');
    const [far] = ip<IpLink>(inside('addr show dev eth0'));
    t.match(link, {
      name: 'ep1',
      kind: 'veth',
      ifindex: near!.ifindex,
      mac: near!.address,
      mtu: 1400,
      up: true,
      peerIfindex: far!.ifindex,
      peerElsewhere: true,
      alias: 'transit:a:Endpoint/web-1',
    });
    t.notOk('peerNetnsId' in link, 'what the port has and no more');
    t.equal(near!.mtu, 1400);
    t.equal(far!.mtu, 1400);
    t.equal(far!.address, MAC);
    t.same(peerAddresses().sort(), ['10.0.0.5/24', 'fd00::5/64']);
    t.notOk(far!.addr_info.some((a) => a.local === 'fd00::5' && a.tentative === true));
    t.same(gateways(), ['10.0.0.1', 'fd00::1']);
    t.ok(ip<IpLink>(inside('link show dev lo'))[0]!.flags.includes('UP'), 'lo is up');
    const features = run('ip netns exec w1 ethtool -k eth0');
    t.match(features, /generic-receive-offload: on/);
    t.match(features, /tx-checksumming: off/);
    t.match(features, /tx-vlan-offload: off/);
    t.same(
      await netlink.linkByName('ep1'),
      (await netlink.links()).find((l) => l.name === 'ep1'),
    );
    t.equal(await netlink.linkByName('nothing'), undefined);
  });

  test('is idempotent', async (t) => {
    const netlink = setUp(t);
    const first = await netlink.ensureVeth(spec());
    const before = run('ip -n w1 -d addr show dev eth0') + run('ip -n w1 route');
    const second = await netlink.ensureVeth(spec());
    t.equal(second.ifindex, first.ifindex);
    t.equal(run('ip -n w1 -d addr show dev eth0') + run('ip -n w1 route'), before);
  });

  test('completes and corrects a pair of ours', async (t) => {
    const netlink = setUp(t);
    const first = await netlink.ensureVeth(spec());
    run('ip link set ep1 down mtu 1300');
    run('ip -n w1 link set eth0 down');
    run('ip -n w1 link set eth0 name x0 address 02:00:00:00:00:09');
    const wanted = { addresses: ['10.0.1.7/32'], gateways: ['10.0.1.1'], peerTxChecksum: true };
    run('ip -n w1 addr add 192.0.2.9/24 dev x0');
    const again = await netlink.ensureVeth(spec({ ...wanted, mtu: 1450 }));
    t.equal(again.ifindex, first.ifindex, 'the same pair');
    t.match(again, { up: true, mtu: 1450 });
    const [far] = ip<IpLink>(inside('addr show dev eth0'));
    t.match(far, { mtu: 1450, address: MAC });
    t.ok(far!.flags.includes('UP'));
    t.same(
      peerAddresses().sort(),
      ['10.0.1.7/32', '192.0.2.9/24'],
      "ours as wanted, the workload's own kept",
    );
    t.same(gateways(), ['10.0.1.1'], 'the gateway of a host prefix is on link');
    const features = run('ip netns exec w1 ethtool -k eth0');
    t.match(features, /tx-checksumming: on/);
    t.match(features, /tx-vlan-offload: on/);
  });

  test('completes what a crash left', async (t) => {
    const netlink = setUp(t);
    run(`ip link add ep1 type veth peer name eth0 address ${MAC} netns w1`);
    const link = await netlink.ensureVeth(spec());
    t.match(link, { up: true, mtu: 1400, alias: 'transit:a:Endpoint/web-1' });
  });

  test('moves to another namespace', async (t) => {
    const netlink = setUp(t);
    run('ip netns add w2');
    await netlink.ensureVeth(spec());
    const link = await netlink.ensureVeth(spec({ netns: '/run/netns/w2' }));
    t.equal(ip<IpLink>('-n w2 link show dev eth0')[0]!.ifindex, link.peerIfindex);
    t.notOk(ip<IpLink>(inside('link')).some((l) => l.ifname === 'eth0'));
  });

  test('keeps the peer here when there is no namespace', async (t) => {
    const netlink = setUp(t);
    const own = spec({ netns: undefined, peerName: 'far1' });
    const link = await netlink.ensureVeth(own);
    t.equal(link.peerElsewhere, false);
    t.equal((await netlink.linkByName('far1'))?.ifindex, link.peerIfindex);
    t.equal((await netlink.ensureVeth(own)).ifindex, link.ifindex);
    const path = await netlink.ensureVeth({ ...own, netns: '/proc/self/ns/net' });
    t.equal(path.ifindex, link.ifindex, 'our own namespace by path is the same');
  });

  test('touches no device of others', async (t) => {
    const netlink = setUp(t);
    run('ip link add ep1 type bridge');
    await t.rejects(netlink.ensureVeth(spec()), {
      code: 'DEVICE_EXISTS',
      object: 'ep1',
      message: /ep1.*bridge.*no alias/,
    });
    run('ip link del ep1');
    run('ip link add ep1 type veth peer name other');
    await t.rejects(netlink.ensureVeth(spec()), { code: 'DEVICE_EXISTS', object: 'ep1' });
    run('ip link set ep1 alias mine');
    await t.rejects(netlink.ensureVeth(spec()), { message: /the alias "mine"/ });
    run('ip link del ep1');
    run('ip -n w1 link add eth0 type bridge');
    await t.rejects(netlink.ensureVeth(spec()), {
      code: 'DEVICE_EXISTS',
      object: 'eth0 in netns w1',
    });
    t.equal(await netlink.linkByName('ep1'), undefined, 'nothing is left');
  });

  test('names the namespace that is not there', async (t) => {
    const netlink = setUp(t);
    run('touch /run/netns/plain');
    for (const netns of ['gone', '/run/netns/gone', '/run/netns/plain', '../x', '..', '']) {
      await t.rejects(netlink.ensureVeth(spec({ netns })), {
        code: 'NETNS_NOT_FOUND',
        object: netns,
        message: new RegExp(`"${netns.replaceAll('.', '\\.')}"`),
      });
    }
    run('rm /run/netns/plain');
  });

  test("gives the kernel's words", async (t) => {
    const netlink = setUp(t);
    await t.rejects(netlink.ensureVeth(spec({ mtu: 70000 })), {
      code: 'NETLINK_EINVAL',
      operation: 'create veth',
      object: 'ep1',
      message: 'create veth ep1: EINVAL',
    });
    await t.rejects(netlink.ensureVeth(spec({ addresses: ['10.0.0.300/24'] })), {
      code: 'BAD_ADDRESS',
    });
    t.equal(await netlink.linkByName('ep1'), undefined, 'checked before anything is made');
    const link = await netlink.ensureVeth(spec());
    await t.rejects(netlink.setLink(link.ifindex, { mtu: 10 }), {
      code: 'NETLINK_EINVAL',
      message: /mtu less than device minimum/,
    });
    await t.rejects(netlink.setLink(9999, { up: true }), { code: 'NETLINK_ENODEV' });
    await t.rejects(netlink.setOffload(9999, 'gro', true), { code: 'DEVICE_NOT_FOUND' });
  });

  test('changes and deletes devices', async (t) => {
    const netlink = setUp(t);
    const { ifindex } = await netlink.ensureVeth(spec());
    await netlink.setLink(ifindex, { up: false, mtu: 1234, alias: 'x' });
    t.match(await netlink.linkByName('ep1'), { up: false, running: false, mtu: 1234, alias: 'x' });
    for (const feature of ['gro', 'tx-checksum', 'tso'] as const) {
      const was = await netlink.setOffload(ifindex, feature, true);
      t.equal(await netlink.setOffload(ifindex, feature, false), true);
      t.equal(await netlink.setOffload(ifindex, feature, was), false);
    }
    await netlink.deleteLink(ifindex);
    await netlink.deleteLink(ifindex);
    t.equal(await netlink.linkByName('ep1'), undefined);
    t.same(
      ip<IpLink>(inside('link')).map((l) => l.ifname),
      ['lo'],
    );
  });

  test('makes and lists a thousand quickly', async (t) => {
    const netlink = setUp(t);
    const count = 1000;
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      const octets = `${i >> 8}.${i & 255}`;
      await netlink.ensureVeth(
        spec({
          name: `ep${i}`,
          peerName: `eth${i}`,
          addresses: [`10.1.${octets}/32`, `fd00::${i.toString(16)}/128`],
          gateways: [],
        }),
      );
    }
    const each = (performance.now() - start) / count;
    t.comment(`${each.toFixed(2)} ms a pair`);
    t.ok(each < 10, `${each} ms`);
    const listStart = performance.now();
    t.equal((await netlink.links()).filter((l) => l.kind === 'veth').length, count);
    t.comment(`listed in ${(performance.now() - listStart).toFixed(1)} ms`);
    const againStart = performance.now();
    for (let i = 0; i < 100; i++) {
      await netlink.ensureVeth(
        spec({ name: `ep${i}`, peerName: `eth${i}`, addresses: [`10.1.0.${i}/32`], gateways: [] }),
      );
    }
    t.comment(`${((performance.now() - againStart) / 100).toFixed(2)} ms a pair that is there`);
    const deleteStart = performance.now();
    for (let i = 0; i < 100; i++) {
      await netlink.deleteLink((await netlink.linkByName(`ep${i}`))!.ifindex);
    }
    t.comment(`${((performance.now() - deleteStart) / 100).toFixed(2)} ms a deletion`);
    run('ip netns delete w1'); // takes the others along, at once
    run('ip netns add w1');
  });
}
