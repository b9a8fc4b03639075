// SPDX-License-Identifier: Apache-2.0
/** Rules about services of the underlay. */
import t from 'tap';
import { parseObjects } from '../../../src/api/index.js';
import {
  serviceSource,
  StateIndex,
  validateState,
  type Problem,
  type StoredObject,
} from '../../../src/model/index.js';
import { BAD_SERVICE_INPUTS, serviceState } from './bad-inputs-service.js';
import { baseState, change, make, natState } from './fixtures.js';

const state = [...baseState(), ...natState(), ...serviceState()];
const index = new StateIndex(state);

function judge(...objects: StoredObject[]): Problem[] {
  return index.check(objects.map(change));
}

t.same(validateState(state), [], 'the state is valid');

for (const bad of BAD_SERVICE_INPUTS) {
  const [kind, name] = bad.object.split('/');
  const input = { kind, metadata: { name }, spec: bad.spec };
  const { objects, problems } = parseObjects([input]);
  const found = problems.length > 0 ? problems : judge(...objects.map(({ object }) => object));
  t.ok(
    found.some(
      ({ object, field, rule }) =>
        object === bad.object && field === bad.field && bad.rule.test(rule),
    ),
    `${bad.object}: ${bad.field}: ${bad.rule.source}`,
    { found },
  );
}
t.ok(BAD_SERVICE_INPUTS.length >= 50, `${BAD_SERVICE_INPUTS.length} wrong configurations`);

const service = (more: Record<string, unknown>): StoredObject =>
  make('VirtualService', 'new', {
    vpcs: ['blue'],
    address: '10.0.0.60',
    protocol: 'udp',
    port: 60,
    server: { address: '198.18.0.60' },
    ...more,
  });

void t.test('what is right is accepted', (t) => {
  const right: [string, StoredObject][] = [
    ['a free address of a subnet', service({})],
    ['another port of an address that has a service', service({ address: '10.0.0.53', port: 54 })],
    [
      'the same address and port in another VPC',
      service({ vpcs: ['red'], address: '10.0.0.53', port: 53 }),
    ],
    ['outside of all subnets', service({ address: '192.168.7.7' })],
    ['link-local', service({ address: '169.254.169.123' })],
    ['a server of the other family', service({ server: { address: '2001:db8:18::60' } })],
    ['a server on a host', service({ server: { address: '192.0.2.10' } })],
    [
      'a port beside one that all VPCs see',
      service({ address: '169.254.169.254', port: 443, protocol: 'tcp' }),
    ],
  ];
  for (const [what, object] of right) t.same(judge(object), [], what);
  t.end();
});

void t.test('a Vpc that a service names cannot go', (t) => {
  const lone = make('Vpc', 'lone', { vni: 999 });
  const own = new StateIndex([...state, lone, service({ vpcs: ['lone'] })]);
  t.match(own.check([{ ...change(lone), object: undefined }]), [
    { object: 'Vpc/lone', rule: /cannot be deleted: VirtualService\/new refers to it/ },
  ]);
  t.end();
});

void t.test('what packets to servers look like', (t) => {
  const addresses = ['192.0.2.1', '2001:db8::1'];
  const own = { first: 16384, last: 32767 };
  const all = { first: 1024, last: 65535 };
  t.same(serviceSource({ addresses }, 4), { address: '192.0.2.1', ports: own, aside: false });
  const services = { addresses: ['2001:db8::2'] };
  t.same(serviceSource({ addresses, services }, 4), {
    address: '192.0.2.1',
    ports: own,
    aside: false,
  });
  t.same(serviceSource({ addresses, services }, 6), {
    address: '2001:db8::2',
    ports: all,
    aside: true,
  });
  const ports = { first: 2000, last: 2999 };
  t.same(serviceSource({ addresses, services: { ports: '2000-2999' } }, 6)?.ports, ports);
  t.equal(serviceSource({ addresses: ['192.0.2.1'] }, 6), undefined);
  t.end();
});
