// SPDX-License-Identifier: Apache-2.0
/** Rules of each kind, judged on the state as it would be after the change. */
import {
  formatAddress,
  lastAddress,
  parseAddress,
  parseMac,
  parsePrefix,
  prefixContains,
  unusableReason,
  type IpPrefix,
} from '../base/net.js';
import { gatewayAddress, gatewayMac } from './defaults.js';
import type { SubnetFamily, SubnetSpec, StoredObject } from './objects.js';
import { subnetFamilies } from './validate-claims.js';
import { someOf, type RemovalContext, type Rule, type RuleContext } from './validate-context.js';
import { objectId } from './validate-facts.js';
import { deterministicRules, deterministicSubnetRules } from './validate-deterministic.js';
import { natGatewayRules } from './validate-nat-gateway.js';
import { checkNat64Removal, checkSubnetNat64 } from './validate-nat64.js';
import { natPrefixRules } from './validate-nat-prefix.js';
import { natEndpointRules, outsideChangeRules, publicDropletRules } from './validate-nat-users.js';
import { peeringRules, routeTakesSeen, seenOverlap } from './validate-peering.js';
import { portForwardRules, publicIpRules } from './validate-public.js';
import {
  dropletServiceRules,
  endpointServiceRules,
  routeServiceRules,
  subnetServiceRules,
  virtualServiceRules,
} from './validate-service.js';

const MAX_PREFIX = { 4: 30, 6: 126 } as const;
/** RFC 791: every host must take 576 bytes. RFC 8200 s5: every IPv6 link carries 1280. */
const MIN_MTU = { 4: 576, 6: 1280 } as const;
const MAX_MTU = 65535;

/** Why a MAC cannot be a station's. */
function macReason(mac: string): string | undefined {
  const bytes = parseMac(mac);
  if (((bytes[0] ?? 0) & 1) === 1) return `${mac} is a group address, must be unicast`;
  if (bytes.every((byte) => byte === 0)) return `${mac} is not a usable MAC address`;
  return undefined;
}

interface Range {
  readonly text: string;
  readonly prefix: IpPrefix;
  readonly gateway: string;
  readonly first: string;
  readonly last: string;
}

/** A subnet is asked once per endpoint: what can be computed once is. */
const RANGES = new WeakMap<SubnetFamily, Range>();

function rangeOf(family: SubnetFamily): Range {
  let range = RANGES.get(family);
  if (range === undefined) {
    const prefix = parsePrefix(family.prefix);
    range = {
      text: family.prefix,
      prefix,
      gateway: gatewayAddress(family),
      first: formatAddress(prefix.address),
      last: formatAddress(lastAddress(prefix)),
    };
    RANGES.set(family, range);
  }
  return range;
}

/** Why an address of a subnet cannot be given to anybody. */
function boundaryReason(range: Range, address: string): string | undefined {
  const { family } = range.prefix.address;
  if (address === range.first) {
    return family === 4
      ? `${address} is the network address of ${range.text}`
      : `${address} is the subnet-router anycast address of ${range.text} (RFC 4291 s2.6.1)`;
  }
  if (family === 4 && address === range.last)
    return `${address} is the broadcast address of ${range.text}`;
  return undefined;
}

/** Why an address does not fit a subnet; undefined when it does. */
function misfit(spec: SubnetSpec, subnet: string, text: string): string | undefined {
  const address = parseAddress(text);
  const family = address.family === 4 ? spec.ipv4 : spec.ipv6;
  if (family === undefined) return `${text} is IPv${address.family}, which ${subnet} has not`;
  const range = rangeOf(family);
  if (!prefixContains(range.prefix, address))
    return `${text} is not within ${family.prefix} of ${subnet}`;
  if (text === range.gateway) return `${text} is the gateway of ${subnet}`;
  return boundaryReason(range, text);
}

const vpcRules: Rule<'Vpc'> = ({ metadata, spec }, { tables, before, report, changes }) => {
  if (before?.kind === 'Vpc' && before.spec.vni !== spec.vni) {
    report(
      'spec.vni',
      `cannot be changed from ${before.spec.vni} to ${spec.vni}: delete the Vpc and create it anew`,
    );
  }
  const mac = macReason(gatewayMac(spec));
  if (mac !== undefined) report('spec.gatewayMac', mac);
  const fixed = spec.underlay ?? 'auto';
  if (before?.kind !== 'Vpc' || fixed === 'auto' || before.spec.underlay === fixed) return;
  const id = objectId('Vpc', metadata.name);
  const stray = [...tables.referrers(id)].filter((referrer) => {
    const object = tables.get(referrer);
    if (object?.kind !== 'Route' || changes(referrer)) return false;
    return object.spec.nexthops?.some(({ vtep }) => vtep.includes(':') !== (fixed === 'ipv6'));
  });
  if (stray.length > 0) {
    report('spec.underlay', `${fixed} excludes next hops of ${someOf(stray)}`);
  }
};

