// SPDX-License-Identifier: Apache-2.0
/** Inputs about services of the underlay that must be refused; natState() and serviceState() are there. */
import type { BadInput } from './bad-inputs.js';
import { make } from './fixtures.js';
import type { StoredObject } from '../../../src/model/index.js';

/** A service of blue, one of every VPC, and a droplet with addresses set aside. */
export function serviceState(): StoredObject[] {
  return [
    make('Droplet', 'host-c', {
      host: 'host-c',
      device: 'eth0',
      addresses: ['192.0.2.12', '2001:db8:f::c'],
      services: { addresses: ['192.0.2.112', '2001:db8:f::112'] },
    }),
    make('VirtualService', 'dns', {
      vpcs: ['blue'],
      address: '10.0.0.53',
      protocol: 'both',
      port: 53,
      server: { address: '198.18.0.53' },
    }),
    make('VirtualService', 'metadata', {
      allVpcs: true,
      address: '169.254.169.254',
      protocol: 'tcp',
      port: 80,
      server: { address: '198.18.0.80', port: 8775 },
    }),
    make('VirtualService', 'time', {
      allVpcs: true,
      address: '10.0.0.123',
      protocol: 'udp',
      port: 123,
      server: { address: '2001:db8:18::123' },
    }),
  ];
}

const GOOD = {
  vpcs: ['blue'],
  address: '10.0.0.60',
  protocol: 'udp',
  port: 60,
  server: { address: '198.18.0.60' },
};

function service(more: Record<string, unknown>, field: string, rule: RegExp): BadInput {
  return { object: 'VirtualService/new', field, rule, spec: { ...GOOD, ...more } };
}

const server = (address: string, port?: unknown) => ({ server: { address, port } });
const everywhere = { vpcs: undefined, allVpcs: true };

const SERVICE_ROWS: readonly BadInput[] = [
  // who sees it
  service({ vpcs: undefined }, 'spec.vpcs', /give vpcs or allVpcs$/),
  service({ allVpcs: true }, 'spec.vpcs', /not both/),
  service({ ...everywhere, allVpcs: false }, 'spec.allVpcs', /true/),
  service({ vpcs: [] }, 'spec.vpcs', /at least 1/),
  service({ vpcs: ['none'] }, 'spec.vpcs[0]', /Vpc\/none does not exist/),
  service({ vpcs: ['blue', 'red', 'blue'] }, 'spec.vpcs[2]', /blue is given twice/),
  // where
  service({ address: '10.0.0' }, 'spec.address', /10\.0\.0/),
  service({ address: '127.0.0.53' }, 'spec.address', /loopback/),
  service({ address: '224.0.0.1' }, 'spec.address', /multicast/),
  service({ address: '0.0.0.0' }, 'spec.address', /this network/),
  service({ address: 'fe80::53' }, 'spec.address', /link-local/),
  service({ address: 'ff02::1' }, 'spec.address', /multicast/),
  service({ address: '10.0.0.5' }, 'spec.address', /is an address of Endpoint\/web-1 in Vpc\/blue/),
  service({ address: '10.0.0.1' }, 'spec.address', /is the gateway of Subnet\/blue-a/),
  service({ address: '10.9.9.9' }, 'spec.address', /already used by Route\/blue-vip in Vpc\/blue/),
  service({ address: '10.0.0.0' }, 'spec.address', /first or last address of 10\.0\.0\.0\/24/),
  service({ address: '10.0.0.255' }, 'spec.address', /first or last address of 10\.0\.0\.0\/24/),
  service({ address: '2001:db8::' }, 'spec.address', /first or last address of 2001:db8::\/64/),
  service(
    { ...everywhere, address: '10.0.1.6' },
    'spec.address',
    /already used by Endpoint\/web-2 in Vpc\/blue/,
  ),
  service({ ...everywhere, address: '10.0.1.255' }, 'spec.address', /first or last address/),
  // which port
  service({ port: 0 }, 'spec.port', /at least 1/),
  service({ port: 65536 }, 'spec.port', /at most 65535/),
  service({ port: '53' }, 'spec.port', /not a number/),
  service({ protocol: 'sctp' }, 'spec.protocol', /sctp|one of/),
  service(
    { address: '10.0.0.53', port: 53 },
    'spec.port',
    /udp 53 of 10\.0\.0\.53 is already used by VirtualService\/dns in Vpc\/blue/,
  ),
  service(
    { ...everywhere, address: '10.0.0.53', port: 53, protocol: 'tcp' },
    'spec.port',
    /tcp 53 of 10\.0\.0\.53 is already used by VirtualService\/dns in Vpc\/blue/,
  ),
  service(
    { address: '169.254.169.254', port: 80, protocol: 'both' },
    'spec.port',
    /tcp 80 of 169\.254\.169\.254 is already used by VirtualService\/metadata in all VPCs/,
  ),
  service(
    { ...everywhere, address: '169.254.169.254', port: 80, protocol: 'tcp' },
    'spec.port',
    /already used by VirtualService\/metadata in all VPCs/,
  ),
  // what it is
  service({ server: undefined }, 'spec.server', /required/),
  service({ server: '198.18.0.1' }, 'spec.server', /not an object/),
  service(server('nobody'), 'spec.server.address', /nobody/),
  service(server('127.0.0.1'), 'spec.server.address', /loopback/),
  service(server('239.1.1.1'), 'spec.server.address', /multicast/),
  service(server('169.254.1.1'), 'spec.server.address', /link-local/),
  service(server('fe80::1'), 'spec.server.address', /link-local/),
  service(
    server('192.0.2.112'),
    'spec.server.address',
    /set aside for services at Droplet\/host-c: no server can have it/,
  ),
  service(server('198.18.0.1', 0), 'spec.server.port', /at least 1/),
  service({ connectionsPerEndpoint: 0 }, 'spec.connectionsPerEndpoint', /at least 1/),
  service({ connectionsPerEndpoint: 65536 }, 'spec.connectionsPerEndpoint', /at most 65535/),
  service({ timeouts: { udp: 4 } }, 'spec.timeouts.udp', /at least 5/),
  service({ timeouts: { icmp: 60 } }, 'spec.timeouts.icmp', /unknown field/),
  service({ timeouts: { tcpEstablished: 1e9 } }, 'spec.timeouts.tcpEstablished', /at most/),
  service({ servers: [] }, 'spec.servers', /unknown field/),
];

