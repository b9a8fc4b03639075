// SPDX-License-Identifier: Apache-2.0
/**
 * A host's configuration while a history is being made up: objects, devices, ways. Only what the
 * product's own validation accepts becomes part of it.
 */
import { StateIndex } from '../../src/model/index.js';
import type { Kind, SpecByKind, StoredObject } from '../../src/model/index.js';

export const HOST = 'h1';
/** The droplet that leads outside, when there is one. */
export const OUTSIDE = 'h1-wan';
/** Devices that local endpoints can be bound to. */
export const SLOTS = 7;

export interface DeviceChoice {
  /** Which of the rig's devices. */
  readonly slot: number;
  readonly mtu: number;
  readonly vethPeer: boolean;
}

export interface WayChoice {
  readonly smac: string;
  readonly dmac: string;
  readonly source: string;
  readonly mtu: number;
}

export interface OutsideRouteChoice {
  /** undefined: on the link. */
  readonly via: string | undefined;
  readonly mtu: number;
}

export interface ObjectChange {
  readonly kind: Kind;
  readonly name: string;
  /** undefined deletes. */
  readonly object: StoredObject | undefined;
}

/** What changes at one moment. */
export interface Change {
  readonly objects: readonly ObjectChange[];
  /** Endpoint → device, or undefined when it goes. */
  readonly devices: Readonly<Record<string, DeviceChoice | undefined>>;
  /** VTEP → way, or undefined when it is not resolved any more. */
  readonly ways: Readonly<Record<string, WayChoice | undefined>>;
  /** The kernel's routes over the droplet that leads outside; undefined when one goes. */
  readonly outsideRoutes?: Readonly<Record<string, OutsideRouteChoice | undefined>>;
  /** Address on that link → MAC, or undefined when it is not resolved any more. */
  readonly neighbours?: Readonly<Record<string, string | undefined>>;
}

export type Typed<K extends Kind> = StoredObject & {
  readonly kind: K;
  readonly spec: SpecByKind[K];
};

export function object<K extends Kind>(kind: K, name: string, spec: SpecByKind[K]): StoredObject {
  const metadata = { name, generation: 1, resourceVersion: 1, createdAt: '2026-01-01T00:00:00Z' };
  return { kind, metadata, spec } as StoredObject;
}

/** Whether objects are about the outside. */
export function leadsOutside(objects: readonly (StoredObject | undefined)[]): boolean {
  return objects.some(
    (o) =>
      (o?.kind === 'Droplet' && o.spec.outside) ||
      (o?.kind === 'Vpc' && o.spec.outside !== undefined),
  );
}

const POLICY_KINDS: readonly Kind[] = ['Policy', 'Tier', 'Profile', 'NetworkSet'];

/** Whether objects are about who may open a connection. */
export function hasPolicies(objects: readonly (StoredObject | undefined)[]): boolean {
  return objects.some(
    (o) => o && (POLICY_KINDS.includes(o.kind) || (o.kind === 'Endpoint' && o.spec.profiles)),
  );
}

export class Scene {
  readonly objects = new Map<string, StoredObject>();
  readonly devices = new Map<string, DeviceChoice>();
  readonly ways = new Map<string, WayChoice>();
  readonly outsideRoutes = new Map<string, OutsideRouteChoice>();
  readonly neighbours = new Map<string, string>();
  private readonly index = new StateIndex();

  all<K extends Kind>(kind: K): Typed<K>[] {
    return [...this.objects.values()].filter((o): o is Typed<K> => o.kind === kind);
  }

  get<K extends Kind>(kind: K, name: string): Typed<K> | undefined {
    return this.objects.get(`${kind}/${name}`) as Typed<K> | undefined;
  }

  /** Whether something here leads outside. */
  get leadsOutside(): boolean {
    return leadsOutside([...this.objects.values()]);
  }

  /** Whether connections are judged. */
  get hasPolicies(): boolean {
    return hasPolicies([...this.objects.values()]);
  }

  /** @returns whether the change is legal; else nothing happens. */
  apply(change: Change): boolean {
    if (this.index.check(change.objects, 1).length > 0) return false;
    this.index.commit(change.objects);
    this.take(change);
    return true;
  }

  /** Without judging. */
  take(change: Change): void {
    for (const { kind, name, object: now } of change.objects) {
      const key = `${kind}/${name}`;
      if (now) this.objects.set(key, now);
      else this.objects.delete(key);
    }
    for (const [name, device] of Object.entries(change.devices)) put(this.devices, name, device);
    for (const [vtep, way] of Object.entries(change.ways)) put(this.ways, vtep, way);
    for (const [prefix, route] of Object.entries(change.outsideRoutes ?? {}))
      put(this.outsideRoutes, prefix, route);
    for (const [address, mac] of Object.entries(change.neighbours ?? {}))
      put(this.neighbours, address, mac);
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