const subnetRules: Rule<'Subnet'> = ({ metadata, spec }, context) => {
  const { tables, before, report, blames, changes } = context;
  const id = objectId('Subnet', metadata.name);
  for (const { key, family } of subnetFamilies(spec)) {
    const prefix = parsePrefix(family.prefix);
    const max = MAX_PREFIX[prefix.address.family];
    const field = `spec.${key}.prefix`;
    if (prefix.length > max)
      report(field, `${family.prefix} is too small: the length is at most /${max}`);
    const unusable = unusableReason(prefix.address) ?? unusableReason(lastAddress(prefix));
    if (unusable !== undefined)
      report(field, `${family.prefix} cannot be used for endpoints: ${unusable}`);
    const gateway = gatewayAddress(family);
    const gatewayField = `spec.${key}.gateway`;
    if (prefix.length <= max && !prefixContains(prefix, parseAddress(gateway)))
      report(gatewayField, `${gateway} is not within ${family.prefix}`);
    const boundary = boundaryReason(rangeOf(family), gateway);
    if (boundary !== undefined && family.gateway !== undefined) report(gatewayField, boundary);
    for (const owner of tables.subnetsOverlapping(spec.vpc, prefix)) {
      if (owner === id || !blames(owner)) continue;
      // One is enough: a short prefix can overlap thousands.
      report(field, `${family.prefix} overlaps ${owner} in Vpc/${spec.vpc}`);
      break;
    }
    const seen = seenOverlap(spec.vpc, family.prefix, context);
    if (seen !== undefined) report(field, `${family.prefix} overlaps ${seen}`);
  }
  checkSubnetNat64(spec, context);
  if (before?.kind !== 'Subnet') return;
  const moved = before.spec.vpc !== spec.vpc;
  const resized = (['ipv4', 'ipv6'] as const).filter(
    (key) => before.spec[key]?.prefix !== spec[key]?.prefix,
  );
  if (!moved && resized.length === 0) return;
  const stray: string[] = [];
  for (const referrer of tables.referrers(id)) {
    const object = tables.get(referrer);
    // What is part of the change is judged on its own.
    if (changes(referrer)) continue;
    if (object?.kind === 'NatGateway' && moved) stray.push(referrer);
    if (object?.kind !== 'Endpoint') continue;
    const lost = object.spec.addresses.find((address) => misfit(spec, id, address) !== undefined);
    if (object.spec.vpc !== spec.vpc) stray.push(referrer);
    else if (lost !== undefined) stray.push(`${referrer} (${lost})`);
  }
  if (stray.length === 0) return;
  if (moved)
    report(
      'spec.vpc',
      `cannot be changed while ${someOf(stray)} ${stray.length === 1 ? 'refers' : 'refer'} to it`,
    );
  else
    report(
      `spec.${resized[0] ?? 'ipv4'}${resized[0] !== undefined && spec[resized[0]] === undefined ? '' : '.prefix'}`,
      `cannot be changed while it leaves out ${someOf(stray)}`,
    );
};

const dropletRules: Rule<'Droplet'> = ({ spec }, { report }) => {
  for (const [i, address] of spec.addresses.entries()) {
    const reason = unusableReason(parseAddress(address));
    if (reason !== undefined) report(`spec.addresses[${i}]`, reason);
  }
};

