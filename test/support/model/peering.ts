// SPDX-License-Identifier: Apache-2.0
/**
 * What a packet between two peered VPCs looks like on the other side: both addresses as the other
 * VPC knows them, all else as it was. Nothing passes that is not exposed, of either end.
 */
import { bitsOf, familyOf, prefixOf } from './address.js';
import type { Address } from './bytes.js';

export interface Exposed {
  readonly prefix: string;
  /** As what the peer sees it. */
  readonly as: string;
}

export type Verdict =
  | { readonly src: Address; readonly dst: Address }
  /** Nobody shows such a destination; the sender is not shown there. */
  | 'NO_ROUTE'
  | 'NOT_EXPOSED';

/** An address of one prefix as the one of the other: the bits behind the prefix stay. */
function moved(address: Address, from: string, to: string): Address | undefined {
  const [old, now] = [prefixOf(from), prefixOf(to)];
  const bits = bitsOf(address);
  if (old.family !== familyOf(address) || !bits.startsWith(old.bits)) return undefined;
  const out = now.bits + bits.slice(now.bits.length);
  return BigInt(`0b${out}`).toString(16).padStart(address.length, '0');
}

function first<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}

/** @param own what the sender's VPC exposes; peer: what the other does */
export function across(
  own: readonly Exposed[],
  peer: readonly Exposed[],
  packet: { readonly src: Address; readonly dst: Address },
): Verdict {
  const dst = first(peer.map(({ prefix, as }) => moved(packet.dst, as, prefix)));
  if (dst === undefined) return 'NO_ROUTE';
  const src = first(own.map(({ prefix, as }) => moved(packet.src, prefix, as)));
  if (src === undefined) return 'NOT_EXPOSED';
  return { src, dst };
}
