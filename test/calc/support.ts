// SPDX-License-Identifier: Apache-2.0
/** Objects, facts and a mirror of the tables for the calculation's tests. */
import type { Kind, SpecByKind, StoredObject } from '../../src/model/index.js';
import {
  Calculator,
  INDEX_SPACES,
  IndexAllocator,
  TABLE_NAMES,
  type Delta,
  type DeviceFact,
  type DropletFact,
  type Indexes,
  type IndexLimits,
  type NatGwEntry,
  type ObjectChange,
  type OutsideFact,
  type OutsideRoute,
  type TableName,
  type UnderlayFact,
} from '../../src/daemon/calc/index.js';

export const HOST = 'h1';
export const PORT = 4789;
export const DROPLET_MAC = '02:00:00:00:00:0d';

export function object<K extends Kind>(kind: K, name: string, spec: SpecByKind[K]): StoredObject {
  const metadata = { name, generation: 1, resourceVersion: 1, createdAt: '2026-01-01T00:00:00Z' };
  return { kind, metadata, spec } as StoredObject;
}

export type Fact =
  | { readonly type: 'device'; readonly fact: DeviceFact }
  | { readonly type: 'underlay'; readonly fact: UnderlayFact }
  | { readonly type: 'droplet'; readonly fact: DropletFact }
  | { readonly type: 'outside'; readonly fact: OutsideFact };

/** Everything the calculation is told. */
export interface State {
  readonly objects: readonly StoredObject[];
  readonly facts: readonly Fact[];
}

export function device(endpoint: string, ifindex: number, mtu = 1450): Fact {
  return { type: 'device', fact: { endpoint, device: { ifindex, mtu, vethPeer: true } } };
}

export function way(vtep: string, ifindex: number, source: string, mtu = 1500): Fact {
  const macs = { smac: '02:00:00:00:00:01', dmac: '02:00:00:00:00:02' };
  return { type: 'underlay', fact: { vtep, way: { ifindex, source, mtu, ...macs } } };
}

export function droplet(name: string, ifindex: number, mtu = 1500): Fact {
  return { type: 'droplet', fact: { droplet: name, device: { ifindex, mtu, mac: DROPLET_MAC } } };
}

/** A route of the kernel's: on the link, or via a router. */
export function kernelRoute(prefix: string, ifindex: number, gateway?: string, mtu = 1500): Fact {
  const route: OutsideRoute =
    gateway === undefined
      ? { kind: 'onlink', ifindex, mtu }
      : { kind: 'nexthop', ifindex, gateway, mtu };
  return { type: 'outside', fact: { prefix, route } };
}

export function neighbour(ifindex: number, address: string, onlinkMtu?: number, last = 3): Fact {
  const dmac = `02:00:00:00:00:0${last}`;
  const value = { smac: DROPLET_MAC, dmac, onlinkMtu };
  return { type: 'outside', fact: { ifindex, address, neighbour: value } };
}

export function factKey(fact: Fact): string {
  switch (fact.type) {
    case 'device':
      return `device/${fact.fact.endpoint}`;
    case 'underlay':
      return `underlay/${fact.fact.vtep}`;
    case 'droplet':
      return `droplet/${fact.fact.droplet}`;
    case 'outside':
      return 'prefix' in fact.fact
        ? `outside/${fact.fact.prefix}`
        : `outside/${fact.fact.ifindex} ${fact.fact.address}`;
  }
}

/** The fact that nothing is there. */
export function unsaid(fact: Fact): Fact {
  switch (fact.type) {
    case 'device':
      return { type: 'device', fact: { endpoint: fact.fact.endpoint, device: undefined } };
    case 'underlay':
      return { type: 'underlay', fact: { vtep: fact.fact.vtep, way: undefined } };
    case 'droplet':
      return { type: 'droplet', fact: { droplet: fact.fact.droplet, device: undefined } };
    case 'outside': {
      const gone =
        'prefix' in fact.fact
          ? { ...fact.fact, route: undefined }
          : { ...fact.fact, neighbour: undefined };
      return { type: 'outside', fact: gone };
    }
  }
}

export function tell(calculator: Calculator, fact: Fact): void {
  if (fact.type === 'device') calculator.device(fact.fact);
  else if (fact.type === 'underlay') calculator.underlay(fact.fact);
  else if (fact.type === 'outside') calculator.outside(fact.fact);
  else calculator.droplet(fact.fact);
}

/** The same for every space. */
export function limits(limit: number): IndexLimits {
  return Object.fromEntries(INDEX_SPACES.map((space) => [space, limit])) as IndexLimits;
}

/** Room for everything a test does. */
export function allocator(limit = 1_000_000): IndexAllocator {
  return new IndexAllocator({ limits: limits(limit) });
}

/** What one or many deltas add up to. */
export class Mirror {
  readonly tables = Object.fromEntries(
    TABLE_NAMES.map((name) => [name, new Map<string, unknown>()]),
  ) as Record<TableName, Map<string, unknown>>;
  readonly devices = new Map<string, unknown>();
  readonly droplets = new Map<string, unknown>();
  readonly vteps = new Set<string>();
  readonly findings = new Map<string, string>();