const hostC = { host: 'host-c', device: 'eth0', addresses: ['192.0.2.12'] };

function droplet(services: unknown, field: string, rule: RegExp): BadInput {
  return {
    object: 'Droplet/new',
    field,
    rule,
    spec: { ...hostC, device: 'eth1', addresses: ['192.0.2.13'], services },
  };
}

const USER_ROWS: readonly BadInput[] = [
  droplet({ addresses: [] }, 'spec.services.addresses', /at least 1/),
  droplet(
    { addresses: ['192.0.2.113', '192.0.2.114'] },
    'spec.services.addresses[1]',
    /one address, or one of each family/,
  ),
  droplet({ addresses: ['192.0.2.13'] }, 'spec.services.addresses[0]', /is the droplet's own/),
  droplet(
    { addresses: ['192.0.2.112'] },
    'spec.services.addresses[0]',
    /already used by Droplet\/host-c/,
  ),
  droplet({ addresses: ['192.0.2.10'] }, 'spec.services.addresses[0]', /used by Droplet\/host-a/),
  droplet(
    { addresses: ['198.18.0.53'] },
    'spec.services.addresses[0]',
    /server of VirtualService\/dns/,
  ),
  droplet(
    { addresses: ['2001:db8:f::d'] },
    'spec.services.addresses[0]',
    /IPv6, which spec.addresses has none of/,
  ),
  droplet(
    { addresses: ['203.0.113.9'] },
    'spec.services.addresses[0]',
    /in the pool of NatGateway/,
  ),
  droplet({ addresses: ['224.0.0.5'] }, 'spec.services.addresses[0]', /multicast/),
  droplet({ ports: '80-1000' }, 'spec.services.ports', /must begin at 1024 or above/),
  droplet({ ports: '2000-2062' }, 'spec.services.ports', /has 63 ports, must have at least 64/),
  droplet({ ports: '3000-2000' }, 'spec.services.ports', /above the last/),
  droplet({ ports: '1-70000' }, 'spec.services.ports', /65535/),
  droplet({ port: 1 }, 'spec.services.port', /unknown field/),
  {
    object: 'Endpoint/new',
    field: 'spec.addresses[0]',
    rule: /10\.0\.0\.53 is the address of VirtualService\/dns in Vpc\/blue/,
    spec: { host: 'host-a', vpc: 'blue', subnet: 'blue-a', addresses: ['10.0.0.53'] },
  },
  {
    object: 'Endpoint/new',
    field: 'spec.addresses[0]',
    rule: /10\.0\.0\.123 is the address of VirtualService\/time in all VPCs/,
    spec: { host: 'host-a', vpc: 'red', subnet: 'red-a', addresses: ['10.0.0.123'] },
  },
  {
    object: 'Subnet/new',
    field: 'spec.ipv4.gateway',
    rule: /10\.0\.0\.123 is the address of VirtualService\/time in all VPCs/,
    spec: { vpc: 'new', ipv4: { prefix: '10.0.0.0/24', gateway: '10.0.0.123' } },
  },
  {
    object: 'Subnet/blue-a',
    field: 'spec.ipv4.prefix',
    rule: /10\.0\.0\.53, its first or last address|is the address of VirtualService\/dns/,
    spec: { vpc: 'blue', ipv4: { prefix: '10.0.0.52/30' }, ipv6: { prefix: '2001:db8::/64' } },
  },
  {
    object: 'Route/new',
    field: 'spec.prefix',
    rule: /10\.0\.0\.53\/32 is the address of VirtualService\/dns|10\.0\.0\.53 is/,
    spec: { vpc: 'blue', prefix: '10.0.0.53/32', blackhole: true },
  },
  {
    object: 'Route/new',
    field: 'spec.prefix',
    rule: /10\.0\.0\.123 is the address of VirtualService\/time in all VPCs/,
    spec: { vpc: 'red', prefix: '10.0.0.123/32', blackhole: true },
  },
];

export const BAD_SERVICE_INPUTS: readonly BadInput[] = [...SERVICE_ROWS, ...USER_ROWS];
