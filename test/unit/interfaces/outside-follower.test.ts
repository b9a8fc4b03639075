// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import type { OutsideFact } from '../../../src/daemon/calc/output.js';
import { OutsideFollower } from '../../../src/daemon/interfaces/outside-follower.js';
import { SharedNeighbours } from '../../../src/daemon/interfaces/shared-neighbours.js';
import type { KernelRoute } from '../../../src/daemon/ports/netlink.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetlink } from './fake-netlink.js';

const OURS = '02:00:00:00:00:aa';

function route(prefix: string, gateway?: string, more: Partial<KernelRoute> = {}): KernelRoute {
  const length = Number(prefix.split('/')[1]);
  return { prefix, length, metric: 0, hops: [{ ifindex: 1, gateway }], mtu: undefined, ...more };
}

function rig(maxRoutes = 100) {
  const netlink = new FakeNetlink();
  const clock = new FakeClock();
  const told: OutsideFact[] = [];
  /** By prefix or "ifindex address": what was told last. */
  const state = new Map<string, unknown>();
  const problems: (string | undefined)[] = [];
  const devices = [1];
  const follower = new OutsideFollower(
    {
      netlink,
      neighbours: new SharedNeighbours({ netlink }).of('outside'),
      clock,
      log: silentLogger(),
      devices: () => devices,
      onFact: (fact) => {
        told.push(fact);
        const key = 'prefix' in fact ? fact.prefix : `${fact.ifindex} ${fact.address}`;
        const value = 'prefix' in fact ? fact.route : fact.neighbour;
        if (value === undefined) state.delete(key);
        else state.set(key, value);
      },
      onProblem: (problem) => problems.push(problem?.reason),
    },
    { maxRoutes, maxNexthops: 2 },
  );
  void netlink.monitor((event) => {
    follower.onEvent(event);
  });
  netlink.add({ name: 'eth0' });
  const neighbour = (address: string, mac: string | undefined, ifindex = 1): void => {
    const entry = { ifindex, address, mac, valid: mac !== undefined };
    netlink.known.set(`${ifindex} ${address}`, entry);
    netlink.emit({ type: 'neighbour', neighbour: entry });
  };
  return { netlink, clock, told, state, problems, devices, follower, neighbour };
}

test('routes, their routers, and who is on the link', async (t) => {
  const { netlink, clock, told, state, devices, follower, neighbour } = rig();
  netlink.mainTable = [
    route('203.0.113.0/24'),
    route('0.0.0.0/0', '203.0.113.1', { mtu: 1400, metric: 5 }),
    route('0.0.0.0/0', '203.0.113.7', { metric: 9 }),
    route('203.0.113.64/26', '203.0.113.1'),
    route('fe80::/64'),
    route('169.254.0.0/16'),
    route('::/0', 'fe80::1'),
    route('198.51.100.0/24', undefined, { hops: [{ ifindex: 5, gateway: '10.0.0.1' }] }),
  ];
  await follower.evaluate();
  t.same(Object.fromEntries(state), {
    '203.0.113.0/24': { kind: 'onlink', ifindex: 1, mtu: 1500 },
    '0.0.0.0/0': { kind: 'nexthop', ifindex: 1, gateway: '203.0.113.1', mtu: 1400 },
    '203.0.113.64/26': { kind: 'nexthop', ifindex: 1, gateway: '203.0.113.1', mtu: 1500 },
    '::/0': { kind: 'nexthop', ifindex: 1, gateway: 'fe80::1', mtu: 1500 },
  });
  t.same([...netlink.managed].sort(), ['+1 203.0.113.1', '+1 fe80::1']);

  neighbour('203.0.113.1', '02:00:00:00:00:01');
  neighbour('fe80::1', '02:00:00:00:00:01');
  neighbour('203.0.113.9', '02:00:00:00:00:09');
  neighbour('203.0.113.70', '02:00:00:00:00:70');
  neighbour('203.0.113.2', OURS);
  neighbour('203.0.113.255', 'ff:ff:ff:ff:ff:ff');
  neighbour('203.0.113.8', '02:00:00:00:00:08', 5);
  await clock.advance(20);
  t.same(
    [...state].filter(([key]) => key.includes(' ')),
    [
      ['1 203.0.113.1', { smac: OURS, dmac: '02:00:00:00:00:01', onlinkMtu: 1500 }],
      ['1 fe80::1', { smac: OURS, dmac: '02:00:00:00:00:01', onlinkMtu: undefined }],
      ['1 203.0.113.9', { smac: OURS, dmac: '02:00:00:00:00:09', onlinkMtu: 1500 }],
    ],
    'not behind a router, not us, not broadcast, not elsewhere',
  );
  const before = told.length;
  neighbour('203.0.113.9', '02:00:00:00:00:09');
  await clock.advance(20);
  t.equal(told.length, before, 'no news');
  neighbour('203.0.113.9', undefined);
  await clock.advance(20);
  t.notOk(state.has('1 203.0.113.9'));

  netlink.mainTable = [route('203.0.113.0/24')];
  netlink.emit({ type: 'route' });
  await clock.advance(20);
  t.same(netlink.managed.slice(2).sort(), ['-1 203.0.113.1', '-1 fe80::1']);
  t.same([...state.keys()].sort(), ['1 203.0.113.1', '1 203.0.113.70', '203.0.113.0/24']);

  devices.length = 0;
  follower.refresh();
  await clock.advance(20);
  t.same([...state], [], 'no droplet leads outside any more');
  await follower.stop();
});

