// SPDX-License-Identifier: Apache-2.0
/** ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861). */
import {
  chooseChecksum,
  concat,
  internetChecksum,
  ipBytes,
  macBytes,
  u8,
  u16,
  u32,
  type Address,
  type Checksum,
} from './bytes.js';
import { transportChecksum } from './transport.js';
import type { Layer } from './layer.js';

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** The second word of the header; id and seq of an echo when these are given instead. */
  readonly rest?: number;
  readonly id?: number;
  readonly seq?: number;
  readonly checksum?: Checksum;
}

function make(fields: IcmpFields, checksum: number, payload: Uint8Array): Uint8Array {
  const rest = fields.rest === undefined ? u16(fields.id ?? 0, fields.seq ?? 0) : u32(fields.rest);
  return concat(u8(fields.type, fields.code ?? 0), u16(checksum), rest, payload);
}

export function icmp4(fields: IcmpFields): Layer {
  return {
    protocol: 1,
    build: (payload) =>
      make(
        fields,
        chooseChecksum(internetChecksum(make(fields, 0, payload)), fields.checksum),
        payload,
      ),
  };
}

export function icmp6(fields: IcmpFields): Layer {
  return {
    protocol: 58,
    build: (payload, _above, pseudo) => {
      const right = transportChecksum(make(fields, 0, payload), pseudo, 58);
      return make(fields, chooseChecksum(right, fields.checksum), payload);
    },
  };
}

export const echo4 = (id: number, seq = 1): Layer => icmp4({ type: 8, id, seq });
export const echoReply4 = (id: number, seq = 1): Layer => icmp4({ type: 0, id, seq });
export const echo6 = (id: number, seq = 1): Layer => icmp6({ type: 128, id, seq });
export const echoReply6 = (id: number, seq = 1): Layer => icmp6({ type: 129, id, seq });

/** A link-layer address option: 1 is the source's, 2 the target's. */
export function linkLayerOption(type: 1 | 2, mac: Address): Uint8Array {
  return concat(u8(type, 1), macBytes(mac));
}

/** A nonce option (RFC 3971 s5.3.2), which probes for duplicate addresses carry (RFC 7527). */
export function nonceOption(): Uint8Array {
  return u8(14, 1, 1, 2, 3, 4, 5, 6);
}

export interface NdFields {
  readonly target: Address;
  readonly options?: readonly Uint8Array[];
  readonly code?: number;
  readonly checksum?: Checksum;
}

function nd(type: number, flags: number, fields: NdFields): Layer {
  const inner = icmp6({ type, code: fields.code ?? 0, rest: flags, checksum: fields.checksum });
  const body = concat(ipBytes(fields.target), ...(fields.options ?? []));
  return {
    protocol: 58,
    build: (payload, above, pseudo) => inner.build(concat(body, payload), above, pseudo),
  };
}

export function neighbourSolicitation(fields: NdFields): Layer {
  return nd(135, 0, fields);
}

/** Solicited, override; of a router when it says so. */
export function neighbourAdvertisement(fields: NdFields & { readonly router?: boolean }): Layer {
  return nd(136, fields.router ? 0xe0000000 : 0x60000000, fields);
}

export function routerSolicitation(): Layer {
  return icmp6({ type: 133, rest: 0 });
}

export function routerAdvertisement(): Layer {
  return {
    protocol: 58,
    build: (payload, above, pseudo) =>
      icmp6({ type: 134, rest: 0x40000708 }).build(concat(u32(0, 0), payload), above, pseudo),
  };
}

/** The solicited-node multicast address (RFC 4291 s2.7.1) and its MAC (RFC 2464 s7). */
export function solicitedNode(target: Address): {
  readonly ip: Uint8Array;
  readonly mac: Uint8Array;
} {
  const low = ipBytes(target).slice(13);
  return {
    ip: concat(u8(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff), low),
    mac: concat(u8(0x33, 0x33, 0xff), low),
  };
}
