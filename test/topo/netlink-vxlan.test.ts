// SPDX-License-Identifier: Apache-2.0
/** The VXLAN device that only listens, as the kernel has it. */
import { createSocket } from 'node:dgram';
import { test, type Test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { KernelNetlink } from '../../src/daemon/kernel/netlink/index.js';
import { ip, isolated, run } from './netlink-support.js';

interface IpVxlan {
  readonly ifindex: number;
  readonly ifalias?: string;
  readonly inet6_addr_gen_mode: string;
  readonly linkinfo: { readonly info_data: Record<string, unknown> };
}

const SPEC = { name: 'tg0', port: 4789, alias: 'transit:a:/vxlan-gro' };

function setUp(t: Test): KernelNetlink {
  const netlink = new KernelNetlink({ log: silentLogger() });
  t.teardown(async () => {
    for (const link of await netlink.links()) {
      if (link.name !== 'lo') await netlink.deleteLink(link.ifindex);
    }
    await netlink.close();
  });
  return netlink;
}
const sockets = (): string[] =>
  run('ss -Hlun sport = :4789')
    .split('\n')
    .filter((line) => line !== '');

if (isolated(import.meta.url)) {
  test('listens in both families and is nobody to talk to', async (t) => {
    const netlink = setUp(t);
    const link = await netlink.ensureVxlanListener(SPEC);
    t.match(link, { name: 'tg0', kind: 'vxlan', up: true, alias: SPEC.alias });
    t.notOk('vxlanPort' in link, 'what the port has and no more');
    const [shown] = ip<IpVxlan>('link show dev tg0');
    const { external, vnifilter, port } = shown!.linkinfo.info_data;
    t.same([external, vnifilter, port], [true, true, 4789]);
    t.equal(shown!.inet6_addr_gen_mode, 'none');
    t.equal(sockets().length, 2);
    t.equal((await netlink.ensureVxlanListener(SPEC)).ifindex, link.ifindex, 'idempotent');
  });

  test('completes what a crash left, follows the port, leaves others alone', async (t) => {
    const netlink = setUp(t);
    run('ip link add tg0 type vxlan dstport 4789 external vnifilter');
    t.match(await netlink.ensureVxlanListener(SPEC), { up: true, alias: SPEC.alias });
    await netlink.ensureVxlanListener({ ...SPEC, port: 4790 });
    t.same(sockets(), [], 'not the old port');
    run('ip link set tg0 alias mine');
    await t.rejects(netlink.ensureVxlanListener(SPEC), { code: 'DEVICE_EXISTS' });
  });

  test('two instances share the port', async (t) => {
    const netlink = setUp(t);
    await netlink.ensureVxlanListener(SPEC);
    const other = { ...SPEC, name: 'tg1', alias: 'transit:b:/vxlan-gro' };
    t.match(await netlink.ensureVxlanListener(other), { name: 'tg1', up: true });
  });

  test("another's device will do, another's socket will not", async (t) => {
    const netlink = setUp(t);
    run('ip link add mine type vxlan id 7 dstport 4789');
    run('ip link set mine up');
    t.match(await netlink.ensureVxlanListener(SPEC), { name: 'mine' });
    t.equal(await netlink.linkByName('tg0'), undefined, 'nothing is left');
    run('ip link set mine down');
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(4789, resolve));
    await t.rejects(netlink.ensureVxlanListener(SPEC), { code: 'NETLINK_EADDRINUSE' });
    t.equal(await netlink.linkByName('tg0'), undefined, 'nothing is left');
    socket.close();
  });
}
