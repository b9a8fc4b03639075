// SPDX-License-Identifier: Apache-2.0
/** Objects of small worlds, made so that they meet. */
import fc from 'fast-check';
import type { ProposedChange, StoredObject } from '../../../src/model/index.js';
import { change, make } from './fixtures.js';

const vpcName = fc.constantFrom('a', 'b');
const subnetName = fc.constantFrom('s', 'u');
const endpointName = fc.constantFrom('w', 'x', 'y');
const host = fc.constantFrom('h', 'i');
const address = fc.constantFrom('203.0.113.1', '203.0.113.2', '203.0.113.3');

const vpc = fc.tuple(vpcName, fc.constantFrom('h', 'h', 'i', undefined)).map(([name, outside]) =>
  make('Vpc', name, {
    vni: name === 'a' ? 1 : 2,
    outside: outside === undefined ? undefined : { host: outside },
  }),
);

// Subnet and VPC of an endpoint follow from names as far as they cannot be changed.
const subnet = subnetName.map((name) =>
  make('Subnet', name, {
    vpc: name === 's' ? 'a' : 'b',
    ipv4: { prefix: '10.0.0.0/24' },
  }),
);
const subnet2 = fc.constant(make('Subnet', 't', { vpc: 'a', ipv4: { prefix: '10.0.1.0/24' } }));

const endpoint = fc
  .tuple(endpointName, fc.constantFrom('s', 't'), fc.constantFrom(5, 6), fc.boolean())
  .map(([name, on, last, two]) => {
    const inB = name === 'y';
    const base = { w: 10, x: 20, y: 30 }[name];
    const net = inB || on === 's' ? '10.0.0' : '10.0.1';
    const addresses = [`${net}.${base + last}`, ...(two ? [`${net}.${base + 9}`] : [])];
    const where = { vpc: inB ? 'b' : 'a', subnet: inB ? 'u' : on };
    return make('Endpoint', name, { host: 'h', ...where, addresses });
  });

const droplet = fc
  .tuple(host, address, fc.constantFrom(undefined, address))
  .chain(([name, at, aside]) =>
    (aside ?? fc.constant(undefined)).map((own) =>
      make('Droplet', name, {
        host: name,
        device: 'eth0',
        addresses: [at],
        outside: true,
        services: own === undefined || own === at ? undefined : { addresses: [own] },
      }),
    ),
  );

const route = fc.constant(
  make('Route', 'r', { vpc: 'a', prefix: '198.51.100.0/24', blackhole: true }),
);

const whom = fc.constantFrom(
  {},
  { subnets: ['s'] },
  { subnets: ['t'] },
  { subnets: ['s'], endpoints: ['w'] },
  { endpoints: ['w'] },
  { endpoints: ['x', 'w'] },
);
const natGateway = fc
  .tuple(
    fc.constantFrom('n', 'm'),
    whom,
    fc.constantFrom([], ['b']),
    fc.constantFrom('203.0.113.1', '203.0.113.2-203.0.113.3', '203.0.113.2/31'),
    fc.constantFrom(undefined, ['198.51.100.0/24']),
  )
  .map(([name, some, more, pool, exempt]) =>
    make('NatGateway', name, {
      sources: [{ vpc: 'a', ...some }, ...more.map((vpc) => ({ vpc }))],
      addresses: [pool],
      exempt,
    }),
  );
const publicIp = fc
  .tuple(fc.constantFrom('p', 'q'), address, endpointName, fc.constantFrom(undefined, '10.0.0.19'))
  .map(([name, at, endpoint, endpointAddress]) =>
    make('PublicIp', name, { address: at, endpoint, endpointAddress }),
  );
const portForward = fc
  .tuple(
    fc.constantFrom('f', 'g', 'k'),
    address,
    endpointName,
    fc.constantFrom('tcp', 'udp', 'both'),
    fc.constantFrom('80', '81', '80-700'),
  )
  .map(([name, at, endpoint, protocol, port]) =>
    make('PortForward', name, { address: at, endpoint, protocol, port }),
  );

const service = fc
  .tuple(
    fc.constantFrom('v', 'w'),
    fc.constantFrom({ allVpcs: true }, { vpcs: ['a'] }, { vpcs: ['b'] }, { vpcs: ['a', 'b'] }),
    fc.constantFrom('10.0.0.15', '10.0.0.53', '10.0.0.1', '10.0.1.255', '169.254.0.1'),
    fc.constantFrom('tcp', 'udp', 'both'),
    fc.constantFrom('203.0.113.2', '203.0.113.9'),
  )
  .map(([name, seenBy, at, protocol, server]) =>
    make('VirtualService', name, {
      ...seenBy,
      address: at,
      protocol,
      port: 53,
      server: { address: server },
    }),
  );

/** An object of any kind that has to do with translation. */
export const natObject: fc.Arbitrary<StoredObject> = fc.oneof(
  vpc,
  subnet,
  subnet2,
  endpoint,
  droplet,
  route,
  natGateway,
  publicIp,
  portForward,
  service,
);

export function writes(object: fc.Arbitrary<StoredObject>): fc.Arbitrary<ProposedChange> {
  return fc.oneof(
    { weight: 4, arbitrary: object.map(change) },
    { weight: 1, arbitrary: object.map((o) => ({ ...change(o), object: undefined })) },
  );
}

/** What most of the others need, so that not all changes are refused. */
export function natGround(): StoredObject[] {
  return [
    make('Vpc', 'a', { vni: 1, outside: { host: 'h' } }),
    make('Vpc', 'b', { vni: 2, outside: { host: 'h' } }),
    make('Subnet', 's', { vpc: 'a', ipv4: { prefix: '10.0.0.0/24' } }),
    make('Subnet', 't', { vpc: 'a', ipv4: { prefix: '10.0.1.0/24' } }),
    make('Subnet', 'u', { vpc: 'b', ipv4: { prefix: '10.0.0.0/24' } }),
    make('Endpoint', 'w', { host: 'h', vpc: 'a', subnet: 's', addresses: ['10.0.0.15'] }),
    make('Endpoint', 'x', { host: 'h', vpc: 'a', subnet: 't', addresses: ['10.0.1.25'] }),
    make('Endpoint', 'y', { host: 'h', vpc: 'b', subnet: 'u', addresses: ['10.0.0.35'] }),
  ];
}
