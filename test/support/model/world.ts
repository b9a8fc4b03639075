// SPDX-License-Identifier: Apache-2.0
/**
 * One host's view of a configuration: who has which address, where prefixes lead, who may send
 * tunnel packets. Computed from scratch from the objects and what is known of the devices; every
 * question is answered by looking at everything.
 */
import type { StoredObject, TypedObject } from '../../../src/model/index.js';
import {
  addressOf,
  bitsOf,
  familyOf,
  firstOf,
  lastOf,
  macOf,
  prefixOf,
  type Prefix,
} from './address.js';
import type { Address } from './bytes.js';
import type { Destination, Endpoint, Nexthop, Surroundings, Vpc, Way } from './destination.js';
import { TUNNEL, type Family } from './numbers.js';
import { Outside } from './outside.js';
import { Policies } from './policy.js';

type Of<K extends StoredObject['kind']> = TypedObject<K>;

const NONE: Destination = { kind: 'none', exact: false };

export class World {
  readonly vpcs = new Map<number, Vpc>();
  readonly endpoints = new Map<number, Endpoint>();
  /** Who may send tunnel packets to us. */
  readonly vteps = new Set<Address>();
  /** The world beyond the VPCs. */
  readonly outside: Outside;
  /** Who may open a connection to whom. */
  readonly policies: Policies;
  /** Our own underlay addresses. */
  readonly own = new Set<Address>();
  private readonly nexthops = new Map<Address, Nexthop>();
  private readonly byName = new Map<string, Vpc>();
  private readonly targets = new Map<string, Destination>();
  private readonly fingerprints = new Map<number, string>();

  constructor(
    private readonly objects: readonly StoredObject[],
    private readonly around: Surroundings,
    private readonly host: string,
  ) {
    this.outside = new Outside(objects, around.outside, host, (owner) => this.isThere(owner));
    this.policies = new Policies(objects);
    for (const vpc of this.all('Vpc')) this.addVpc(vpc);
    for (const subnet of this.all('Subnet')) this.addSubnet(subnet);
    for (const droplet of this.all('Droplet')) {
      const set = droplet.spec.host === host ? this.own : this.vteps;
      for (const address of droplet.spec.addresses) set.add(addressOf(address));
    }
    for (const endpoint of this.all('Endpoint')) this.addEndpoint(endpoint);
    for (const route of this.all('Route')) this.addRoute(route);
    for (const vpc of this.all('Vpc')) this.addOutside(vpc);
    for (const [vtep, way] of around.ways) this.addWay(vtep, way);
  }

  /** Where an address of a VPC is: the address itself, else the longest prefix. */
  resolve(vpc: Vpc, address: Address): Destination {
    const exact = vpc.addresses.get(address);
    if (exact) return exact;
    const bits = bitsOf(address);
    let best: { readonly prefix: Prefix; readonly to: Destination } | undefined;
    for (const entry of vpc.prefixes) {
      const { prefix } = entry;
      if (prefix.family !== familyOf(address) || !bits.startsWith(prefix.bits)) continue;
      if (!best || prefix.bits.length > best.prefix.bits.length) best = entry;
    }
    return best?.to ?? NONE;
  }

  /** How to reach a VTEP; undefined while its neighbour is not resolved. */
  nexthop(vtep: Address): Nexthop | undefined {
    return this.nexthops.get(vtep);
  }

  private isThere(owner: string): boolean {
    const vpc = this.vpcs.get(Number(owner.split('/')[0]));
    return [...(vpc?.addresses.values() ?? [])].some((to) => 'owner' in to && to.owner === owner);
  }

  /** Everything that may decide about a packet of the VPC, ways to VTEPs aside. */
  fingerprint(vni: number): string {
    const known = this.fingerprints.get(vni) ?? this.fingerprintOf(vni);
    this.fingerprints.set(vni, known);
    return known;
  }

  private fingerprintOf(vni: number): string {
    const vpc = this.vpcs.get(vni);
    if (!vpc) return '';
    // who is charged, and names, decide nothing
    const plain = (key: string, value: unknown): unknown =>
      key === 'owner' || key === 'name' ? undefined : value;
    const locals = [...this.endpoints.values()].filter((e) => e.vni === vni);
    const addresses = [...vpc.addresses].sort(([a], [b]) => (a < b ? -1 : 1));
    const prefixes = vpc.prefixes
      .map(({ prefix, to }) => JSON.stringify([prefix.family, prefix.bits, to], plain))
      .sort();
    const byDevice = locals.sort((a, b) => a.ifindex - b.ifindex);
    const { mac, rate, burst, gateways } = vpc;
    const places = [mac, rate, burst, gateways, byDevice, addresses, prefixes];
    return JSON.stringify(places, plain) + this.policies.fingerprint;
  }

