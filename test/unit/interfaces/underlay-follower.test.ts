// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import type { UnderlayFact } from '../../../src/daemon/calc/output.js';
import { UnderlayFollower } from '../../../src/daemon/interfaces/underlay-follower.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetlink } from './fake-netlink.js';

const VTEP = '192.0.2.2';

function rig() {
  const netlink = new FakeNetlink();
  const clock = new FakeClock();
  const facts: UnderlayFact[] = [];
  const follower = new UnderlayFollower({
    netlink,
    neighbours: netlink,
    clock,
    log: silentLogger(),
    dropletAddresses: (ifindex) => (ifindex === 1 ? ['192.0.2.1'] : undefined),
    onFact: (fact) => facts.push(fact),
  });
  void netlink.monitor((event) => {
    follower.onEvent(event);
  });
  netlink.add({ name: 'eth0' });
  netlink.routes.set(VTEP, { ifindex: 1, gateway: '192.0.2.254', source: undefined, mtu: 1400 });
  const neighbour = (mac: string | undefined): void => {
    const valid = mac !== undefined;
    const entry = { ifindex: 1, address: '192.0.2.254', mac, valid };
    netlink.known.set('gw', entry);
    netlink.emit({ type: 'neighbour', neighbour: entry });
  };
  return { netlink, clock, facts, follower, neighbour };
}

test('the way to a VTEP', async (t) => {
  const { netlink, clock, facts, follower, neighbour } = rig();
  follower.follow(VTEP, true);
  await follower.evaluate();
  t.same(facts, [{ vtep: VTEP, way: undefined }]);
  t.same(netlink.managed, ['+1 192.0.2.254']);

  neighbour('02:00:00:00:00:01');
  await clock.advance(10);
  const way = {
    ifindex: 1,
    smac: '02:00:00:00:00:aa',
    dmac: '02:00:00:00:00:01',
    source: '192.0.2.1',
    mtu: 1400,
  };
  t.same(facts.at(-1), { vtep: VTEP, way });
  neighbour('02:00:00:00:00:01');
  await clock.advance(10);
  t.equal(facts.length, 2, 'no news');
  neighbour('02:00:00:00:00:02');
  await clock.advance(10);
  t.match(facts.at(-1), { way: { dmac: '02:00:00:00:00:02' } });

  netlink.routes.set(VTEP, { ifindex: 9, gateway: VTEP, source: undefined, mtu: undefined });
  netlink.emit({ type: 'route' });
  await clock.advance(10);
  t.same(facts.at(-1), { vtep: VTEP, way: undefined }, 'not through a droplet of ours');
  t.equal(netlink.managed.at(-1), '-1 192.0.2.254');

  follower.follow(VTEP, false);
  t.same(facts.at(-1), { vtep: VTEP, way: undefined });
  await follower.stop();
});

test('an unresolved next hop is asked for again, each second and not more often', async (t) => {
  const { netlink, clock, follower, neighbour } = rig();
  follower.follow(VTEP, true);
  await follower.evaluate();
  for (let i = 0; i < 5; i++) {
    neighbour(undefined);
    await clock.advance(20);
  }
  t.equal(netlink.managed.length, 1, 'its own events are no reason');
  await clock.advance(1000);
  t.equal(netlink.managed.length, 2);
  await follower.stop();
});

test('whoever deletes the neighbour takes our wish along', async (t) => {
  const { netlink, clock, facts, follower, neighbour } = rig();
  follower.follow(VTEP, true);
  neighbour('02:00:00:00:00:01');
  await clock.advance(10);
  netlink.known.clear();
  netlink.emit({ type: 'neighbour-gone', ifindex: 1, address: '192.0.2.254' });
  await clock.advance(10);
  t.same(facts.at(-1), { vtep: VTEP, way: undefined });
  t.same(netlink.managed, ['+1 192.0.2.254', '+1 192.0.2.254']);
  await follower.stop();
});
