// SPDX-License-Identifier: Apache-2.0
/** Inputs about translation that must be refused; natState() is there. */
import { BAD_LIMIT_INPUTS } from './bad-inputs-limits.js';
import type { BadInput } from './bad-inputs.js';

type Row = (spec: Record<string, unknown>, field: string, rule: RegExp) => BadInput;
const row =
  (object: string, base: Record<string, unknown>): Row =>
  (spec, field, rule) => ({ object, field, rule, spec: { ...base, ...spec } });

const vpc = row('Vpc/new', { vni: 300 });
const green = row('Vpc/green', { vni: 400, outside: { host: 'host-a' } });
const gateway = row('NatGateway/new', {
  sources: [{ vpc: 'lime' }],
  addresses: ['203.0.113.128/30'],
});
const ngGreen = row('NatGateway/ng-green', {
  sources: [{ vpc: 'green', subnets: ['green-a'] }],
  addresses: ['203.0.113.8-203.0.113.15', '2001:db8:ff::/126'],
  exempt: ['198.51.100.0/24'],
  blockSize: 256,
});
const fixed = row('NatGateway/new', {
  sources: [{ vpc: 'lime', subnets: ['lime-a'] }],
  addresses: ['203.0.113.128/30'],
  deterministic: {},
});
const publicIp = row('PublicIp/new', { address: '203.0.113.200', endpoint: 'lime-1' });
const forward = row('PortForward/new', {
  address: '203.0.113.201',
  protocol: 'tcp',
  port: 443,
  endpoint: 'lime-1',
});
const exempt = ['198.51.100.0/24'];
const sources = (...list: unknown[]) => ({ sources: list });
const addresses = (...list: string[]) => ({ addresses: list });