test('so many routes and routers, and no more', async (t) => {
  const { netlink, clock, state, problems, follower } = rig(3);
  const all = [
    route('198.51.100.0/25', '203.0.113.1'),
    route('198.51.0.0/16', '203.0.113.2'),
    route('0.0.0.0/0', '203.0.113.1'),
    route('203.0.113.0/24'),
  ];
  netlink.mainTable = all;
  await follower.evaluate();
  t.same([...state.keys()].sort(), ['0.0.0.0/0', '198.51.0.0/16', '203.0.113.0/24']);
  t.same(problems, ['TooManyRoutes']);
  netlink.mainTable = all.slice(1);
  netlink.emit({ type: 'route' });
  await clock.advance(20);
  t.same(problems, ['TooManyRoutes', undefined]);
  netlink.mainTable = [
    route('10.0.0.0/8', '203.0.113.1'),
    route('11.0.0.0/9', '203.0.113.2'),
    route('12.0.0.0/10', '203.0.113.3'),
  ];
  netlink.emit({ type: 'route' });
  await clock.advance(20);
  t.same([...state.keys()].sort(), ['10.0.0.0/8', '11.0.0.0/9']);
  t.same(problems.length, 3);
  await follower.stop();
});

test('what packets were dropped for is asked for, within bounds', async (t) => {
  const { netlink, clock, follower, neighbour } = rig();
  netlink.mainTable = [route('203.0.113.0/24'), route('0.0.0.0/0', '203.0.113.1')];
  await follower.evaluate();
  neighbour('203.0.113.9', '02:00:00:00:00:09');
  await clock.advance(20);
  follower.punt('203.0.113.10');
  follower.punt('203.0.113.10');
  follower.punt('203.0.113.9');
  follower.punt('198.51.100.1');
  t.same(netlink.asked, ['1 203.0.113.10'], 'once; not what is known; not what is behind a router');
  await clock.advance(2999);
  follower.punt('203.0.113.10');
  t.equal(netlink.asked.length, 1);
  await clock.advance(1);
  follower.punt('203.0.113.10');
  t.equal(netlink.asked.length, 2, 'forgotten after three seconds');
  for (let i = 20; i < 200; i++) follower.punt(`203.0.113.${i}`);
  t.equal(netlink.asked.length, 2 + 99, 'a hundred at once');
  await clock.advance(500);
  for (let i = 20; i < 200; i++) follower.punt(`203.0.113.${i}`);
  t.equal(netlink.asked.length, 2 + 99 + 50, 'a hundred a second');
  await follower.stop();
});

test('an unresolved router is asked for again, and one whose entry was deleted', async (t) => {
  const { netlink, clock, follower, neighbour } = rig();
  netlink.mainTable = [route('203.0.113.0/24'), route('0.0.0.0/0', '203.0.113.1')];
  await follower.evaluate();
  await clock.advance(1000);
  t.same(netlink.managed, ['+1 203.0.113.1', '+1 203.0.113.1']);
  neighbour('203.0.113.1', '02:00:00:00:00:01');
  await clock.advance(2000);
  t.equal(netlink.managed.length, 2, 'resolved');
  netlink.known.clear();
  netlink.emit({ type: 'neighbour-gone', ifindex: 1, address: '203.0.113.1' });
  await clock.advance(20);
  t.equal(netlink.managed.length, 3);
  await follower.stop();
});

test('a router that two follow is given up by the last', async (t) => {
  const netlink = new FakeNetlink();
  const shared = new SharedNeighbours({ netlink });
  const [a, b] = [shared.of('a'), shared.of('b')];
  await a.manageNeighbour(1, '203.0.113.1');
  await b.manageNeighbour(1, '203.0.113.1');
  await a.unmanageNeighbour(1, '203.0.113.1');
  t.same(netlink.managed, ['+1 203.0.113.1', '+1 203.0.113.1']);
  await b.unmanageNeighbour(1, '203.0.113.1');
  t.equal(netlink.managed.at(-1), '-1 203.0.113.1');
});
