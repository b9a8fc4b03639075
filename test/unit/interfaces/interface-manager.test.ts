// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import type { DesiredDevice, DeviceFact } from '../../../src/daemon/calc/output.js';
import { restoreUnused } from '../../../src/daemon/interfaces/borrowed-device.js';
import {
  InterfaceManager,
  type DeviceState,
} from '../../../src/daemon/interfaces/interface-manager.js';
import { RestoreBook } from '../../../src/daemon/interfaces/restore-book.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetlink } from './fake-netlink.js';

async function rig(netlink = new FakeNetlink()) {
  const clock = new FakeClock();
  const book = new RestoreBook({ path: undefined });
  const facts: DeviceFact[] = [];
  const states = new Map<string, DeviceState>();
  const manager = new InterfaceManager(
    {
      netlink,
      clock,
      log: silentLogger(),
      book,
      onFact: (fact) => facts.push(fact),
      onState: (endpoint, state) => {
        if (state) states.set(endpoint, state);
        else states.delete(endpoint);
      },
    },
    { instance: 'test' },
  );
  await netlink.monitor((event) => {
    manager.onEvent(event);
  });
  return { netlink, clock, book, facts, states, manager };
}

function veth(endpoint: string, more: Partial<DesiredDevice['spec']> = {}): DesiredDevice {
  const spec = {
    kind: 'veth',
    name: `v-${endpoint}`,
    netns: 'ns1',
    peer: 'eth0',
    mac: '02:00:00:00:00:01',
    mtu: 1400,
    addresses: ['10.0.0.5/24'],
    gateways: ['10.0.0.1'],
    hook: 'tc',
    ...more,
  } as const;
  return { endpoint, spec };
}

const existing = (more: Partial<DesiredDevice['spec']> = {}): DesiredDevice =>
  veth('e1', { kind: 'existing', name: 'tap0', netns: undefined, mtu: undefined, ...more });

function reason(state: DeviceState | undefined): string | undefined {
  return state?.state === 'waiting' ? state.reason : state?.state;
}

test('a veth is made once, found again, and deleted with its endpoint', async (t) => {
  const { netlink, manager, facts, states } = await rig();
  netlink.namespaces.add('ns1');
  manager.want('e1', veth('e1'));
  await manager.settled();
  t.same(facts, [{ endpoint: 'e1', device: { ifindex: 1, mtu: 1400, vethPeer: true } }]);
  t.equal(reason(states.get('e1')), 'ready');
  t.equal(netlink.byIndex.get(1)?.alias, 'transit:test:e1');
  const asked = netlink.calls.length;
  t.ok(asked <= 2, 'our own event is no reason to work for ever');
  manager.want('e1', undefined);
  await manager.settled();
  t.equal(netlink.byIndex.size, 0);
  t.same(facts.at(-1), { endpoint: 'e1', device: undefined });
  t.notOk(states.has('e1'));
});

test('a namespace that comes late', async (t) => {
  const { netlink, manager, clock, states } = await rig();
  manager.want('e1', veth('e1'));
  await manager.settled();
  t.equal(reason(states.get('e1')), 'NamespaceMissing');
  await clock.advance(3000);
  t.equal(netlink.calls.length, 4, 'looked for each second');
  netlink.namespaces.add('ns1');
  await clock.advance(1000);
  t.equal(reason(states.get('e1')), 'ready');
});

test('a device that goes is told at once and made anew', async (t) => {
  const { netlink, manager, facts, states } = await rig();
  netlink.namespaces.add('ns1');
  manager.want('e1', veth('e1'));
  await manager.settled();
  netlink.lose(1);
  t.same(facts.at(-1), { endpoint: 'e1', device: undefined });
  t.equal(reason(states.get('e1')), 'DeviceGone');
  await manager.settled();
  t.match(facts.at(-1), { endpoint: 'e1', device: { ifindex: 2 } });
  netlink.namespaces.clear(); // the namespace took its device along
  netlink.lose(2);
  await manager.settled();
  t.equal(reason(states.get('e1')), 'NamespaceMissing');
});

test('failures are repeated with a growing pause', async (t) => {
  const { netlink, manager, clock, states } = await rig();
  netlink.namespaces.add('ns1');
  netlink.fail = new Error('no memory');
  manager.want('e1', veth('e1'));
  await manager.settled();
  t.match(states.get('e1'), { reason: 'DeviceFailed', message: 'no memory' });
  await clock.advance(700);
  t.equal(netlink.calls.length, 4, 'after 100, 200 and 400 ms');
  await clock.advance(60_000);
  t.ok(netlink.calls.length < 20, 'at most each 5 s');
  netlink.fail = undefined;
  await clock.advance(5000);
  t.equal(reason(states.get('e1')), 'ready');
});

test('what is not ours is left alone', async (t) => {
  const { netlink, manager, states } = await rig();
  netlink.namespaces.add('ns1');
  netlink.add({ name: 'v-e1', kind: 'veth' });
  netlink.add({ name: 'other', alias: 'transit:other:e9' });
  netlink.add({ name: 'stale', alias: 'transit:test:gone' });
  manager.want('e1', veth('e1'));
  await manager.settled();
  t.match(states.get('e1'), { reason: 'DeviceFailed', message: 'not ours' });
  await manager.sweep();
  t.same(
    [...netlink.byIndex.values()].map(({ name }) => name),
    ['v-e1', 'other'],
  );
  manager.want('e1', undefined);
  await manager.settled();
  t.equal(netlink.byIndex.size, 2);
});

test('an existing device is borrowed', async (t) => {
  const { netlink, manager, book, facts, states } = await rig();
  manager.want('e1', existing({ mtu: 1400 }));
  await manager.settled();
  t.equal(reason(states.get('e1')), 'DeviceMissing');
  const link = netlink.add({ name: 'tap0', kind: 'tun', up: false });
  netlink.emit({ type: 'link', link });
  await manager.settled();
  t.match(netlink.byIndex.get(1), { up: true, mtu: 1400 });
  t.match(facts.at(-1), { device: { ifindex: 1, mtu: 1400, vethPeer: false } });
  await netlink.setLink(1, { up: false });
  await manager.settled();
  t.match(netlink.byIndex.get(1), { up: true }, 'set up again');
  manager.want('e1', undefined);
  await manager.settled();
  t.match(netlink.byIndex.get(1), { up: false, mtu: 1500 }, 'as it was');
  t.same(book.entries(), []);
});

test('what an earlier run borrowed is given back', async (t) => {
  const { netlink, book } = await rig();
  netlink.add({ name: 'tap0', mtu: 1400 });
  netlink.add({ name: 'tap1', mtu: 1400 });
  book.note(1, 'tap0', { mtu: 1500 });
  book.note(2, 'tap1', { mtu: 1500 });
  await restoreUnused({ netlink, book }, new Set(['tap1']));
  t.equal(netlink.byIndex.get(1)?.mtu, 1500);
  t.equal(netlink.byIndex.get(2)?.mtu, 1400);
});

test('another name for the same endpoint', async (t) => {
  const { netlink, manager, states } = await rig();
  netlink.namespaces.add('ns1');
  manager.want('e1', veth('e1'));
  manager.want('e1', veth('e1', { name: 'new' }));
  await manager.settled();
  t.same(
    [...netlink.byIndex.values()].map(({ name }) => name),
    ['new'],
  );
  t.match(states.get('e1'), { state: 'ready', link: { name: 'new' } });
});