  /** @param check called after each single write. */
  apply(delta: Delta, check: () => void = () => undefined): void {
    for (const { table, key, value } of delta.upserts) {
      this.tables[table].set(key, value);
      check();
    }
    for (const { table, key } of delta.removals) {
      if (!this.tables[table].delete(key)) throw new Error(`${table} ${key} was not there`);
      check();
    }
    for (const [name, value] of delta.devices) put(this.devices, name, value);
    for (const [name, value] of delta.droplets) put(this.droplets, name, value);
    for (const [vtep, followed] of delta.vteps)
      if (followed) this.vteps.add(vtep);
      else this.vteps.delete(vtep);
    for (const { kind, name, problem } of delta.findings)
      put(this.findings, `${kind}/${name}`, problem && `${problem.reason} ${problem.field}`);
  }

  /** Plain data with sorted keys, to compare. */
  plain(): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (const name of TABLE_NAMES) out[name] = sorted(this.tables[name]);
    out['devices'] = sorted(this.devices);
    out['droplets'] = sorted(this.droplets);
    out['vteps'] = [...this.vteps].sort();
    out['findings'] = sorted(this.findings);
    return out;
  }

  /** What refers to something that is not there. */
  dangling(): string[] {
    const out: string[] = [];
    const { addr, route, nh, nh_group: groups, vtep, ep, vpc } = this.tables;
    const { nat_gw: gateways, nat_ext: exts, nat_ext_of: rows, nat_sub: subs } = this.tables;
    const vpcIndexes = new Set([...vpc.values()].map((value) => (value as { vpc: number }).vpc));
    for (const [table, map] of Object.entries({ addr, route })) {
      for (const [key, value] of map) {
        const target = value as {
          kind: string;
          nh?: number;
          group?: boolean;
          ifindex?: number;
          sub?: number;
        };
        const known = target.group === true ? groups : nh;
        if (target.nh !== undefined && !known.has(String(target.nh))) out.push(`${table} ${key}`);
        if (target.sub && !subs.has(String(target.sub))) out.push(`${table} ${key} sub`);
        if (target.kind === 'local' && !ep.has(String(target.ifindex))) out.push(`${table} ${key}`);
      }
    }
    for (const [key, value] of groups)
      for (const member of (value as { nh: number[] }).nh)
        if (!nh.has(String(member))) out.push(`nh_group ${key}`);
    for (const [key, value] of vtep)
      if (!nh.has(String((value as { nh: number }).nh))) out.push(`vtep ${key}`);
    for (const [key, value] of rows)
      if (!exts.has(String((value as { ext: number }).ext))) out.push(`nat_ext_of ${key}`);
    for (const [key, value] of gateways) {
      const gw = value as NatGwEntry;
      const positions = [
        ...Array.from({ length: gw.ext4Count }, (_, i) => gw.ext4 + i),
        ...Array.from({ length: gw.ext6Count }, (_, i) => gw.ext6 + i),
      ];
      if (positions.some((position) => !rows.has(String(position)))) out.push(`nat_gw ${key}`);
    }
    for (const [key, value] of ep)
      if (!vpcIndexes.has((value as { vpc: number }).vpc)) out.push(`ep ${key}`);
    return out;
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function sorted(map: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A calculation walked from state to state. */
export class Walk {
  readonly mirror = new Mirror();
  readonly calculator: Calculator;
  private state: State = { objects: [], facts: [] };

  constructor(
    readonly indexes: Indexes = allocator(),
    host = HOST,
  ) {
    this.calculator = new Calculator({ indexes }, { host, vxlanPort: PORT });
  }

  /** Goes to a state and flushes. */
  to(next: State): Delta {
    this.calculator.objects(difference(this.state.objects, next.objects));
    const facts = new Set(next.facts.map(factKey));
    for (const fact of this.state.facts)
      if (!facts.has(factKey(fact))) tell(this.calculator, unsaid(fact));
    for (const fact of next.facts) tell(this.calculator, fact);
    this.state = next;
    return this.flush();
  }

  flush(): Delta {
    const delta = this.calculator.flush();
    this.mirror.apply(delta);
    return delta;
  }
}

const id = (o: StoredObject): string => `${o.kind}/${o.metadata.name}`;

/** Changes that lead from one set of objects to another. */
export function difference(
  from: readonly StoredObject[],
  to: readonly StoredObject[],
): ObjectChange[] {
  const now = new Map(to.map((o) => [id(o), o]));
  const before = new Map(from.map((o) => [id(o), o]));
  return [
    ...from
      .filter((o) => !now.has(id(o)))
      .map((o) => ({ kind: o.kind, name: o.metadata.name, object: undefined })),
    ...to
      .filter((o) => before.get(id(o)) !== o)
      .map((o) => ({ kind: o.kind, name: o.metadata.name, object: o })),
  ];
}

/** The tables of a state, computed in one go. */
export function scratch(state: State, indexes: Indexes): Record<string, unknown> {
  const walk = new Walk(indexes);
  walk.to(state);
  return walk.mirror.plain();
}