  private all<K extends StoredObject['kind']>(kind: K): Of<K>[] {
    return (this.objects.filter((o) => o.kind === kind) as Of<K>[]).sort((a, b) =>
      a.metadata.name < b.metadata.name ? -1 : 1,
    );
  }

  private addVpc({ metadata, spec }: Of<'Vpc'>): void {
    const subnets = this.all('Subnet').filter((s) => s.spec.vpc === metadata.name);
    const first = (family: 'ipv4' | 'ipv6'): Address | undefined => {
      const range = subnets.find((s) => s.spec[family])?.spec[family];
      return range && gatewayOf(range);
    };
    const vpc: Vpc = {
      vni: spec.vni,
      mac: macOf(spec.gatewayMac ?? `025400${spec.vni.toString(16).padStart(6, '0')}`),
      rate: spec.icmp?.rate ?? 100,
      burst: spec.icmp?.burst ?? 50,
      gateways: { 4: first('ipv4'), 6: first('ipv6') },
      addresses: new Map(),
      prefixes: [],
    };
    this.vpcs.set(spec.vni, vpc);
    this.byName.set(metadata.name, vpc);
  }

  private addSubnet({ spec }: Of<'Subnet'>): void {
    const vpc = this.byName.get(spec.vpc);
    if (!vpc) return;
    for (const range of [spec.ipv4, spec.ipv6]) {
      if (!range) continue;
      vpc.prefixes.push({ prefix: prefixOf(range.prefix), to: { kind: 'subnet', exact: false } });
      vpc.addresses.set(gatewayOf(range), { kind: 'gateway', exact: true, mac: vpc.mac });
    }
    if (spec.ipv4) vpc.addresses.set(lastOf(spec.ipv4.prefix), { kind: 'broadcast', exact: true });
  }

  private addEndpoint(object: Of<'Endpoint'>): void {
    const vpc = this.byName.get(object.spec.vpc);
    if (!vpc) return;
    const { name } = object.metadata;
    const target =
      object.spec.host === this.host ? this.local(object, vpc) : this.remote(object, vpc);
    if (!target) return;
    this.targets.set(name, target);
    for (const address of object.spec.addresses) vpc.addresses.set(addressOf(address), target);
  }

  /** Absent while its device is. */
  private local({ metadata, spec }: Of<'Endpoint'>, vpc: Vpc): Destination | undefined {
    const device = this.around.devices.get(metadata.name);
    const subnet = this.all('Subnet').find((s) => s.metadata.name === spec.subnet)?.spec;
    if (!device || !subnet || !spec.device) return undefined;
    const endpoint: Endpoint = {
      ...device,
      name: metadata.name,
      vni: vpc.vni,
      mac: macOf(spec.mac ?? ''),
      identity: `${vpc.vni}/${spec.addresses[0] ?? ''}`,
      gateways: {
        4: subnet.ipv4 && gatewayOf(subnet.ipv4),
        6: subnet.ipv6 && gatewayOf(subnet.ipv6),
      },
    };
    this.endpoints.set(device.ifindex, endpoint);
    return { kind: 'local', exact: true, endpoint, owner: ownerOf(vpc, spec.addresses) };
  }

  /** Absent while the two hosts have no underlay family in common. */
  private remote({ spec }: Of<'Endpoint'>, vpc: Vpc): Destination | undefined {
    const vtep = this.vtepOf(spec.host, vpc);
    if (vtep === undefined) return undefined;
    const mac = macOf(spec.mac ?? '');
    return { kind: 'remote', exact: true, owner: ownerOf(vpc, spec.addresses), mac, vteps: [vtep] };
  }

  /** Of another host, in an underlay family that both have. */
  private vtepOf(host: string, vpc: Vpc): Address | undefined {
    const wanted = this.all('Vpc').find((v) => v.spec.vni === vpc.vni)?.spec.underlay ?? 'auto';
    const families: readonly Family[] = wanted === 'auto' ? [4, 6] : wanted === 'ipv4' ? [4] : [6];
    for (const family of families) {
      const [ours] = this.underlay(this.host, family);
      const [theirs] = this.underlay(host, family);
      if (ours !== undefined && theirs !== undefined) return theirs;
    }
    return undefined;
  }

