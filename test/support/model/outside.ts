// SPDX-License-Identifier: Apache-2.0
/**
 * What one host's configuration says of the outside (VPC 0): which addresses it translates, to whom,
 * and how the world beyond its droplets is reached. VPCs whose gateway is another host have no part
 * in it.
 */
import type { NatSource, StoredObject, TypedObject } from '../../../src/model/index.js';
import { addressOf, bitsOf, familyOf, lastOf, macOf, prefixOf, type Prefix } from './address.js';
import type { Address, Mac } from './bytes.js';
import type { OutsideSurroundings } from './destination.js';
import { fixedOf, type Fixed } from './deterministic.js';
import { PROTOCOL, type Family } from './numbers.js';

type Of<K extends StoredObject['kind']> = TypedObject<K>;

/** An address of a VPC. */
export interface Inside {
  readonly vni: number;
  readonly address: Address;
}

export interface OutsideDroplet {
  readonly ifindex: number;
  readonly mac: Mac;
  readonly mtu: number;
  /** Sources of errors. */
  readonly addresses: Readonly<Record<Family, Address | undefined>>;
}

/** How a packet gets to the next hop outside. */
export interface OutsideWay {
  readonly ifindex: number;
  readonly smac: Mac;
  readonly dmac: Mac;
  readonly mtu: number;
}

export interface Pool {
  readonly name: string;
  readonly addresses: ReadonlySet<Address>;
  readonly filtering: 'endpoint' | 'address' | 'address-port';
  readonly blockSize: number;
  readonly blocks: number;
  /** Ports by arithmetic. */
  readonly fixed: Fixed | undefined;
}

interface Forward {
  readonly address: Address;
  readonly protocols: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly inside: Inside;
  readonly port: number;
}

interface Route {
  readonly prefix: Prefix;
  readonly via: Address | undefined;
  readonly ifindex: number;
  readonly mtu: number;
  /** The last address of the prefix. */
  readonly last: Address;
}

/** RFC 919, RFC 3021: of a link that is more than a pair. */
function isBroadcast({ prefix, via, last }: Route, address: Address): boolean {
  return prefix.family === 4 && via === undefined && prefix.bits.length <= 30 && address === last;
}

/** The endpoint's address that is meant; undefined when it has none such. */
function addressInside(
  { spec }: Of<'Endpoint'>,
  family: Family,
  wanted: string | undefined,
): Address | undefined {
  const own = spec.addresses.map(addressOf).filter((a) => familyOf(a) === family);
  return wanted === undefined ? own[0] : own.find((a) => a === addressOf(wanted));
}

/** "8080" or "8000-8099". */
function portsOf(text: string): readonly [number, number] {
  const [from = '', to = from] = text.split('-');
  return [Number(from), Number(to)];
}

/** Addresses of "a", "a-b" or a prefix. */
export function addressesOf(text: string): Address[] {
  const [first = '', last = first] = text.includes('/')
    ? [addressOf(text.split('/')[0] ?? ''), lastOf(text)]
    : text.split('-').map((part) => addressOf(part.trim()));
  const out: Address[] = [];
  for (let n = BigInt(`0x${first}`); n <= BigInt(`0x${last}`); n++)
    out.push(n.toString(16).padStart(first.length, '0'));
  return out;
}

/** How closely a source means an endpoint: by its name, its subnet, its VPC; 0 not at all. */
function closeness(source: NatSource, { metadata, spec }: Of<'Endpoint'>): number {
  const { vpc, subnets, endpoints } = source;
  if (vpc !== spec.vpc) return 0;
  if (endpoints?.includes(metadata.name)) return 3;
  if (subnets?.includes(spec.subnet)) return 2;
  return subnets || endpoints ? 0 : 1;
}

export class Outside {
  /** ICMP errors to the outside, per second. */
  readonly rate = 100;
  readonly burst = 50;
  readonly droplets = new Map<number, OutsideDroplet>();
  private readonly neighbours = new Map<Address, OutsideWay>();
  private readonly routes: Route[] = [];
  private readonly publics = new Set<Address>();
  private readonly publicOf = new Map<string, Address>();
  private readonly oneToOne = new Map<Address, Inside>();
  private readonly forwards: Forward[] = [];
  private readonly pools = new Map<string, { readonly pool: Pool; readonly close: number }>();
  /** VPCs that meet the outside here, by name. */
  private readonly vpcs = new Map<string, number>();
  private readonly exempting = new Set<number>();