const VPC_ROWS: readonly BadInput[] = [
  vpc({ outside: {} }, 'spec.outside.host', /required/),
  vpc({ outside: 'host-a' }, 'spec.outside', /"host-a" is not an object/),
  vpc({ outside: { host: 'a_b' } }, 'spec.outside.host', /not a host name/),
  vpc({ outside: { host: 'host-a', via: 1 } }, 'spec.outside.via', /unknown field/),
  vpc(
    { timeouts: { tcpEstablished: 7439 } },
    'spec.timeouts.tcpEstablished',
    /7439 is too short: at least 7440 s \(RFC 5382 REQ-5\)/,
  ),
  vpc(
    { timeouts: { tcpTransitory: 239 } },
    'spec.timeouts.tcpTransitory',
    /240 s \(RFC 5382 REQ-5/,
  ),
  vpc({ timeouts: { udp: 119 } }, 'spec.timeouts.udp', /120 s \(RFC 4787 REQ-5\)/),
  vpc({ timeouts: { icmp: 59 } }, 'spec.timeouts.icmp', /60 s \(RFC 5508 REQ-2\)/),
  vpc({ timeouts: { other: 0 } }, 'spec.timeouts.other', /60 s \(.*RFC 5508 REQ-2\)/),
  vpc({ timeouts: { udp: 1e9 } }, 'spec.timeouts.udp', /at most 2592000/),
  vpc({ timeouts: { udp: '300' } }, 'spec.timeouts.udp', /not a number/),
  vpc({ timeouts: { sctp: 300 } }, 'spec.timeouts.sctp', /unknown field/),
  green(
    { outside: undefined },
    'spec.outside',
    /cannot be removed while NatGateway\/ng-green, NatGateway\/ng-named, PortForward\/dns and 4 more need it/,
  ),
  {
    object: 'Vpc/teal',
    field: 'spec.outside',
    rule: /while NatGateway\/ng-teal, PortForward\/teal-web need it/,
    spec: { vni: 402 },
  },
];

const GATEWAY_ROWS: readonly BadInput[] = [
  // sources
  gateway(sources(), 'spec.sources', /0 entries, must have at least 1/),
  gateway(
    sources(...Array.from({ length: 65 }, (_, i) => ({ vpc: `v${i}` }))),
    'spec.sources',
    /at most 64/,
  ),
  gateway(sources({ vpc: 'none' }), 'spec.sources[0].vpc', /Vpc\/none does not exist/),
  gateway(sources({ vpc: 'blue' }), 'spec.sources[0].vpc', /Vpc\/blue has no spec.outside.host/),
  gateway(
    sources({ vpc: 'lime' }, { vpc: 'teal' }),
    'spec.sources[1].vpc',
    /Vpc\/teal meets the outside on host-b, Vpc\/lime of spec.sources\[0\] on host-a: must be the same host/,
  ),
  gateway(sources({ vpc: 'lime' }, { vpc: 'lime' }), 'spec.sources[1].vpc', /given twice/),
  gateway(sources({ vpc: 'lime', subnets: [] }), 'spec.sources[0].subnets', /at least 1/),
  gateway(sources({ vpc: 'lime', endpoints: [] }), 'spec.sources[0].endpoints', /at least 1/),
  gateway(
    sources({ vpc: 'lime', subnets: ['none'] }),
    'spec.sources[0].subnets[0]',
    /Subnet\/none does not exist/,
  ),
  gateway(
    sources({ vpc: 'lime', endpoints: ['none'] }),
    'spec.sources[0].endpoints[0]',
    /Endpoint\/none does not exist/,
  ),
  gateway(
    sources({ vpc: 'lime', subnets: ['lime-a', 'green-b'] }),
    'spec.sources[0].subnets[1]',
    /Subnet\/green-b is of Vpc\/green, not Vpc\/lime/,
  ),
  gateway(
    sources({ vpc: 'lime', endpoints: ['green-3'] }),
    'spec.sources[0].endpoints[0]',
    /Endpoint\/green-3 is of Vpc\/green, not Vpc\/lime/,
  ),
  gateway(
    sources({ vpc: 'lime', subnets: ['lime-a', 'lime-a'] }),
    'spec.sources[0].subnets[1]',
    /given twice/,
  ),
  // served once
  gateway(
    { ...sources({ vpc: 'green' }), exempt },
    'spec.sources[0].vpc',
    /endpoints of Vpc\/green are served by NatGateway\/ng-green, NatGateway\/ng-named/,
  ),
  gateway(
    sources({ vpc: 'teal', subnets: ['teal-a'] }),
    'spec.sources[0].vpc',
    /all endpoints of Vpc\/teal are served by NatGateway\/ng-teal/,
  ),
  gateway(
    { ...sources({ vpc: 'green', subnets: ['green-a'] }), exempt },
    'spec.sources[0].subnets[0]',
    /Subnet\/green-a is served by NatGateway\/ng-green/,
  ),
  gateway(
    { ...sources({ vpc: 'green', endpoints: ['green-2'] }), exempt },
    'spec.sources[0].endpoints[0]',
    /Endpoint\/green-2 is served by NatGateway\/ng-named/,
  ),
  gateway(
    { ...sources({ vpc: 'green', endpoints: ['green-1'] }), exempt },
    'spec.sources[0].endpoints[0]',
    /Endpoint\/green-1 is of Subnet\/green-a, which is served by NatGateway\/ng-green/,
  ),
  gateway(
    { ...sources({ vpc: 'green', subnets: ['green-b'] }), exempt },
    'spec.sources[0].subnets[0]',
    /Endpoint\/green-2 of Subnet\/green-b is served by NatGateway\/ng-named/,
  ),
  // addresses
  gateway(addresses(), 'spec.addresses', /at least 1/),
  gateway(addresses('203.0.113.300'), 'spec.addresses[0]', /not an IP address/),
  gateway(
    addresses('203.0.113.9-203.0.113.2'),
    'spec.addresses[0]',
    /first address is above the last/,
  ),
  gateway(addresses('203.0.113.9-2001:db8::9'), 'spec.addresses[0]', /must be of one family/),
  gateway(addresses('203.0.113.1-203.0.113.2-203.0.113.3'), 'spec.addresses[0]', /FIRST-LAST/),
  gateway(addresses('203.0.113.129/30'), 'spec.addresses[0]', /must be zero, as in 203.0.113.128/),
  gateway(addresses('::ffff:203.0.113.1'), 'spec.addresses[0]', /write IPv4 addresses as IPv4/),
  gateway(addresses('198.18.0.0/23'), 'spec.addresses', /has 512 addresses in all.*at most 256/),
  gateway(
    addresses('198.18.0.0/24', '2001:db8:1::1'),
    'spec.addresses',
    /has 257 addresses in all/,
  ),
  gateway(addresses('2001:db8:1::/64'), 'spec.addresses', /at most 256/),
  gateway(addresses('2001:db8::-2001:db9::'), 'spec.addresses', /at most 256/),
  gateway(addresses('0.0.0.0'), 'spec.addresses[0]', /0.0.0.0\/8/),
  gateway(addresses('127.0.0.1'), 'spec.addresses[0]', /loopback/),
  gateway(addresses('223.255.255.255-224.0.0.0'), 'spec.addresses[0]', /224.0.0.0 is a multicast/),
  gateway(addresses('169.254.9.9'), 'spec.addresses[0]', /link-local/),
  gateway(addresses('240.0.0.1'), 'spec.addresses[0]', /240.0.0.0\/4/),
  gateway(addresses('255.255.255.255'), 'spec.addresses[0]', /240.0.0.0\/4/),
  gateway(addresses('::'), 'spec.addresses[0]', /unspecified/),
  gateway(addresses('::1'), 'spec.addresses[0]', /loopback/),
  gateway(addresses('ff02::1'), 'spec.addresses[0]', /multicast/),
  gateway(addresses('fe80::1'), 'spec.addresses[0]', /link-local/),
  gateway(
    addresses('203.0.113.128/30', '203.0.113.130'),
    'spec.addresses[1]',
    /203.0.113.130 is given twice: it is in spec.addresses\[0\], too/,
  ),
  gateway(
    addresses('203.0.113.128', '203.0.113.15-203.0.113.16'),
    'spec.addresses[1]',
    /203.0.113.15 is in the pool of NatGateway\/ng-green/,
  ),
  gateway(addresses('2001:db8:ff::3'), 'spec.addresses[0]', /in the pool of NatGateway\/ng-green/),
  gateway(addresses('203.0.113.32'), 'spec.addresses[0]', /is the address of PublicIp\/pip-4/),
  gateway(
    addresses('192.0.2.40/31'),
    'spec.addresses[0]',
    /192.0.2.40 is an underlay address of Droplet\/gate-a/,
  ),
  gateway(
    { ...addresses('203.0.113.40'), ...sources({ vpc: 'new' }) },
    'spec.sources[0].vpc',
    /Vpc\/new does not exist/,
  ),
  ngGreen(
    addresses('203.0.113.8-203.0.113.20'),
    'spec.addresses[0]',
    /203.0.113.20 is in the pool of NatGateway\/ng-named/,
  ),
  // the rest
  ngGreen({ blockSize: 512 }, 'spec.blockSize', /from 256 to 512: make another NatGateway/),
  ngGreen({ blockSize: undefined }, 'spec.blockSize', /cannot be changed from 256 to 512/),
  ngGreen(
    { exempt: [] },
    'spec.exempt',
    /differs from that of NatGateway\/ng-named, which serves Vpc\/green, too/,
  ),
  gateway({ exempt: ['10.9.0.1/16'] }, 'spec.exempt[0]', /must be zero/),
  gateway({ exempt: ['10.9.0.0/16', '10.9.0.0/16'] }, 'spec.exempt[1]', /given twice/),
  gateway({ exempt: ['224.0.0.0/4'] }, 'spec.exempt[0]', /cannot be routed: .*multicast/),
  gateway({ exempt: ['10.0.0.0/24'] }, 'spec.exempt[0]', /used by Subnet\/lime-a in Vpc\/lime/),
  gateway({ filtering: 'none' }, 'spec.filtering', /must be endpoint, address or address-port/),
  gateway({ algs: ['sip'] }, 'spec.algs[0]', /must be ftp or tftp/),
  gateway({ algs: ['ftp', 'ftp'] }, 'spec.algs[1]', /ftp is given twice/),
  gateway({ algs: 'ftp' }, 'spec.algs', /"ftp" is not a list/),
  gateway({ blockSize: 32 }, 'spec.blockSize', /at least 64/),
  gateway({ blockSize: 2048 }, 'spec.blockSize', /at most 1024/),
  gateway({ blockSize: 500 }, 'spec.blockSize', /500 is not a power of two/),
  gateway({ blocksPerEndpoint: 0 }, 'spec.blocksPerEndpoint', /at least 1/),
  gateway({ blocksPerEndpoint: 9 }, 'spec.blocksPerEndpoint', /at most 8/),
  gateway({ quarantine: -1 }, 'spec.quarantine', /at least 0/),
  gateway({ quarantine: 3601 }, 'spec.quarantine', /at most 3600/),
  gateway({ ports: 1 }, 'spec.ports', /unknown field/),
];

/** Ports by arithmetic. */
const DETERMINISTIC_ROWS: readonly BadInput[] = [
  fixed({ deterministic: true }, 'spec.deterministic', /true is not an object/),
  fixed({ deterministic: { block: 1 } }, 'spec.deterministic.block', /unknown field/),
  fixed({ deterministic: { blocks: 0 } }, 'spec.deterministic.blocks', /at least 1/),
  fixed({ deterministic: { blocks: 65 } }, 'spec.deterministic.blocks', /at most 64/),
  fixed({ deterministic: { overflow: -1 } }, 'spec.deterministic.overflow', /at least 0/),
  fixed({ deterministic: { overflow: 1.5 } }, 'spec.deterministic.overflow', /whole number/),
  fixed(
    { blockSize: 1024, deterministic: { blocks: 4, overflow: 60 } },
    'spec.deterministic',
    /leaves no address any ports: of 63 blocks of a public address 60 are for overflow, an inside address has 4/,
  ),
  fixed(
    { addresses: ['203.0.113.128'] },
    'spec.addresses',
    /1 public addresses serve 126 inside addresses each, the subnets have 256: add addresses/,
  ),
  fixed(
    { deterministic: { blocks: 2 } },
    'spec.addresses',
    /4 public addresses serve 63 inside addresses each, the subnets have 256/,
  ),
  fixed(
    { addresses: ['203.0.113.128/30', '2001:db8:1::1'] },
    'spec.addresses[1]',
    /2001:db8:1::1 is IPv6: spec.deterministic is for IPv4/,
  ),
  fixed(
    { sources: [{ vpc: 'lime' }] },
    'spec.sources[0].subnets',
    /is required with spec.deterministic: ports are computed from the subnets of Vpc\/lime/,
  ),
  fixed(
    { sources: [{ vpc: 'lime', subnets: ['lime-a'], endpoints: ['lime-1'] }] },
    'spec.sources[0].endpoints',
    /cannot be used with spec.deterministic: name subnets/,
  ),
  fixed(
    { sources: [{ vpc: 'gold', subnets: ['gold-b', 'gold-6'] }] },
    'spec.sources[0].subnets[1]',
    /Subnet\/gold-6 has no IPv4 prefix/,
  ),
  {
    object: 'Subnet/gold-a',
    field: 'spec.ipv4.prefix',
    rule: /is too large for NatGateway\/ng-gold: 2 public addresses serve 63 inside addresses each, the subnets have 128/,
    spec: { vpc: 'gold', ipv4: { prefix: '10.0.2.0/25' } },
  },
  {
    object: 'Subnet/gold-a',
    field: 'spec.ipv4',
    rule: /cannot be removed while NatGateway\/ng-gold computes ports from it/,
    spec: { vpc: 'gold', ipv6: { prefix: '2001:db8:7::/64' } },
  },
];

const PUBLIC_ROWS: readonly BadInput[] = [
  publicIp({ address: '203.0.113' }, 'spec.address', /not an IP address/),
  publicIp({ address: '203.0.113.0/24' }, 'spec.address', /not an IP address/),
  publicIp({ address: '127.0.0.1' }, 'spec.address', /loopback/),
  publicIp({ address: '203.0.113.9' }, 'spec.address', /in the pool of NatGateway\/ng-green/),
  publicIp({ address: '203.0.113.32' }, 'spec.address', /is the address of PublicIp\/pip-4/),
  publicIp({ address: '203.0.113.40' }, 'spec.address', /an address of PortForward\/web/),
  publicIp({ address: '192.0.2.10' }, 'spec.address', /underlay address of Droplet\/host-a/),
  publicIp({ endpoint: 'none' }, 'spec.endpoint', /Endpoint\/none does not exist/),
  publicIp(
    { endpoint: 'web-1' },
    'spec.endpoint',
    /Vpc\/blue of Endpoint\/web-1 has no spec.outside.host/,
  ),
  publicIp(
    { address: '2001:db8:fe::9' },
    'spec.endpoint',
    /Endpoint\/lime-1 has no IPv6 address for 2001:db8:fe::9/,
  ),
  publicIp(
    { endpointAddress: '10.0.0.6' },
    'spec.endpointAddress',
    /10.0.0.6 is not an address of Endpoint\/lime-1/,
  ),
  publicIp(
    { endpoint: 'green-1', endpointAddress: '2001:db8:4::5' },
    'spec.endpointAddress',
    /2001:db8:4::5 is IPv6, spec.address is IPv4: Vpc\/green needs a NatGateway with spec.nat64/,
  ),
  publicIp(
    { endpoint: 'green-1' },
    'spec.endpoint',
    /10.0.0.5 of Endpoint\/green-1 has PublicIp\/pip-4 \(203.0.113.32\)/,
  ),
  publicIp(
    { endpoint: 'green-3', endpointAddress: '10.0.0.8' },
    'spec.endpointAddress',
    /10.0.0.8 of Endpoint\/green-3 has PublicIp\/pip-3/,
  ),
  forward({ address: '203.0.113.300' }, 'spec.address', /not an IP address/),
  forward({ address: '255.255.255.255' }, 'spec.address', /240.0.0.0\/4/),
  forward({ address: '203.0.113.32' }, 'spec.address', /PublicIp\/pip-4, which takes all ports/),
  forward({ address: '192.0.2.40' }, 'spec.address', /underlay address of Droplet\/gate-a/),
  forward(
    { address: '203.0.113.65' },
    'spec.address',
    /203.0.113.65 is in the pool of NatGateway\/ng-teal on host-b, cannot be on host-a, too/,
  ),
  forward(
    { address: '203.0.113.40', endpoint: 'teal-1' },
    'spec.address',
    /203.0.113.40 is an address of PortForward\/web on host-a, cannot be on host-b, too/,
  ),
  forward({ protocol: 'icmp' }, 'spec.protocol', /must be tcp, udp or both/),
  forward({ protocol: undefined }, 'spec.protocol', /required/),
  forward({ port: undefined }, 'spec.port', /^is required$/),
  forward({ port: 0 }, 'spec.port', /port 0 is reserved/),
  forward({ port: '0-80' }, 'spec.port', /port 0 is reserved/),
  forward({ port: 65536 }, 'spec.port', /the last port is 65535/),
  forward({ port: '65000-65536' }, 'spec.port', /the last port is 65535/),
  forward({ port: '90-80' }, 'spec.port', /first port is above the last/),
  forward({ port: 'http' }, 'spec.port', /"http" is not a port/),
  forward({ port: '80-' }, 'spec.port', /write 8080 or 8000-8099/),
  forward({ port: 80.5 }, 'spec.port', /a port or a range of ports/),
  forward({ endpointPort: '80-70' }, 'spec.endpointPort', /first port is above the last/),
  forward(
    { port: '80-89', endpointPort: '8080-8090' },
    'spec.endpointPort',
    /8080-8090 has 11 ports, spec.port has 10: must be as many/,
  ),
  forward({ endpointPort: '80-81' }, 'spec.endpointPort', /has 2 ports, spec.port has 1/),
  forward(
    { address: '203.0.113.40', port: '8099' },
    'spec.port',
    /tcp 8099 of 203.0.113.40 overlaps 8000-8099 of PortForward\/web/,
  ),
  forward(
    { address: '203.0.113.40', port: '1-65535', protocol: 'both' },
    'spec.port',
    /tcp 1-65535 of 203.0.113.40 overlaps 8000-8099/,
  ),
  forward(
    { address: '203.0.113.8', port: '53', protocol: 'udp' },
    'spec.port',
    /udp 53 of 203.0.113.8 overlaps 53 of PortForward\/dns/,
  ),
  forward({ endpoint: 'none' }, 'spec.endpoint', /Endpoint\/none does not exist/),
  forward(
    { endpoint: 'red-1' },
    'spec.endpoint',
    /Vpc\/red of Endpoint\/red-1 has no spec.outside/,
  ),
  forward(
    { address: '2001:db8:fe::9' },
    'spec.endpoint',
    /Endpoint\/lime-1 has no IPv6 address for 2001:db8:fe::9/,
  ),
  forward({ endpointAddress: '10.0.0.9' }, 'spec.endpointAddress', /not an address of Endpoint/),
  forward(
    { address: '2001:db8:fe::9', endpointAddress: '10.0.0.5' },
    'spec.endpointAddress',
    /10.0.0.5 is IPv4, spec.address is IPv6/,
  ),
];

/** What changes of other kinds may not do. */
const USER_ROWS: readonly BadInput[] = [
  {
    object: 'Droplet/new',
    field: 'spec.addresses[0]',
    rule: /203.0.113.10 is in the pool of NatGateway\/ng-green/,
    spec: { host: 'host-c', device: 'eth0', addresses: ['203.0.113.10'] },
  },
  {
    object: 'Droplet/gate-a',
    field: 'spec.addresses[0]',
    rule: /203.0.113.40 is an address of PortForward\/web/,
    spec: { host: 'host-a', device: 'wan0', addresses: ['203.0.113.40'], outside: true },
  },
  {
    object: 'Droplet/new',
    field: 'spec.outside',
    rule: /"yes" is not true or false/,
    spec: { host: 'host-c', device: 'eth0', addresses: ['192.0.2.12'], outside: 'yes' },
  },
  {
    object: 'Endpoint/green-1',
    field: 'spec.addresses',
    rule: /leaves out PublicIp\/pip-6 \(no address for 2001:db8:fe::1\)/,
    spec: { host: 'host-b', vpc: 'green', subnet: 'green-a', addresses: ['10.0.0.5'] },
  },
  {
    object: 'Endpoint/green-3',
    field: 'spec.addresses',
    rule: /leaves out PublicIp\/pip-3 \(10.0.0.8\)/,
    spec: { host: 'host-b', vpc: 'green', subnet: 'green-a', addresses: ['10.0.0.7'] },
  },
  {
    object: 'Endpoint/green-2',
    field: 'spec.subnet',
    rule: /Subnet\/green-a is served by NatGateway\/ng-green, this by NatGateway\/ng-named/,
    spec: { host: 'host-b', vpc: 'green', subnet: 'green-a', addresses: ['10.0.0.6'] },
  },
  {
    object: 'Route/new',
    field: 'spec.prefix',
    rule: /198.51.100.0\/24 is exempt at NatGateway\/ng-green in Vpc\/green/,
    spec: { vpc: 'green', prefix: '198.51.100.0/24', blackhole: true },
  },
  {
    object: 'Subnet/green-b',
    field: 'spec.vpc',
    rule: /cannot be changed while Endpoint\/green-2 refers to it/,
    spec: { vpc: 'lime', ipv4: { prefix: '10.0.1.0/24' } },
  },
];

export const BAD_NAT_INPUTS: readonly BadInput[] = [
  ...VPC_ROWS,
  ...GATEWAY_ROWS,
  ...DETERMINISTIC_ROWS,
  ...PUBLIC_ROWS,
  ...USER_ROWS,
  ...BAD_LIMIT_INPUTS,
];
