// SPDX-License-Identifier: Apache-2.0
/** Rules about translation that one bad object cannot show: changes of several, and what is right. */
import t from 'tap';
import { parseObjects } from '../../../src/api/index.js';
import {
  StateIndex,
  validateState,
  type Problem,
  type StoredObject,
} from '../../../src/model/index.js';
import { BAD_NAT_INPUTS } from './bad-inputs-nat.js';
import { baseState, change, make, natState } from './fixtures.js';

const state = [...baseState(), ...natState()];
const index = new StateIndex(state);

function judge(...objects: StoredObject[]): Problem[] {
  return index.check(objects.map(change));
}

t.same(validateState(state), [], 'the state is valid');

for (const bad of BAD_NAT_INPUTS) {
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
t.ok(BAD_NAT_INPUTS.length >= 60, `${BAD_NAT_INPUTS.length} wrong configurations`);

const gateway = (name: string, vpc: string, address: string, more = {}) =>
  make('NatGateway', name, { sources: [{ vpc, ...more }], addresses: [address] });

void t.test('texts are made canonical', (t) => {
  const made = make('NatGateway', 'n', {
    sources: [{ vpc: 'lime' }],
    addresses: ['2001:DB8:0::1-2001:db8::0002', '2001:DB8:1::/127', '203.0.113.1'],
  });
  t.match(made.spec, { addresses: ['2001:db8::1-2001:db8::2', '2001:db8:1::/127', '203.0.113.1'] });
  const forward = (port: unknown) =>
    make('PortForward', 'p', { address: '1.2.3.4', protocol: 'tcp', port, endpoint: 'e' }).spec;
  t.match(forward(8080), { port: '8080' });
  t.match(forward('08080-08080'), { port: '8080' });
  t.match(forward('80-81'), { port: '80-81' });
  t.end();
});

void t.test('what is right is accepted', (t) => {
  const right: [string, StoredObject][] = [
    ['all of a VPC', gateway('n', 'lime', '203.0.113.128/30')],
    [
      'a subnet beside an endpoint of another',
      make('NatGateway', 'ng-green', {
        sources: [{ vpc: 'green', subnets: ['green-a'] }, { vpc: 'lime' }],
        addresses: ['203.0.113.8', '2001:db8:ff::1'],
        exempt: ['198.51.100.0/24'],
        blockSize: 256,
      }),
    ],
    [
      'a pool with the address of a forwarding of the same host',
      gateway('n', 'lime', '203.0.113.40'),
    ],
    ['256 addresses', gateway('n', 'lime', '198.18.7.0/24')],
    [
      'the other address of an endpoint',
      make('PublicIp', 'n', { address: '203.0.113.200', endpoint: 'green-3' }),
    ],
    [
      'the other protocol of a forwarded port',
      make('PortForward', 'n', {
        address: '203.0.113.40',
        protocol: 'udp',
        port: 8000,
        endpoint: 'lime-1',
      }),
    ],
    [
      'ports beside forwarded ones',
      make('PortForward', 'n', {
        address: '203.0.113.40',
        protocol: 'tcp',
        port: '8100-8200',
        endpoint: 'lime-1',
      }),
    ],
    [
      'exempt from all translation',
      make('NatGateway', 'n', {
        sources: [{ vpc: 'lime' }],
        addresses: ['203.0.113.128'],
        exempt: ['0.0.0.0/0', '::/0'],
      }),
    ],
  ];
  for (const [what, object] of right) t.same(judge(object), [], what);
  t.end();
});

void t.test('of two new objects in conflict the later is reported, once', (t) => {
  t.same(judge(gateway('x', 'lime', '203.0.113.128'), gateway('y', 'lime', '203.0.113.129')), [
    {
      object: 'NatGateway/y',
      field: 'spec.sources[0].vpc',
      rule: 'endpoints of Vpc/lime are served by NatGateway/x',
    },
  ]);
  const lime = { endpoint: 'lime-1' };
  t.same(
    judge(
      make('PublicIp', 'x', { ...lime, address: '203.0.113.200' }),
      make('PublicIp', 'y', { ...lime, address: '203.0.113.201', endpointAddress: '10.0.0.5' }),
    ),
    [
      {
        object: 'PublicIp/y',
        field: 'spec.endpointAddress',
        rule: '10.0.0.5 of Endpoint/lime-1 has PublicIp/x (203.0.113.200)',
      },
    ],
  );
  const forward = (name: string, protocol: string, port: string) =>
    make('PortForward', name, { ...lime, address: '203.0.113.201', protocol, port });
  t.same(judge(forward('x', 'both', '1-1023'), forward('y', 'udp', '1023-1024')), [
    {
      object: 'PortForward/y',
      field: 'spec.port',
      rule: 'udp 1023-1024 of 203.0.113.201 overlaps 1-1023 of PortForward/x',
    },
  ]);
  t.match(
    judge(forward('x', 'tcp', '80'), make('PublicIp', 'y', { ...lime, address: '203.0.113.201' })),
    [{ object: 'PublicIp/y', rule: '203.0.113.201 is an address of PortForward/x' }],
  );
  t.end();
});

void t.test('a VPC that meets the outside elsewhere', (t) => {
  const green = (host?: string) =>
    make('Vpc', 'green', { vni: 400, ...(host === undefined ? {} : { outside: { host } }) });
  t.same(judge(green('host-c')), [], 'nobody else uses its addresses');
  const shared = new StateIndex([
    ...state,
    make('PortForward', 'lime-web', {
      address: '203.0.113.40',
      protocol: 'tcp',
      port: 443,
      endpoint: 'lime-1',
    }),
  ]);
  t.same(shared.check([change(green('host-c'))]), [
    {
      object: 'Vpc/green',
      field: 'spec.outside.host',
      rule: '203.0.113.40 is an address of PortForward/lime-web on host-a',
    },
  ]);
  const lime = make('Vpc', 'lime', { vni: 401, outside: { host: 'host-c' } });
  t.same(shared.check([change(green('host-c')), change(lime)]), [], 'both together');
  const both = new StateIndex([
    ...natState().filter(({ metadata }) => metadata.name !== 'ng-named'),
    make('NatGateway', 'ng-green', {
      sources: [{ vpc: 'green' }, { vpc: 'lime' }],
      addresses: ['203.0.113.8'],
      blockSize: 256,
    }),
  ]);
  t.match(both.check([change(green('host-c'))]), [
    {
      field: 'spec.outside.host',
      rule: 'NatGateway/ng-green serves Vpc/lime, too, which meets the outside on host-a: must be the same host',
    },
  ]);
  const gone = natState()
    .filter(({ kind }) => kind === 'NatGateway' || kind === 'PublicIp' || kind === 'PortForward')
    .map((object) => ({ ...change(object), object: undefined }));
  t.same(index.check([change(green()), ...gone]), [], 'left together with all that needs it');
  t.end();
});

void t.test('deleting what translation refers to is refused', (t) => {
  const gone = (kind: 'Vpc' | 'Subnet' | 'Endpoint', name: string) =>
    index.check([{ kind, name, object: undefined }])[0]?.rule;
  t.equal(
    gone('Endpoint', 'green-2'),
    'cannot be deleted: NatGateway/ng-named, PortForward/web refer to it',
  );
  t.match(gone('Subnet', 'green-a'), /NatGateway\/ng-green/);
  t.match(gone('Vpc', 'teal'), /NatGateway\/ng-teal/);
  t.end();
});
