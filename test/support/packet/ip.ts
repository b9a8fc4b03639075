// SPDX-License-Identifier: Apache-2.0
/** IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200, 4302, 6275). */
import {
  chooseChecksum,
  concat,
  internetChecksum,
  ipBytes,
  u8,
  u16,
  u32,
  type Address,
  type Checksum,
} from './bytes.js';
import type { Layer } from './layer.js';

const NO_NEXT_HEADER = 59;

export interface Ip4Fields {
  readonly src: Address;
  readonly dst: Address;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  readonly df?: boolean;
  readonly mf?: boolean;
  /** Fragment offset, bytes. */
  readonly offset?: number;
  readonly protocol?: number;
  /** Filled with zeros to a multiple of four. */
  readonly options?: Uint8Array;
  readonly version?: number;
  /** In units of four bytes. */
  readonly ihl?: number;
  readonly length?: number;
  readonly checksum?: Checksum;
}

export function ip4(fields: Ip4Fields): Layer {
  const src = ipBytes(fields.src);
  const dst = ipBytes(fields.dst);
  const options = fields.options ?? new Uint8Array(0);
  const padded = concat(options, new Uint8Array(-options.length & 3));
  const header = 20 + padded.length;
  return {
    ethertype: 0x0800,
    protocol: 4,
    pseudo: { src, dst },
    build: (payload, above) => {
      const flags = (fields.df ? 0x4000 : 0) | (fields.mf ? 0x2000 : 0);
      const make = (checksum: number): Uint8Array =>
        concat(
          u8(((fields.version ?? 4) << 4) | (fields.ihl ?? header / 4), fields.tos ?? 0),
          u16(fields.length ?? header + payload.length, fields.id ?? 0),
          u16(flags | ((fields.offset ?? 0) >> 3)),
          u8(fields.ttl ?? 64, fields.protocol ?? above?.protocol ?? NO_NEXT_HEADER),
          u16(checksum),
          src,
          dst,
          padded,
        );
      const right = internetChecksum(make(0));
      return concat(make(chooseChecksum(right, fields.checksum)), payload);
    },
  };
}

export interface Ip6Fields {
  readonly src: Address;
  readonly dst: Address;
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly next?: number;
  readonly length?: number;
  readonly version?: number;
}

export function ip6(fields: Ip6Fields): Layer {
  const src = ipBytes(fields.src);
  const dst = ipBytes(fields.dst);
  return {
    ethertype: 0x86dd,
    protocol: 41,
    pseudo: { src, dst },
    build: (payload, above) =>
      concat(
        u32(
          ((fields.version ?? 6) << 28) |
            ((fields.trafficClass ?? 0) << 20) |
            (fields.flowLabel ?? 0),
        ),
        u16(fields.length ?? payload.length),
        u8(fields.next ?? above?.protocol ?? NO_NEXT_HEADER, fields.hopLimit ?? 64),
        src,
        dst,
        payload,
      ),
  };
}

export interface ExtensionFields {
  /** Units of eight bytes beyond the first. */
  readonly units?: number;
  readonly next?: number;
  /** What the length field says, when it is not to be right. */
  readonly length?: number;
}

function extension(protocol: number, fields: ExtensionFields, body: Uint8Array): Layer {
  return {
    protocol,
    build: (payload, above) =>
      concat(
        u8(
          fields.next ?? above?.protocol ?? NO_NEXT_HEADER,
          fields.length ?? (body.length + 2) / 8 - 1,
        ),
        body,
        payload,
      ),
  };
}

/** One PadN option over the whole header (RFC 8200 s4.2). */
function padding(units: number): Uint8Array {
  const body = new Uint8Array(8 * (units + 1) - 2);
  body[0] = 1;
  body[1] = body.length - 2;
  return body;
}

export function hopByHop(fields: ExtensionFields = {}): Layer {
  return extension(0, fields, padding(fields.units ?? 0));
}

export function destinationOptions(fields: ExtensionFields = {}): Layer {
  return extension(60, fields, padding(fields.units ?? 0));
}

/** Type 253 is for experiments (RFC 4727 s3): nobody acts on it. Segments left are zero. */
export function routing(fields: ExtensionFields = {}): Layer {
  const body = new Uint8Array(8 * ((fields.units ?? 0) + 1) - 2);
  body[0] = 253;
  return extension(43, fields, body);
}

/** A binding refresh request (RFC 6275 s6.1.2). */
export function mobility(fields: ExtensionFields = {}): Layer {
  return extension(135, fields, new Uint8Array(8 * ((fields.units ?? 0) + 1) - 2));
}

/** RFC 4302 s2: its length counts words of four bytes, less two. */
export function authentication(fields: ExtensionFields = {}): Layer {
  const body = new Uint8Array(22);
  body.set(u32(0x01020304, 1), 2);
  return {
    protocol: 51,
    build: (payload, above) =>
      concat(
        u8(fields.next ?? above?.protocol ?? NO_NEXT_HEADER, fields.length ?? 4),
        body,
        payload,
      ),
  };
}

export interface FragmentFields {
  /** Bytes. */
  readonly offset: number;
  readonly more: boolean;
  readonly id: number;
  readonly next?: number;
}

export function fragment(fields: FragmentFields): Layer {
  return {
    protocol: 44,
    build: (payload, above) =>
      concat(
        u8(fields.next ?? above?.protocol ?? NO_NEXT_HEADER, 0),
        u16((fields.offset & 0xfff8) | (fields.more ? 1 : 0)),
        u32(fields.id),
        payload,
      ),
  };
}
