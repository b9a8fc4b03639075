// SPDX-License-Identifier: Apache-2.0
/** Following changes: what is reported, what is not, and what happens when it is too much. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { test, type Test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { KernelNetlink } from '../../src/daemon/kernel/netlink/index.js';
import { loadLibc } from '../../src/daemon/kernel/netlink/libc.js';
import { MonitorKeeper } from '../../src/daemon/kernel/netlink/monitor-keeper.js';
import type { NetlinkEvent } from '../../src/daemon/ports/netlink.js';
import { isolated, run, until } from './netlink-support.js';

/** What a descriptor refers to; '' when it is closed by now. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

function adapter(t: Test, monitorBufferBytes?: number): KernelNetlink {
  const netlink = new KernelNetlink(
    { log: silentLogger() },
    monitorBufferBytes === undefined ? {} : { monitorBufferBytes },
  );
  t.teardown(() => netlink.close());
  return netlink;
}

if (isolated(import.meta.url)) {
  test('reports links', async (t) => {
    const netlink = adapter(t);
    const events: NetlinkEvent[] = [];
    await netlink.monitor((event) => events.push(event));
    const links = (): NetlinkEvent[] =>
      events.filter((e) => e.type === 'link' && e.link.name === 'm0');
    run('ip link add m0 type veth peer name m1');
    await until('the new link', () => links().length > 0);
    t.match(links()[0], { link: { kind: 'veth', up: false } });
    run('ip link set m1 up');
    run('ip link set m0 up');
    await until('it is up', () => links().some((e) => e.type === 'link' && e.link.running));
    run('ip link set m0 mtu 1300 alias hello');
    await until('mtu and alias', () =>
      links().some((e) => e.type === 'link' && e.link.mtu === 1300 && e.link.alias === 'hello'),
    );
    t.same(
      links().at(-1),
      { type: 'link', link: await netlink.linkByName('m0') },
      'an event has what a reading has',
    );

    run('ip link add mb type bridge');
    run('ip link set m0 master mb');
    run('ip link set m0 nomaster');
    run('ip link del mb');
    await until('the bridge is gone', () =>
      events.some((e) => e.type === 'link-gone' && e.name === 'mb'),
    );
    t.notOk(
      events.some((e) => e.type === 'link-gone' && e.name === 'm0'),
      'a port that leaves its bridge is not gone',
    );
    const { ifindex } = (await netlink.linkByName('m0'))!;
    run('ip link del m0');
    await until('the link is gone', () =>
      events.some((e) => e.type === 'link-gone' && e.name === 'm0' && e.ifindex === ifindex),
    );
  });

  test('reports neighbours, addresses and routes', async (t) => {
    const netlink = adapter(t);
    run('ip link add m0 type veth peer name m1');
    run('ip link set m0 up');
    run('ip link set m1 up');
    const { ifindex } = (await netlink.linkByName('m0'))!;
    const events: NetlinkEvent[] = [];
    await netlink.monitor((event) => events.push(event));
    const seen = (type: NetlinkEvent['type']): boolean => events.some((e) => e.type === type);

    run('ip addr add 192.0.2.1/24 dev m0');
    await until('address and route', () => seen('address') && seen('route'));
    run('ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev m0 nud reachable');
    const neighbours = (): NetlinkEvent[] =>
      events.filter((e) => e.type === 'neighbour' && e.neighbour.address === '192.0.2.2');
    await until('the neighbour', () => neighbours().length > 0);
    t.same(neighbours()[0], {
      type: 'neighbour',
      neighbour: { ifindex, address: '192.0.2.2', mac: '02:00:00:00:00:02', valid: true },
    });
    run('ip neigh del 192.0.2.2 dev m0');
    await until('the neighbour is gone', () =>
      events.some((e) => e.type === 'neighbour-gone' && e.address === '192.0.2.2'),
    );
    await netlink.manageNeighbour(ifindex, '192.0.2.7');
    await until('one that does not answer is not valid', () =>
      events.some(
        (e) => e.type === 'neighbour' && e.neighbour.address === '192.0.2.7' && !e.neighbour.valid,
      ),
    );
    run('ip link del m0');
  });

  test('says when messages were lost, and goes on', async (t) => {
    const netlink = adapter(t, 4096);
    const events: NetlinkEvent[] = [];
    await netlink.monitor((event) => events.push(event));
    const batch = Array.from(
      { length: 5000 },
      (_, i) => `route add 10.${i >> 8}.${i & 255}.0/24 dev lo`,
    );
    // The main thread is held up meanwhile, so the worker gets ahead of it and must wait, too.
    execFileSync('ip', ['-batch', '-'], { input: batch.join('\n') });
    await until('the overrun', () => events.some((e) => e.type === 'overrun'));
    events.length = 0;
    run('ip link add m0 type veth peer name m1');
    await until('later events', () =>
      events.some((e) => e.type === 'link' && e.link.name === 'm0'),
    );
    t.pass('followed on');
    run('ip link del m0');
  });

  test('replaces a worker that fails', async (t) => {
    const libc = loadLibc();
    const keeper = new MonitorKeeper({ libc, log: silentLogger() }, { bufferBytes: 1 << 20 });
    t.teardown(() => keeper.close());
    const before = new Set(readdirSync('/proc/self/fd').map(linkOf));
    const events: NetlinkEvent[] = [];
    await keeper.follow((event) => events.push(event));
    const socket = readdirSync('/proc/self/fd').find(
      (fd) => linkOf(fd).startsWith('socket:') && !before.has(linkOf(fd)),
    );
    if (socket === undefined) throw new Error('the monitor has no socket');
    libc.close(Number(socket));
    run('ip addr add 192.0.2.1/32 dev lo');
    await until('it says that something was lost', () => events.some((e) => e.type === 'overrun'));
    run('ip addr del 192.0.2.1/32 dev lo');
    await until('later events', () => events.some((e) => e.type === 'address'));
    t.pass('followed on');
  });

  test('does not hold up the event loop, and stops cleanly', async (t) => {
    for (let i = 0; i < 8; i++) {
      const netlink = new KernelNetlink({ log: silentLogger() });
      const events: NetlinkEvent[] = [];
      await netlink.monitor((event) => events.push(event));
      const start = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (performance.now() - start > 200) t.fail('the event loop stood still');
      await netlink.close();
      await netlink.close();
      run('ip addr add 192.0.2.1/32 dev lo');
      run('ip addr del 192.0.2.1/32 dev lo');
      if (events.some((e) => e.type === 'address')) t.fail('reported after close');
    }
    t.pass('8 times');
  });

  test('works inside a worker', async (t) => {
    const module = JSON.stringify(
      new URL('../../src/daemon/kernel/netlink/index.ts', import.meta.url).href,
    );
    const code = `
      import('tsx/esm/api').then(async (tsx) => {
        tsx.register();
        const { KernelNetlink } = await import(${module});
        const netlink = new KernelNetlink({ log: undefined });
        await netlink.monitor(() => {});
        const links = await netlink.links();
        await netlink.close();
        require('node:worker_threads').parentPort.postMessage(links.length);
      });`;
    const worker = new Worker(code, { eval: true, execArgv: [] });
    const count = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    t.equal(count, 1);
    await worker.terminate();
  });
}