const endpointRules: Rule<'Endpoint'> = ({ spec }, { tables, before, report }) => {
  if (before?.kind === 'Endpoint' && before.spec.vpc !== spec.vpc) {
    report(
      'spec.vpc',
      `cannot be changed from ${before.spec.vpc} to ${spec.vpc}: delete the Endpoint and create it anew`,
    );
  }
  const subnet = tables.find('Subnet', spec.subnet);
  if (subnet !== undefined && subnet.spec.vpc !== spec.vpc) {
    report(
      'spec.subnet',
      `Subnet/${spec.subnet} is of Vpc/${subnet.spec.vpc}, not Vpc/${spec.vpc}`,
    );
  }
  for (const [i, address] of spec.addresses.entries()) {
    const field = `spec.addresses[${i}]`;
    if (spec.addresses.indexOf(address) < i) report(field, `${address} is given twice`);
    const reason =
      unusableReason(parseAddress(address)) ??
      (subnet === undefined ? undefined : misfit(subnet.spec, `Subnet/${spec.subnet}`, address));
    if (reason !== undefined) report(field, reason);
  }
  const mac = spec.mac === undefined ? undefined : macReason(spec.mac);
  if (mac !== undefined) report('spec.mac', mac);
  if (spec.mtu === undefined) return;
  const family = spec.addresses.some((address) => address.includes(':')) ? 6 : 4;
  const min = MIN_MTU[family];
  if (spec.mtu < min)
    report('spec.mtu', `${spec.mtu} is too small: IPv${family} needs at least ${min}`);
  if (spec.mtu > MAX_MTU) report('spec.mtu', `${spec.mtu} is too large: at most ${MAX_MTU}`);
};

const routeRules: Rule<'Route'> = ({ spec }, context) => {
  const { tables, report } = context;
  const prefix = parsePrefix(spec.prefix);
  const unusable = unusableReason(prefix.address);
  // 0.0.0.0/0, ::/0 and the halves of them begin with the unspecified address.
  const fromZero = spec.prefix.startsWith('0.0.0.0/') || spec.prefix.startsWith('::/');
  if (unusable !== undefined && !fromZero)
    report('spec.prefix', `${spec.prefix} cannot be routed: ${unusable}`);
  const taken = routeTakesSeen(spec.vpc, spec.prefix, context);
  if (taken !== undefined) report('spec.prefix', `${spec.prefix} is part of ${taken}`);
  const underlay = tables.find('Vpc', spec.vpc)?.spec.underlay ?? 'auto';
  const seen = new Set<string>();
  for (const [i, { vtep, mac }] of (spec.nexthops ?? []).entries()) {
    const field = `spec.nexthops[${i}]`;
    const address = parseAddress(vtep);
    const reason = unusableReason(address);
    if (reason !== undefined) report(`${field}.vtep`, reason);
    if (seen.has(vtep)) report(`${field}.vtep`, `${vtep} is given twice`);
    seen.add(vtep);
    if (underlay !== 'auto' && underlay !== `ipv${address.family}`)
      report(
        `${field}.vtep`,
        `${vtep} is IPv${address.family}, but the underlay of Vpc/${spec.vpc} is ${underlay}`,
      );
    const bad = mac === undefined ? undefined : macReason(mac);
    if (bad !== undefined) report(`${field}.mac`, bad);
  }
  if (spec.endpoint === undefined) return;
  const target = tables.find('Endpoint', spec.endpoint);
  if (target !== undefined && target.spec.vpc !== spec.vpc)
    report(
      'spec.endpoint',
      `Endpoint/${spec.endpoint} is of Vpc/${target.spec.vpc}, not Vpc/${spec.vpc}`,
    );
};

/** Judges that an object is deleted, which nothing refers to. */
export function checkRemoval(before: StoredObject, context: RemovalContext): void {
  checkNat64Removal(before, context);
}

/** Judges one object by the rules of its kind. */
export function checkObject(object: StoredObject, context: RuleContext): void {
  switch (object.kind) {
    case 'Vpc':
      vpcRules(object, context);
      outsideChangeRules(object, context);
      return;
    case 'Subnet':
      subnetRules(object, context);
      deterministicSubnetRules(object, context);
      subnetServiceRules(object, context);
      return;
    case 'Droplet':
      dropletRules(object, context);
      publicDropletRules(object, context);
      dropletServiceRules(object, context);
      return;
    case 'Endpoint':
      endpointRules(object, context);
      natEndpointRules(object, context);
      endpointServiceRules(object, context);
      return;
    case 'Route':
      routeRules(object, context);
      routeServiceRules(object, context);
      return;
    case 'NatGateway':
      natGatewayRules(object, context);
      deterministicRules(object, context);
      natPrefixRules(object, context);
      return;
    case 'PublicIp':
      publicIpRules(object, context);
      return;
    case 'PortForward':
      portForwardRules(object, context);
      return;
    case 'VirtualService':
      virtualServiceRules(object, context);
      return;
    case 'Peering':
      peeringRules(object, context);
      return;
    // They contradict no other object; what they refer to is judged for all kinds alike.
    case 'Profile':
    case 'Tier':
    case 'Policy':
    case 'NetworkSet':
  }
}
