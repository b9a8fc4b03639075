// SPDX-License-Identifier: Apache-2.0
/** A gateway for tests of translation: endpoints a and b of red, x of blue, a router outside. */
import { setTimeout as delay } from 'node:timers/promises';
import { kernel, upFor } from '../support/kernel/index.js';
import { addOutside, type OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import type { LoadSettings } from '../support/programs.js';
import { Rig, type Hook, type Outcome, type RigSettings } from '../support/rig.js';
import type { Value } from '../support/btf.js';
import { BLUE_GW, DROPLET_MAC, GW, MAC, WORLD } from './world.js';

export const ROUTER = '02:ff:00:00:00:01';
export const HOST = '198.51.100.7';
export const PUBLIC = '203.0.113.1';
export const INSIDE = { a: '10.1.0.10', b: '10.1.0.11', x: '10.1.0.10' } as const;
export type Who = keyof typeof INSIDE;

const BASE: OutsideSpec = {
  router: { mac: ROUTER, address: '192.0.2.254' },
  addresses: ['192.0.2.1', '2001:db8::1'],
  mac: DROPLET_MAC,
  vnis: [100, 200],
  pool: [PUBLIC],
  blockSize: 1024,
  maxBlocks: 4,
  users: { a: [`100/${INSIDE.a}`], b: [`100/${INSIDE.b}`], x: [`200/${INSIDE.x}`] },
};

/** A public address and port; a reason when the packet was dropped. */
export type Mapped = { readonly address: string; readonly port: number } | string;

/** Source address and port, or identifier of an echo, of an IPv4 packet without options. */
export function sourceOf(data: Uint8Array): { address: string; port: number } {
  const view = new DataView(data.buffer, data.byteOffset);
  const at = view.getUint8(23) === 1 ? 38 : 34;
  return { address: [...data.subarray(26, 30)].join('.'), port: view.getUint16(at) };
}

export class Place {
  readonly rig: Rig;

  constructor(
    readonly hook: Hook,
    spec: Partial<OutsideSpec> = {},
    settings: RigSettings & LoadSettings = {},
  ) {
    this.rig = new Rig(WORLD, settings);
    addOutside(this.rig, { ...BASE, ...spec });
  }

  /** An IPv4 packet from an endpoint to its gateway. */
  inside(who: Who, ip: object, ...layers: readonly p.Layer[]): Outcome {
    const eth = p.ether({ dst: who === 'x' ? BLUE_GW : GW, src: MAC[who] });
    const header = p.ip4({ src: INSIDE[who], dst: HOST, ...ip });
    return this.rig.run('agent', this.hook, who, p.packet(eth, header, ...layers));
  }

  /** An IPv4 packet from the router outside. */
  outside(ip: object, ...layers: readonly p.Layer[]): Outcome {
    const eth = p.ether({ dst: DROPLET_MAC, src: ROUTER });
    const header = p.ip4({ src: HOST, dst: PUBLIC, ...ip });
    return this.rig.run('transit', this.hook, 'droplet', p.packet(eth, header, ...layers));
  }

  map(who: Who, layer: p.Layer, dst = HOST): Mapped {
    const { reason, data } = this.inside(who, { dst }, layer);
    return reason ?? sourceOf(data);
  }

  udp(who: Who, sport: number, dst = HOST, dport = 53): Mapped {
    return this.map(who, p.udp({ sport, dport }), dst);
  }

  /** The same, which must be mapped. */
  port(who: Who, sport: number, dst = HOST): number {
    const mapped = this.udp(who, sport, dst);
    if (typeof mapped === 'string') throw new Error(mapped);
    return mapped.port;
  }

  /** Values of a hash map, decoded, with their keys. */
  values(map: string, struct: string): { key: Uint8Array; value: Record<string, Value> }[] {
    return this.rig
      .map(map)
      .entries()
      .map(([key, bytes]) => ({ key, value: this.rig.layouts.decode(struct, bytes) }));
  }

  /** Records of connections, both directions. */
  records(): { key: Uint8Array; value: Record<string, Value> }[] {
    return this.values('flow', 'flow_val');
  }

  /** Makes every record seem unused for some seconds. */
  idle(seconds: number): void {
    const now = this.now();
    for (const { key, value } of this.records()) {
      const bytes = this.rig.layouts.encode('flow_val', { ...value, last_seen: now - seconds });
      this.rig.map('flow').update(key, bytes);
    }
  }

  /** Seconds for which the most recently used record has been idle. */
  idleSeconds(): number {
    const seen = this.records().map(({ value }) => value.last_seen as number);
    return this.now() - Math.max(...seen);
  }

  /** States of connections there are. */
  states(): number[] {
    const nodes = new Set(this.records().map(({ value }) => value.node as number));
    return [...nodes].map((index) => {
      const bytes = this.rig.map('age_node').lookup(this.rig.key(index))!;
      return this.rig.layouts.decode('age_node_val', bytes).state as number;
    });
  }

  /** Seconds of the clock map. */
  now(): number {
    const bytes = this.rig.map('clock').lookup(this.rig.key(0))!;
    return this.rig.layouts.decode('clock_val', bytes).now_s as number;
  }
}

const DEADLINE_MS = 60_000;

async function until(condition: () => boolean): Promise<boolean> {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > end) return false;
    await delay(200);
  }
  return true;
}

/** Seconds that the wheel is behind: all of its 512 lists are due but the next second's. */
const BEHIND = 511;

/**
 * The wheel looks at everything: it is put back, and catches up. What is written stops its timer,
 * which is started again; it is not written while the timer runs, at the turn of a second.
 */
export async function turn(place: Place): Promise<void> {
  const { rig } = place;
  const read = () => rig.layouts.decode('age_val', rig.map('age').lookup(rig.key(0))!);
  const ms = (): number => Number((kernel.now() / 1_000_000n) % 1000n);
  upFor(BEHIND);
  if (!(await until(() => ms() > 200 && ms() < 800))) throw new Error('no time');
  const age = { ...read(), cursor_s: place.now() - BEHIND };
  rig.write({ map: 'age', key: 0, struct: 'age_val', value: age });
  rig.programs.programs.get('age_start')?.run(new Uint8Array(64), 0);
  const done = await until(() => (read().cursor_s as number) >= place.now() - 1);
  if (!done) throw new Error('the wheel did not catch up');
}
