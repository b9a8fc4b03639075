// SPDX-License-Identifier: Apache-2.0
/** Inputs that must be refused, with the object, the field and words of the rule. */

export interface BadInput {
  readonly object: string;
  readonly field: string;
  readonly rule: RegExp;
  /** Spec, merged over that of the object named in `from`, or alone. */
  readonly spec?: Record<string, unknown>;
  readonly from?: string;
  /** The whole input, where it is not just a spec. */
  readonly input?: unknown;
}

const vpc = (spec: Record<string, unknown>, field: string, rule: RegExp): BadInput => ({
  object: 'Vpc/new',
  field,
  rule,
  spec: { vni: 300, ...spec },
});
const subnet = (spec: Record<string, unknown>, field: string, rule: RegExp): BadInput => ({
  object: 'Subnet/new',
  field,
  rule,
  spec: { vpc: 'blue', ...spec },
});
const droplet = (spec: Record<string, unknown>, field: string, rule: RegExp): BadInput => ({
  object: 'Droplet/new',
  field,
  rule,
  spec: { host: 'host-c', device: 'eth0', addresses: ['192.0.2.12'], ...spec },
});
const endpoint = (spec: Record<string, unknown>, field: string, rule: RegExp): BadInput => ({
  object: 'Endpoint/new',
  field,
  rule,
  spec: { host: 'host-a', vpc: 'blue', subnet: 'blue-a', addresses: ['10.0.0.50'], ...spec },
});
const route = (spec: Record<string, unknown>, field: string, rule: RegExp): BadInput => ({
  object: 'Route/new',
  field,
  rule,
  spec: { vpc: 'blue', prefix: '172.16.0.0/16', ...spec },
});
const via = { nexthops: [{ vtep: '192.0.2.20' }] };

