// SPDX-License-Identifier: Apache-2.0
/** Whether a gateway's tables agree with each other, and who owned a public tuple when. */
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode, MAPS, NAT_MAP_FLAGS, type NatMapVal } from '../../src/maps/index.js';
import { u32, type Gateway } from '../support/gateway.js';
import { addressText, BLOCK, POOL, QUARANTINE_S, TIMEOUT_S, type Person } from './unique-place.js';

const DRAIN_MS = 60_000;

/** Outside entries of map nat_map. */
export function mappings(gateway: Gateway): NatMapVal[] {
  const entries = gateway.map('nat_map').entries();
  return entries
    .map(([, bytes]) => decode(MAPS.nat_map.value, bytes))
    .filter(({ flags }) => flags === NAT_MAP_FLAGS.OUTSIDE);
}

const numbersTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

/** Counters are what is there; ageing may be at work, so several looks. */
export async function check(gateway: Gateway): Promise<void> {
  const end = Date.now() + 5000;
  for (;;) {
    const problem = disagreement(gateway);
    if (problem === undefined) return;
    if (Date.now() > end) throw new Error(problem);
    await delay(20);
  }
}

function disagreement(gateway: Gateway): string | undefined {
  const blocks = new Map<number, number>();
  const subs = new Map<number, number>();
  const pairs = new Map<number, number>();
  const tuples = new Set<string>();
  for (const { key, block, sub } of mappings(gateway)) {
    const remote = block === 0 ? addressText(key.saddr) : '';
    const text = `${key.proto} ${addressText(key.daddr)} ${key.dport} ${remote}`;
    if (tuples.has(text)) return `two entries of ${text}`;
    tuples.add(text);
    if (block === 0) pairs.set(sub, (pairs.get(sub) ?? 0) + 1);
    else blocks.set(block, (blocks.get(block) ?? 0) + 1);
    subs.set(sub, (subs.get(sub) ?? 0) + 1);
  }
  const numbers = numbersTo(65536 / BLOCK);
  const indexes = POOL.flatMap((_, ext) => numbers.map((number) => 1 + ext * 1024 + number));
  for (const [i, bytes] of gateway.map('nat_block').lookupMany(indexes.map(u32)).entries()) {
    const index = indexes[i]!;
    const { lease, used } = decode(MAPS.nat_block.value, bytes);
    const held = Number(lease & 0xffffffffn);
    const sum = used.reduce((a, b) => a + b, 0);
    const there = blocks.get(index) ?? 0;
    if (held !== there || sum !== there)
      return `block ${index} has ${there} mappings, its lease says ${held}, its counters ${sum}`;
    if (held === 0 && lease !== 0n) return `block ${index} is empty and not free`;
  }
  for (const [sub, bytes] of gateway
    .map('nat_lease')
    .lookupMany(numbersTo(60).map(u32))
    .entries()) {
    const { v4 } = decode(MAPS.nat_lease.value, bytes);
    const [there, without] = [subs.get(sub) ?? 0, pairs.get(sub) ?? 0];
    if (v4.mappings !== there || v4.pairs !== without)
      return `endpoint ${sub} has ${there} mappings, ${without} without ports; counted ${v4.mappings}, ${v4.pairs}`;
  }
  return chargesDisagree(gateway);
}

/** Accounts count the connections that are charged to them. */
function chargesDisagree(gateway: Gateway): string | undefined {
  const flows = gateway.map('flow').entries();
  const nodes = new Set(flows.map(([, bytes]) => decode(MAPS.flow.value, bytes).node));
  const charged = new Map<number, number>();
  for (const bytes of gateway.map('age_node').lookupMany([...nodes].map(u32))) {
    const { charge } = decode(MAPS.age_node.value, bytes);
    const account = charge & 0x3fffffff;
    if (account !== 0) charged.set(account, (charged.get(account) ?? 0) + 1);
  }
  const uses = gateway.map('limit_use').lookupMany(numbersTo(120).map(u32));
  for (const [account, bytes] of uses.entries()) {
    if (account < 2) continue;
    const { opened, accepted } = decode(MAPS.limit_use.value, bytes);
    const [counted, there] = [opened.connections + accepted.connections, charged.get(account) ?? 0];
    if (counted !== there) return `account ${account} has ${there} connections, counted ${counted}`;
    if (opened.half_open > opened.connections) return `account ${account}: half-open ones`;
  }
  return undefined;
}

/**
 * An index whose endpoint went and came back under a new daemon has no gateway any more, so its
 * mappings wait for the default's 120 seconds: they are made older.
 */
function makeOld(gateway: Gateway): void {
  const map = gateway.map('nat_map');
  for (const [key, bytes] of map.entries()) {
    const value = decode(MAPS.nat_map.value, bytes);
    if (value.flags !== NAT_MAP_FLAGS.OUTSIDE || value.refs !== 0) continue;
    const idle_since = Math.max(0, gateway.now() - 200);
    map.update(key, encode(MAPS.nat_map.value, { ...value, idle_since }));
  }
}

/** Everything ends: connections, quarantine, indexes. */
export async function drain(gateway: Gateway): Promise<void> {
  const end = Date.now() + DRAIN_MS;
  const left = (): number =>
    gateway.map('flow').keys().length + gateway.map('nat_map').keys().length;
  while (left() > 0) {
    if (Date.now() > end) throw new Error(`${left()} records and mappings are left`);
    await delay(500);
    makeOld(gateway);
    await gateway.turn();
  }
  await check(gateway);
  const uses = gateway.map('limit_use').lookupMany(numbersTo(128).map(u32));
  for (const [account, bytes] of uses.entries()) {
    const { opened, accepted } = decode(MAPS.limit_use.value, bytes);
    if (opened.connections + opened.half_open + accepted.connections + accepted.half_open !== 0)
      throw new Error(`account ${account} is not empty`);
  }
  if (gateway.waiting() !== 0) throw new Error('indexes wait for nothing');
}

/** Who was seen last with a public tuple, and when. */
export class Owners {
  private readonly owners = new Map<string, { readonly inside: string; readonly at: number }>();
  /** How often a tuple came to another, later. */
  changed = 0;

  /** @throws Error when somebody else may still have it. at: ms */
  note(tuple: string, inside: string, at = Date.now()): void {
    const owner = this.owners.get(tuple);
    if (owner !== undefined && owner.inside !== inside) {
      this.changed++;
      // timeout and quarantine, less a second for the clock that steps
      const passed = at - owner.at;
      if (passed < 1000 * (TIMEOUT_S + QUARANTINE_S - 2))
        throw new Error(`${tuple} of ${owner.inside} went to ${inside} after ${passed} ms`);
    }
    this.owners.set(tuple, { inside, at });
  }

  /** Whose tuples have one of these addresses. */
  of(addresses: readonly string[]): string[] {
    return [...this.owners].flatMap(([tuple, { inside }]) =>
      addresses.some((address) => tuple.includes(` ${address} `)) ? [inside] : [],
    );
  }

  /** As insideText() names them. */
  insidesOf(who: Person): string[] {
    const insides = [...this.owners.values()].map(({ inside }) => inside);
    return insides.filter((inside) => inside.split(' ')[1] === who);
  }

  clear(): void {
    this.owners.clear();
  }
}
