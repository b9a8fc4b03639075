// SPDX-License-Identifier: Apache-2.0
/** The kernel's routes over the devices that lead outside, as a table of longest prefixes. */
import { networkOf, parseAddress, parsePrefix, prefixContains } from '../../base/net.js';
import type { OutsideRoute } from '../calc/output.js';
import type { KernelRoute } from '../ports/netlink.js';

/** A device that leads outside. */
export interface OutsideDevice {
  readonly ifindex: number;
  readonly mac: string;
  readonly mtu: number;
}

export type RoutesByPrefix = ReadonlyMap<string, OutsideRoute>;

/** IPv6 packets are at least this large everywhere (RFC 8200 s5); a smaller MTU is a mistake. */
const SMALLEST_MTU = { 4: 68, 6: 1280 } as const;

/** Loopback, link-local and multicast: never forwarded. */
const NEVER_FORWARDED = [
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
].map(parsePrefix);

function isForwarded(text: string): boolean {
  const prefix = parsePrefix(text);
  return !NEVER_FORWARDED.some(
    (never) => never.length <= prefix.length && prefixContains(never, prefix.address),
  );
}

/** Of several hops the first that leads outside: one flow goes one way, and it stays there. */
function routeOf(
  route: KernelRoute,
  devices: ReadonlyMap<number, OutsideDevice>,
): OutsideRoute | undefined {
  for (const { ifindex, gateway } of route.hops) {
    const device = devices.get(ifindex);
    if (device === undefined) continue;
    const least = SMALLEST_MTU[route.prefix.includes(':') ? 6 : 4];
    const mtu = Math.min(device.mtu, Math.max(least, route.mtu ?? device.mtu));
    return gateway === undefined
      ? { kind: 'onlink', ifindex, mtu }
      : { kind: 'nexthop', ifindex, gateway, mtu };
  }
  return undefined;
}

/**
 * What the kernel would do with each prefix: of several routes the one of the lowest metric.
 * @param limit at most so many, those of the shortest prefixes
 */
export function outsideRoutes(
  routes: readonly KernelRoute[],
  devices: ReadonlyMap<number, OutsideDevice>,
  limit: number,
): Map<string, OutsideRoute> {
  const best = new Map<string, KernelRoute>();
  for (const route of routes) {
    const there = best.get(route.prefix);
    if (isForwarded(route.prefix) && (there === undefined || route.metric < there.metric))
      best.set(route.prefix, route);
  }
  const out = new Map<string, OutsideRoute>();
  const sorted = [...best.values()].sort(
    (a, b) => a.length - b.length || (a.prefix < b.prefix ? -1 : 1),
  );
  for (const route of sorted) {
    if (out.size === limit) break;
    const value = routeOf(route, devices);
    if (value !== undefined) out.set(route.prefix, value);
  }
  return out;
}

function keyOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Finds the longest prefix of an address. */
export class PrefixTable {
  /** By family and length, longest first. */
  readonly #lengths = new Map<4 | 6, { length: number; byNetwork: Map<string, OutsideRoute> }[]>();

  constructor(routes: RoutesByPrefix) {
    for (const [text, route] of routes) {
      const { address, length } = parsePrefix(text);
      const list = this.#lengths.get(address.family) ?? [];
      this.#lengths.set(address.family, list);
      let level = list.find((one) => one.length === length);
      if (level === undefined) list.push((level = { length, byNetwork: new Map() }));
      level.byNetwork.set(keyOf(address.bytes), route);
    }
    for (const list of this.#lengths.values()) list.sort((a, b) => b.length - a.length);
  }

  match(text: string): OutsideRoute | undefined {
    const address = parseAddress(text);
    for (const { length, byNetwork } of this.#lengths.get(address.family) ?? []) {
      const route = byNetwork.get(keyOf(networkOf({ address, length }).bytes));
      if (route !== undefined) return route;
    }
    return undefined;
  }
}