  constructor(
    private readonly objects: readonly StoredObject[],
    around: OutsideSurroundings | undefined,
    host: string,
    /** Whether an endpoint can be reached: its device, or a way to its host, is there. */
    private readonly isThere: (owner: string) => boolean,
  ) {
    for (const { metadata, spec } of this.all('Vpc'))
      if (spec.outside?.host === host) this.vpcs.set(metadata.name, spec.vni);
    if (around) this.addSurroundings(around, host);
    for (const gateway of this.all('NatGateway')) this.addGateway(gateway);
    for (const publicIp of this.all('PublicIp')) this.addPublicIp(publicIp);
    for (const forward of this.all('PortForward')) this.addForward(forward);
  }

  /** Whether this host translates the address. */
  isPublic(address: Address): boolean {
    return this.publics.has(address);
  }

  /** Whether the VPC has destinations that are not translated. */
  isExempt(vni: number): boolean {
    return this.exempting.has(vni);
  }

  /** The PublicIp's address that an inside address has. */
  addressOf(inside: Inside): Address | undefined {
    return this.publicOf.get(`${inside.vni} ${inside.address}`);
  }

  /** Who has a PublicIp's address. */
  insideOf(address: Address): Inside | undefined {
    return this.oneToOne.get(address);
  }

  forward(
    address: Address,
    protocol: number,
    port: number,
  ): { readonly inside: Inside; readonly port: number } | undefined {
    const found = this.forwards.find(
      (f) =>
        f.address === address && f.protocols.includes(protocol) && f.from <= port && port <= f.to,
    );
    return found && { inside: found.inside, port: found.port + port - found.from };
  }

  /** The pool that an endpoint uses while it is there. */
  pool(owner: string): Pool | undefined {
    return this.isThere(owner) ? this.pools.get(owner)?.pool : undefined;
  }

  /** How to reach an address: as the kernel would, by the longest of its routes. */
  way(address: Address): OutsideWay | 'unresolved' | 'broadcast' | 'none' {
    const bits = bitsOf(address);
    const fitting = this.routes
      .filter(({ prefix }) => prefix.family === familyOf(address) && bits.startsWith(prefix.bits))
      .sort((a, b) => b.prefix.bits.length - a.prefix.bits.length);
    if (this.routes.some((route) => isBroadcast(route, address))) return 'broadcast';
    const [best] = fitting;
    if (!best) return 'none';
    const neighbour = this.neighbours.get(best.via ?? address);
    if (neighbour?.ifindex !== best.ifindex) return 'unresolved';
    return { ...neighbour, mtu: best.mtu };
  }

  /** Prefixes that lead a VPC outside, on whatever host, and whether they are exempt. */
  prefixesOf(vpc: string): Map<string, boolean> {
    const out = new Map<string, boolean>();
    const reach = (address: string): void => {
      out.set(address.includes(':') ? '::/0' : '0.0.0.0/0', false);
    };
    const gateways = this.all('NatGateway').filter((g) =>
      g.spec.sources.some((s) => s.vpc === vpc),
    );
    for (const { spec } of gateways) spec.addresses?.forEach(reach);
    for (const { spec } of [...this.all('PublicIp'), ...this.all('PortForward')]) {
      const endpoint = this.all('Endpoint').find((e) => e.metadata.name === spec.endpoint);
      const family = familyOf(addressOf(spec.address));
      if (endpoint?.spec.vpc === vpc && addressInside(endpoint, family, spec.endpointAddress))
        reach(spec.address);
    }
    for (const { spec } of gateways) for (const prefix of spec.exempt ?? []) out.set(prefix, true);
    return out;
  }

  private all<K extends StoredObject['kind']>(kind: K): Of<K>[] {
    return (this.objects.filter((o) => o.kind === kind) as Of<K>[]).sort((a, b) =>
      a.metadata.name < b.metadata.name ? -1 : 1,
    );
  }

