// SPDX-License-Identifier: Apache-2.0
/**
 * The protocol dimension of a block. The program looks for an ICMP packet's type and code, then
 * its type, then its protocol: each row has all rules that such a packet meets.
 */
import { ABI } from '../../../maps/index.js';
import { bitsOf, type Bits } from './bits.js';
import type { Place } from './places.js';
import type { IcmpMatch } from './types.js';

export type Family = 4 | 6;

export interface ProtocolRow {
  readonly family: Family;
  /** Protocol, beside POL_ICMP_TYPE and POL_ICMP_CODE and what they say; 32 bits. */
  readonly value: number;
  readonly bits: Bits;
}

/** What a row says of a packet. Undefined: something that no rule names. */
interface Kind {
  readonly family: Family;
  readonly protocol?: number;
  readonly type?: number;
  readonly code?: number;
}

const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

/** Whether a place asks for this dimension. */
export function asksProtocol(place: Place): boolean {
  return [place.ipVersion, place.protocol, place.notProtocol, place.icmp, place.notIcmp].some(
    (asked) => asked !== undefined,
  );
}

/** Rules of a protocol that no rule names. */
export function otherProtocols(places: readonly Place[], family: Family): Bits {
  return rulesOf(places, { family });
}

export function protocolRows(places: readonly Place[]): ProtocolRow[] {
  return ([4, 6] as const).flatMap((family) => [
    ...protocolsOf(places, family).map((protocol) => ({
      family,
      value: protocol,
      bits: rulesOf(places, { family, protocol }),
    })),
    ...icmpRows(places, family),
  ]);
}

function icmpRows(places: readonly Place[], family: Family): ProtocolRow[] {
  const protocol = ICMP[family];
  const out: ProtocolRow[] = [];
  for (const [type, codes] of typesOf(places, family)) {
    const value = (protocol | ABI.POL_ICMP_TYPE | (type << 16)) >>> 0;
    out.push({ family, value, bits: rulesOf(places, { family, protocol, type }) });
    for (const code of codes)
      out.push({
        family,
        value: (value | ABI.POL_ICMP_CODE | (code << 24)) >>> 0,
        bits: rulesOf(places, { family, protocol, type, code }),
      });
  }
  return out;
}

function protocolsOf(places: readonly Place[], family: Family): number[] {
  const out = new Set<number>();
  for (const { ipVersion, protocol, notProtocol, icmp, notIcmp } of places) {
    if (ipVersion !== undefined && ipVersion !== family) continue;
    if (protocol !== undefined) out.add(protocol);
    if (notProtocol !== undefined) out.add(notProtocol);
    if (icmp !== undefined || notIcmp !== undefined) out.add(ICMP[family]);
  }
  return [...out];
}

/** Codes that rules name, by type. */
function typesOf(places: readonly Place[], family: Family): Map<number, Set<number>> {
  const out = new Map<number, Set<number>>();
  for (const { ipVersion, icmp, notIcmp } of places) {
    if (ipVersion !== undefined && ipVersion !== family) continue;
    for (const match of [icmp, notIcmp]) {
      if (match === undefined) continue;
      const codes = out.get(match.type) ?? new Set();
      out.set(match.type, codes);
      if (match.code !== undefined) codes.add(match.code);
    }
  }
  return out;
}

function rulesOf(places: readonly Place[], kind: Kind): Bits {
  return bitsOf(places, (place) => {
    if (place.ipVersion !== undefined && place.ipVersion !== kind.family) return false;
    if (place.protocol !== undefined && place.protocol !== kind.protocol) return false;
    if (place.notProtocol !== undefined && place.notProtocol === kind.protocol) return false;
    if (place.icmp !== undefined && !isIcmp(kind, place.icmp)) return false;
    return place.notIcmp === undefined || !isIcmp(kind, place.notIcmp);
  });
}

function isIcmp(kind: Kind, { type, code }: IcmpMatch): boolean {
  if (kind.protocol !== ICMP[kind.family] || kind.type !== type) return false;
  return code === undefined || kind.code === code;
}