export const BAD_INPUTS: readonly BadInput[] = [
  // shape
  { object: 'objects[0]', field: '', rule: /not an object/, input: 'text' },
  { object: 'objects[0]', field: 'kind', rule: /required/, input: { metadata: { name: 'x' } } },
  {
    object: 'objects[0]',
    field: 'kind',
    rule: /"Pod" is not a kind: must be Vpc/,
    input: { kind: 'Pod' },
  },
  {
    object: 'objects[0] (Vpc)',
    field: 'metadata',
    rule: /required/,
    input: { kind: 'Vpc', spec: { vni: 1 } },
  },
  {
    object: 'Vpc/new',
    field: 'spec',
    rule: /required/,
    input: { kind: 'Vpc', metadata: { name: 'new' } },
  },
  {
    object: 'Vpc/Web_1',
    field: 'metadata.name',
    rule: /is not a name/,
    input: { kind: 'Vpc', metadata: { name: 'Web_1' }, spec: { vni: 300 } },
  },
  {
    object: `Vpc/${'a'.repeat(64)}`,
    field: 'metadata.name',
    rule: /1 to 63/,
    input: { kind: 'Vpc', metadata: { name: 'a'.repeat(64) }, spec: { vni: 300 } },
  },
  {
    object: 'Vpc/new',
    field: 'metadata.labels["a b"]',
    rule: /not a label key/,
    input: { kind: 'Vpc', metadata: { name: 'new', labels: { 'a b': 'c' } }, spec: { vni: 300 } },
  },
  {
    object: 'Vpc/new',
    field: 'metadata.labels.a',
    rule: /not a label value/,
    input: { kind: 'Vpc', metadata: { name: 'new', labels: { a: 'b c' } }, spec: { vni: 300 } },
  },
  {
    object: 'Vpc/new',
    field: 'metadata.owner',
    rule: /unknown field/,
    input: { kind: 'Vpc', metadata: { name: 'new', owner: 'x' }, spec: { vni: 300 } },
  },
  // Vpc
  vpc({ vni: 0 }, 'spec.vni', /0 is out of range: must be at least 1/),
  vpc({ vni: 16777216 }, 'spec.vni', /at most 16777215/),
  vpc({ vni: '300' }, 'spec.vni', /"300" is not a number/),
  vpc({ vni: 1.5 }, 'spec.vni', /1.5 is not a whole number/),
  vpc({ colour: 'blue' }, 'spec.colour', /unknown field/),
  vpc({ underlay: 'ipx' }, 'spec.underlay', /"ipx" is not allowed: must be auto, ipv4 or ipv6/),
  vpc({ icmp: { rate: -1 } }, 'spec.icmp.rate', /at least 0/),
  vpc({ gatewayMac: '02:00' }, 'spec.gatewayMac', /not a MAC address/),
  vpc({ gatewayMac: '01:00:5e:00:00:01' }, 'spec.gatewayMac', /must be unicast/),
  vpc({ gatewayMac: '00:00:00:00:00:00' }, 'spec.gatewayMac', /not a usable MAC/),
  vpc({ vni: 100 }, 'spec.vni', /VNI 100 is already used by Vpc\/blue/),
  {
    object: 'Vpc/blue',
    field: 'spec.vni',
    rule: /cannot be changed from 100 to 101/,
    spec: { vni: 101 },
  },
  {
    object: 'Vpc/blue',
    field: 'spec.underlay',
    rule: /ipv6 excludes next hops of Route\/blue-default/,
    spec: { vni: 100, underlay: 'ipv6' },
  },
  {
    object: 'Vpc/blue',
    field: 'spec.gatewayMac',
    rule: /02:00:00:00:00:05 is already used by Endpoint\/web-1/,
    spec: { vni: 100, gatewayMac: '02:00:00:00:00:05' },
  },
  // Subnet
  subnet({}, 'spec', /ipv4, ipv6 or both/),
  subnet(
    { ipv4: { prefix: '10.5.0.1/24' } },
    'spec.ipv4.prefix',
    /bits behind the length must be zero/,
  ),
  subnet({ ipv4: { prefix: '2001:db8:5::/64' } }, 'spec.ipv4.prefix', /is not IPv4/),
  subnet({ ipv4: { prefix: '10.5.0.0/31' } }, 'spec.ipv4.prefix', /at most \/30/),
  subnet({ ipv6: { prefix: '2001:db8:5::/127' } }, 'spec.ipv6.prefix', /at most \/126/),
  subnet({ ipv4: { prefix: '224.0.0.0/24' } }, 'spec.ipv4.prefix', /multicast/),
  subnet(
    { ipv4: { prefix: '10.5.0.0/24', gateway: '10.6.0.1' } },
    'spec.ipv4.gateway',
    /10.6.0.1 is not within 10.5.0.0\/24/,
  ),
  subnet(
    { ipv4: { prefix: '10.5.0.0/24', gateway: '10.5.0.0' } },
    'spec.ipv4.gateway',
    /network address/,
  ),
  subnet(
    { ipv4: { prefix: '10.5.0.0/24', gateway: '10.5.0.255' } },
    'spec.ipv4.gateway',
    /broadcast address/,
  ),
  subnet(
    { ipv4: { prefix: '10.0.0.128/25' } },
    'spec.ipv4.prefix',
    /overlaps Subnet\/blue-a in Vpc\/blue/,
  ),
  subnet({ ipv6: { prefix: '2001:db8::/32' } }, 'spec.ipv6.prefix', /overlaps Subnet\/blue-a/),
  subnet({ vpc: 'none', ipv4: { prefix: '10.5.0.0/24' } }, 'spec.vpc', /Vpc\/none does not exist/),
  {
    object: 'Subnet/blue-a',
    field: 'spec.ipv4.prefix',
    rule: /leaves out Endpoint\/web-1 \(10.0.0.5\)/,
    spec: { vpc: 'blue', ipv4: { prefix: '10.0.9.0/24' }, ipv6: { prefix: '2001:db8::/64' } },
  },
  {
    object: 'Subnet/blue-a',
    field: 'spec.ipv6',
    rule: /leaves out Endpoint\/web-1/,
    spec: { vpc: 'blue', ipv4: { prefix: '10.0.0.0/24' } },
  },
  {
    object: 'Subnet/blue-a',
    field: 'spec.ipv4.gateway',
    rule: /10.0.0.5 is an address of Endpoint\/web-1/,
    spec: {
      vpc: 'blue',
      ipv4: { prefix: '10.0.0.0/24', gateway: '10.0.0.5' },
      ipv6: { prefix: '2001:db8::/64' },
    },
  },
  // Droplet
  droplet({ device: 'a-very-long-device-name' }, 'spec.device', /1 to 15 characters/),
  droplet({ addresses: [] }, 'spec.addresses', /0 entries, must have at least 1/),
  droplet({ addresses: ['192.0.2.12', '192.0.2.13'] }, 'spec.addresses[1]', /one of each family/),
  droplet({ addresses: ['127.0.0.1'] }, 'spec.addresses[0]', /loopback/),
  droplet(
    { addresses: ['192.0.2.10'] },
    'spec.addresses[0]',
    /192.0.2.10 is already used by Droplet\/host-a/,
  ),
  droplet(
    { host: 'host-a' },
    'spec.device',
    /device eth0 is already used by Droplet\/host-a on host host-a/,
  ),
  droplet({ dscp: 64 }, 'spec.dscp', /at most 63/),
  droplet({ dscp: 'low' }, 'spec.dscp', /"copy" or a number 0..63/),
  droplet({ ttl: 0 }, 'spec.ttl', /at least 1/),
  // Endpoint
  endpoint({ addresses: ['10.0.0.300'] }, 'spec.addresses[0]', /"10.0.0.300" is not an IP address/),
  endpoint(
    { addresses: ['10.0.1.5'] },
    'spec.addresses[0]',
    /10.0.1.5 is not within 10.0.0.0\/24 of Subnet\/blue-a/,
  ),
  endpoint({ addresses: ['10.0.0.0'] }, 'spec.addresses[0]', /network address/),
  endpoint({ addresses: ['10.0.0.255'] }, 'spec.addresses[0]', /broadcast address/),
  endpoint({ addresses: ['10.0.0.1'] }, 'spec.addresses[0]', /is the gateway of Subnet\/blue-a/),
  endpoint(
    { addresses: ['10.0.0.5'] },
    'spec.addresses[0]',
    /10.0.0.5 is an address of Endpoint\/web-1 in Vpc\/blue/,
  ),
  endpoint({ addresses: ['10.0.0.50', '10.0.0.50'] }, 'spec.addresses[1]', /given twice/),
  endpoint(
    { subnet: 'blue-b', addresses: ['2001:db8::9'] },
    'spec.addresses[0]',
    /is IPv6, which Subnet\/blue-b has not/,
  ),
  endpoint({ subnet: 'red-a' }, 'spec.subnet', /Subnet\/red-a is of Vpc\/red, not Vpc\/blue/),
  endpoint({ subnet: 'none' }, 'spec.subnet', /Subnet\/none does not exist/),
  endpoint({ mac: '03:00:00:00:00:01' }, 'spec.mac', /must be unicast/),
  endpoint({ mac: '02:00:00:00:00:05' }, 'spec.mac', /already used by Endpoint\/web-1/),
  endpoint({ mac: '02:54:00:00:00:64' }, 'spec.mac', /is the gateway MAC of Vpc\/blue/),
  endpoint({ mtu: 500 }, 'spec.mtu', /at least 576/),
  endpoint({ mtu: 65536 }, 'spec.mtu', /at most 65535/),
  endpoint({ mtu: 1279, addresses: ['2001:db8::50'] }, 'spec.mtu', /IPv6 needs at least 1280/),
  endpoint({ device: { kind: 'tap' } }, 'spec.device.kind', /must be veth or existing/),
  endpoint({ device: { kind: 'veth' } }, 'spec.device.netns', /required/),
  endpoint(
    { device: { kind: 'veth', netns: 'n', name: 'a/b' } },
    'spec.device.name',
    /not a device name/,
  ),
  endpoint(
    { device: { kind: 'existing', name: 'veth-web-1' } },
    'spec.device.name',
    /device veth-web-1 is already used by Endpoint\/web-1 on host host-a/,
  ),
  endpoint(
    { device: { kind: 'existing', name: 'eth0' } },
    'spec.device.name',
    /already used by Droplet\/host-a/,
  ),
  endpoint(
    { device: { kind: 'veth', netns: '/run/netns/web-1' } },
    'spec.device.peer',
    /device eth0 of network namespace web-1 is already used by Endpoint\/web-1/,
  ),
  {
    object: 'Endpoint/web-2',
    field: 'spec.vpc',
    rule: /cannot be changed from blue to red/,
    spec: { host: 'host-b', vpc: 'red', subnet: 'red-a', addresses: ['10.0.0.77'] },
  },
  // Route
  route({}, 'spec', /exactly one of nexthops, endpoint and blackhole/),
  route({ ...via, blackhole: true }, 'spec', /exactly one/),
  route({ nexthops: [] }, 'spec.nexthops', /at least 1/),
  route({ nexthops: [{ vtep: '224.0.0.1' }] }, 'spec.nexthops[0].vtep', /multicast/),
  route(
    { nexthops: [{ vtep: '192.0.2.20' }, { vtep: '192.0.2.20' }] },
    'spec.nexthops[1].vtep',
    /given twice/,
  ),
  route(
    { nexthops: [{ vtep: '192.0.2.20', mac: 'ff:ff:ff:ff:ff:ff' }] },
    'spec.nexthops[0].mac',
    /unicast/,
  ),
  route(
    { vpc: 'red', nexthops: [{ vtep: '2001:db8:f::b' }] },
    'spec.nexthops[0].vtep',
    /underlay of Vpc\/red is ipv4/,
  ),
  route(
    { ...via, prefix: '10.0.0.0/24' },
    'spec.prefix',
    /already used by Subnet\/blue-a in Vpc\/blue/,
  ),
  route({ ...via, prefix: '0.0.0.0/0' }, 'spec.prefix', /already used by Route\/blue-default/),
  route(
    { ...via, prefix: '10.0.0.5/32' },
    'spec.prefix',
    /10.0.0.5\/32 is an address of Endpoint\/web-1/,
  ),
  route({ ...via, prefix: '2001:db8::1/128' }, 'spec.prefix', /is the gateway of Subnet\/blue-a/),
  route({ ...via, prefix: '224.0.0.0/4' }, 'spec.prefix', /multicast/),
  route({ endpoint: 'none' }, 'spec.endpoint', /Endpoint\/none does not exist/),
  route({ endpoint: 'red-1' }, 'spec.endpoint', /Endpoint\/red-1 is of Vpc\/red, not Vpc\/blue/),
];