  private underlay(host: string, family: Family): Address[] {
    // tunnels stay inside where they can
    const isOutside = (d: Of<'Droplet'>): number => (d.spec.outside ? 1 : 0);
    return this.all('Droplet')
      .filter((d) => d.spec.host === host)
      .sort((a, b) => isOutside(a) - isOutside(b))
      .flatMap((d) => d.spec.addresses.map(addressOf))
      .filter((address) => familyOf(address) === family);
  }

  private addRoute({ spec }: Of<'Route'>): void {
    const vpc = this.byName.get(spec.vpc);
    const to = vpc && this.routeTarget(spec, vpc);
    if (to) vpc.prefixes.push({ prefix: prefixOf(spec.prefix), to });
  }

  /**
   * What is neither in the VPC nor routed by the operator is outside: here, or behind the host that
   * leads there.
   */
  private addOutside({ metadata, spec }: Of<'Vpc'>): void {
    const vpc = this.byName.get(metadata.name);
    const host = spec.outside?.host;
    if (!vpc || host === undefined) return;
    const vtep = host === this.host ? undefined : this.vtepOf(host, vpc);
    if (host !== this.host && vtep === undefined) return;
    for (const [text, exempt] of this.outside.prefixesOf(metadata.name)) {
      const written = this.all('Route').some(
        (r) => r.spec.vpc === metadata.name && samePrefix(r.spec.prefix, text),
      );
      if (written) continue;
      const to: Destination =
        vtep === undefined
          ? { kind: 'outside', exact: false, exempt }
          : { kind: 'remote', exact: false, owner: undefined, mac: vpc.mac, vteps: [vtep] };
      vpc.prefixes.push({ prefix: prefixOf(text), to });
    }
  }

  private routeTarget(spec: Of<'Route'>['spec'], vpc: Vpc): Destination | undefined {
    if (spec.blackhole) return { kind: 'blackhole', exact: false };
    if (spec.endpoint !== undefined) {
      const target = this.targets.get(spec.endpoint);
      if (target?.kind === 'local' || target?.kind === 'remote') return { ...target, exact: false };
      return undefined;
    }
    const nexthops = spec.nexthops ?? [];
    // IPv4 before IPv6
    const vteps = nexthops
      .map((n) => addressOf(n.vtep))
      .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    const macs = new Set(nexthops.map((n) => (n.mac === undefined ? vpc.mac : macOf(n.mac))));
    const [mac] = macs;
    // a frame has one destination MAC, whichever path it takes; and we are nobody's next hop here
    if (mac === undefined || macs.size > 1 || vteps.some((v) => this.own.has(v))) return undefined;
    for (const vtep of vteps) this.vteps.add(vtep);
    return { kind: 'remote', exact: false, owner: undefined, mac, vteps };
  }

  private addWay(text: string, way: Way): void {
    const vtep = addressOf(text);
    const droplets = this.all('Droplet').filter((d) => d.spec.host === this.host);
    const addresses = (of: typeof droplets): Address[] =>
      of.flatMap((d) => d.spec.addresses).map(addressOf);
    // of those that lead outside we know the device; all others have one
    const outside = this.around.outside?.droplets;
    const onDevice = droplets.filter(
      (d) => !d.spec.outside || outside?.get(d.metadata.name)?.ifindex === way.ifindex,
    );
    const ours = new Set(addresses(droplets));
    const family = familyOf(vtep);
    const source = [addressOf(way.source), ...addresses(onDevice)].find(
      (address) => familyOf(address) === family && ours.has(address),
    );
    const droplet = onDevice.find((d) => addresses([d]).includes(source ?? '')) ?? onDevice[0];
    // the other side accepts packets from droplets only
    if (source === undefined || !droplet) return;
    this.nexthops.set(vtep, {
      ifindex: way.ifindex,
      smac: macOf(way.smac),
      dmac: macOf(way.dmac),
      source,
      mtu: Math.max(0, way.mtu - TUNNEL[family]),
      ttl: droplet.spec.ttl ?? 64,
      dscp: droplet.spec.dscp ?? 'copy',
    });
  }
}

function gatewayOf(range: { readonly prefix: string; readonly gateway?: string }): Address {
  return range.gateway === undefined ? firstOf(range.prefix) : addressOf(range.gateway);
}

function samePrefix(a: string, b: string): boolean {
  const [one, other] = [prefixOf(a), prefixOf(b)];
  return one.family === other.family && one.bits === other.bits;
}

/** Who holds ports: the same endpoint as long as it keeps its first address. */
function ownerOf(vpc: Vpc, addresses: readonly string[]): string {
  return `${vpc.vni}/${addresses[0] ?? ''}`;
}
