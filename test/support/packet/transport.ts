// SPDX-License-Identifier: Apache-2.0
/** TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), VXLAN (RFC 7348). */
import {
  chooseChecksum,
  concat,
  crc32c,
  internetChecksum,
  u8,
  u16,
  u32,
  type Checksum,
} from './bytes.js';
import type { Layer, Pseudo } from './layer.js';

/** Checksum with the pseudo-header of RFC 9293 s3.1 or RFC 8200 s8.1. */
export function transportChecksum(
  segment: Uint8Array,
  pseudo: Pseudo | undefined,
  protocol: number,
): number {
  if (!pseudo) return internetChecksum(segment);
  return internetChecksum(
    concat(pseudo.src, pseudo.dst, u32(segment.length, protocol), segment, u8(0)),
  );
}

export interface TcpFields {
  readonly sport: number;
  readonly dport: number;
  /** Letters of FSRPAUEC. */
  readonly flags?: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  /** Multiple of four bytes. */
  readonly options?: Uint8Array;
  /** Units of four bytes. */
  readonly dataOffset?: number;
  readonly checksum?: Checksum;
}

export function tcp(fields: TcpFields): Layer {
  const options = fields.options ?? new Uint8Array(0);
  const flags = Array.from(fields.flags ?? 'A').reduce(
    (sum, f) => sum | (1 << 'FSRPAUEC'.indexOf(f)),
    0,
  );
  return {
    protocol: 6,
    build: (payload, _above, pseudo) => {
      const make = (checksum: number): Uint8Array =>
        concat(
          u16(fields.sport, fields.dport),
          u32(fields.seq ?? 1000, fields.ack ?? 2000),
          u8((fields.dataOffset ?? (20 + options.length) / 4) << 4, flags),
          u16(fields.window ?? 4096, checksum, 0),
          options,
          payload,
        );
      return make(chooseChecksum(transportChecksum(make(0), pseudo, 6), fields.checksum));
    },
  };
}

export interface UdpFields {
  readonly sport: number;
  readonly dport: number;
  readonly length?: number;
  readonly checksum?: Checksum;
}

export function udp(fields: UdpFields): Layer {
  return {
    protocol: 17,
    build: (payload, _above, pseudo) => {
      const make = (checksum: number): Uint8Array =>
        concat(
          u16(fields.sport, fields.dport, fields.length ?? 8 + payload.length, checksum),
          payload,
        );
      // RFC 768: a computed zero is sent as all ones, since zero means none
      const right = transportChecksum(make(0), pseudo, 17) || 0xffff;
      return make(chooseChecksum(right, fields.checksum));
    },
  };
}

export interface SctpFields {
  readonly sport: number;
  readonly dport: number;
  readonly tag?: number;
}

/** One COOKIE ACK chunk when there is no payload, else the payload as it is. */
export function sctp(fields: SctpFields): Layer {
  return {
    protocol: 132,
    build: (payload) => {
      const head = concat(u16(fields.sport, fields.dport), u32(fields.tag ?? 7));
      const chunks = payload.length > 0 ? payload : u8(11, 0, 0, 4);
      return concat(head, crc32c(concat(head, u32(0), chunks)), chunks);
    },
  };
}

export interface VxlanFields {
  readonly vni: number;
  readonly flags?: number;
  /** The 24 reserved bits behind the flags. */
  readonly reserved?: number;
  /** The 8 reserved bits behind the VNI. */
  readonly reserved2?: number;
}

export function vxlan(fields: VxlanFields): Layer {
  return {
    build: (payload) =>
      concat(
        u32(((fields.flags ?? 8) << 24) | (fields.reserved ?? 0)),
        u32((fields.vni << 8) | (fields.reserved2 ?? 0)),
        payload,
      ),
  };
}