  private addSurroundings(around: OutsideSurroundings, host: string): void {
    for (const { metadata, spec } of this.all('Droplet')) {
      const device = around.droplets.get(metadata.name);
      if (!device || spec.host !== host || !spec.outside) continue;
      const addresses = spec.addresses.map(addressOf);
      this.droplets.set(device.ifindex, {
        ifindex: device.ifindex,
        mac: macOf(device.mac),
        mtu: device.mtu,
        addresses: {
          4: addresses.find((a) => familyOf(a) === 4),
          6: addresses.find((a) => familyOf(a) === 6),
        },
      });
    }
    for (const [text, { ifindex, mac }] of around.neighbours) {
      const droplet = this.droplets.get(ifindex);
      if (!droplet) continue;
      const way = { ifindex, smac: droplet.mac, dmac: macOf(mac), mtu: droplet.mtu };
      this.neighbours.set(addressOf(text), way);
    }
    for (const { prefix, via, ifindex, mtu } of around.routes) {
      if (!this.droplets.has(ifindex)) continue;
      const router = via === undefined ? undefined : addressOf(via);
      const last = lastOf(prefix);
      this.routes.push({ prefix: prefixOf(prefix), via: router, ifindex, mtu, last });
    }
  }

  private addGateway({ metadata, spec }: Of<'NatGateway'>): void {
    const sources = spec.sources.filter((source) => this.vpcs.has(source.vpc));
    if (sources.length === 0) return;
    const addresses = new Set((spec.addresses ?? []).flatMap(addressesOf));
    const pool: Pool = {
      name: metadata.name,
      addresses,
      filtering: spec.filtering ?? 'endpoint',
      blockSize: spec.blockSize ?? 512,
      blocks: spec.blocksPerEndpoint ?? 4,
      fixed: fixedOf(
        { kind: 'NatGateway', metadata, spec },
        addresses,
        (name) => this.all('Subnet').find((s) => s.metadata.name === name),
        this.all('Endpoint'),
        (endpoint) => this.ownerOf(endpoint),
      ),
    };
    for (const address of addresses) this.publics.add(address);
    for (const source of sources) {
      const vni = this.vpcs.get(source.vpc);
      if (vni !== undefined && spec.exempt?.length) this.exempting.add(vni);
      for (const endpoint of this.all('Endpoint')) {
        const owner = this.ownerOf(endpoint);
        const close = closeness(source, endpoint);
        // the first by name of those that mean it most closely
        if (close === 0 || close <= (this.pools.get(owner)?.close ?? 0)) continue;
        this.pools.set(owner, { pool, close });
      }
    }
  }

  private ownerOf({ spec }: Of<'Endpoint'>): string {
    return `${this.vpcs.get(spec.vpc)}/${spec.addresses[0] ?? ''}`;
  }

  /** @returns undefined when it is not of a VPC that meets the outside here. */
  private inside(endpoint: string, family: Family, wanted: string | undefined): Inside | undefined {
    const object = this.all('Endpoint').find((e) => e.metadata.name === endpoint);
    const vni = object && this.vpcs.get(object.spec.vpc);
    const address = object && addressInside(object, family, wanted);
    return vni === undefined || address === undefined ? undefined : { vni, address };
  }

  private addPublicIp({ spec }: Of<'PublicIp'>): void {
    const address = addressOf(spec.address);
    const inside = this.inside(spec.endpoint, familyOf(address), spec.endpointAddress);
    if (!inside) return;
    this.publics.add(address);
    this.oneToOne.set(address, inside);
    this.publicOf.set(`${inside.vni} ${inside.address}`, address);
  }

  private addForward({ spec }: Of<'PortForward'>): void {
    const address = addressOf(spec.address);
    const inside = this.inside(spec.endpoint, familyOf(address), spec.endpointAddress);
    if (!inside) return;
    const [from, to] = portsOf(spec.port);
    const [port] = portsOf(spec.endpointPort ?? spec.port);
    const both = [PROTOCOL.tcp, PROTOCOL.udp];
    const protocols = spec.protocol === 'both' ? both : [PROTOCOL[spec.protocol]];
    this.publics.add(address);
    this.forwards.push({ address, protocols, from, to, inside, port });
  }
}
