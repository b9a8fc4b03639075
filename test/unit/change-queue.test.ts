// SPDX-License-Identifier: Apache-2.0
/** Store changes on their way to the calculation: order, overtaking, and what counts as handed out. */
import { test } from 'tap';
import { ChangeQueue } from '../../src/daemon/change-queue.js';
import type { StoreChange } from '../../src/daemon/ports/store.js';
import type { Kind, StoredObject } from '../../src/model/index.js';
import { make } from './model/fixtures.js';

const SPECS: Readonly<Record<Kind, unknown>> = {
  Vpc: { vni: 1 },
  Subnet: { vpc: 'v', ipv4: { prefix: '10.0.0.0/24' } },
  Droplet: { host: 'h', device: 'eth0', addresses: ['192.0.2.1'] },
  Endpoint: { host: 'h', vpc: 'v', subnet: 's', addresses: ['10.0.0.2'] },
  Route: { vpc: 'v', prefix: '10.1.0.0/24', blackhole: true },
  NatGateway: { sources: [{ vpc: 'v' }], addresses: ['203.0.113.1'] },
  PublicIp: { address: '203.0.113.2', endpoint: 'e' },
  PortForward: { address: '203.0.113.3', protocol: 'tcp', port: 80, endpoint: 'e' },
  VirtualService: {
    vpcs: ['v'],
    address: '10.0.0.53',
    protocol: 'udp',
    port: 53,
    server: { address: '192.0.2.53' },
  },
  Peering: {
    sides: [
      { vpc: 'v', expose: [{ prefix: '10.0.0.0/24' }] },
      { vpc: 'w', expose: [{ prefix: '10.9.0.0/24' }] },
    ],
  },
  Profile: { ingress: [{ action: 'allow' }] },
  Tier: { order: 1 },
  Policy: { selector: 'all()' },
  NetworkSet: { nets: ['10.0.0.0/8'] },
};

function queueOver(objects: Map<string, StoredObject>): ChangeQueue {
  const store = { get: (kind: string, name: string) => objects.get(`${kind}/${name}`) };
  return new ChangeQueue({ store }, { revision: 1 });
}

function change(
  objects: Map<string, StoredObject>,
  kind: Kind,
  name: string,
  revision: number,
  gone = false,
): StoreChange {
  const object = make(kind, name, SPECS[kind]);
  if (gone) objects.delete(`${kind}/${name}`);
  else objects.set(`${kind}/${name}`, object);
  return { kind, name, object: gone ? undefined : object, previous: undefined, revision };
}

test('a large set comes in portions, what is referred to first in and last out', (t) => {
  const objects = new Map<string, StoredObject>();
  const queue = queueOver(objects);
  const kinds: Kind[] = [
    'PortForward',
    'PublicIp',
    'NatGateway',
    'Route',
    'Endpoint',
    'Vpc',
    'Subnet',
    'Droplet',
  ];
  const set = kinds.flatMap((kind) =>
    Array.from({ length: 300 }, (_, i) => change(objects, kind, `n${i}`, 2, i >= 150)),
  );
  queue.push(set);
  const seen: string[] = [];
  for (let i = 0; !queue.empty; i++) {
    t.equal(queue.revision, 1, 'the revision counts once all of it was handed out');
    const part = queue.take(100);
    t.ok(part.length <= 100);
    for (const { kind, object } of part) {
      const word = `${kind}${object === undefined ? ' gone' : ''}`;
      if (seen.at(-1) !== word) seen.push(word);
    }
  }
  const up = ['Vpc', 'Droplet', 'Subnet', 'Endpoint', 'Route', 'NatGateway', 'PublicIp'];
  up.push('PortForward');
  t.same(seen, [...up, ...up.toReversed().map((kind) => `${kind} gone`)]);
  t.equal(queue.revision, 2);
  t.end();
});

test('small sets overtake, and what was overtaken cannot bring an old object back', (t) => {
  const objects = new Map<string, StoredObject>();
  const queue = queueOver(objects);
  queue.push(Array.from({ length: 600 }, (_, i) => change(objects, 'Route', `r${i}`, 2)));
  queue.take(100);
  queue.push([change(objects, 'Route', 'r500', 3, true)]);
  const newer = change(objects, 'Route', 'r501', 4);
  queue.push([newer]);
  t.same(
    queue.take(100).map(({ name, object }) => [name, object !== undefined]),
    [
      ['r500', false],
      ['r501', true],
    ],
  );
  t.equal(queue.revision, 1, 'revision 2 is not in the maps yet, so neither is 4');
  const rest = [];
  while (!queue.empty) rest.push(...queue.take(100));
  t.equal(rest.find(({ name }) => name === 'r500')?.object, undefined);
  t.equal(rest.find(({ name }) => name === 'r501')?.object, newer.object);
  t.equal(queue.revision, 4);
  t.end();
});

test('nothing of a large set is taken while there is room for none', (t) => {
  const objects = new Map<string, StoredObject>();
  const queue = queueOver(objects);
  queue.push(Array.from({ length: 600 }, (_, i) => change(objects, 'Route', `r${i}`, 2)));
  t.same(queue.take(0), []);
  t.notOk(queue.empty);
  t.end();
});
