// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import { TunnelGro, type TunnelGroState } from '../../../src/daemon/interfaces/index.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetlink } from './fake-netlink.js';

async function rig(enabled = true, netlink = new FakeNetlink()) {
  const clock = new FakeClock();
  const states: TunnelGroState[] = [];
  const gro = new TunnelGro(
    { netlink, clock, log: silentLogger(), onState: (state) => states.push(state) },
    { instance: 'test', vxlanPort: 4790, enabled },
  );
  await netlink.monitor((event) => {
    gro.onEvent(event);
  });
  return { netlink, clock, states, gro };
}

test('there is one as long as a droplet wants it', async (t) => {
  const { netlink, states, gro } = await rig();
  gro.want('d1', true);
  gro.want('d2', true);
  await gro.settled();
  t.match([...netlink.byIndex.values()], [{ name: gro.name, alias: 'transit:test:/vxlan-gro' }]);
  t.ok(netlink.calls.every((call) => call === 'vxlan 4790'));
  t.equal(states.at(-1), undefined);
  gro.want('d1', false);
  await gro.settled();
  t.equal(netlink.byIndex.size, 1);
  gro.want('d2', false);
  await gro.settled();
  t.equal(netlink.byIndex.size, 0);
  t.equal(states.at(-1)?.reason, 'Pending');
});

test('one that goes is made anew', async (t) => {
  const { netlink, gro } = await rig();
  gro.want('d1', true);
  await gro.settled();
  const [first] = netlink.byIndex.keys();
  netlink.lose(first!);
  await gro.settled();
  t.equal(netlink.byIndex.size, 1);
  t.notOk(netlink.byIndex.has(first!));
});

test('a failure is told and repeated', async (t) => {
  const { netlink, clock, states, gro } = await rig();
  netlink.fail = new Error('set up true of x: EADDRINUSE');
  gro.want('d1', true);
  await gro.settled();
  t.match(states, [{ reason: 'NoListener', message: /EADDRINUSE/ }]);
  netlink.fail = undefined;
  await clock.advance(60_000);
  t.equal(states.at(-1), undefined);
});

test("a device of somebody else's name is not deleted", async (t) => {
  const { netlink, gro } = await rig();
  netlink.add({ name: gro.name, kind: 'vxlan', alias: 'mine' });
  gro.want('d1', true);
  gro.want('d1', false);
  await gro.settled();
  t.equal(netlink.byIndex.size, 1);
});

test('switched off', async (t) => {
  const { netlink, states, gro } = await rig(false);
  gro.want('d1', true);
  await gro.settled();
  t.same(netlink.calls, []);
  t.equal(states.at(-1)?.reason, 'SwitchedOff');
});
