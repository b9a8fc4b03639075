// SPDX-License-Identifier: Apache-2.0
/** Ethernet, 802.1Q, ARP (RFC 826). */
import { concat, ipBytes, macBytes, u8, u16, type Address } from './bytes.js';
import type { Layer } from './layer.js';

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_VLAN = 0x8100;

export interface EtherFields {
  readonly dst: Address;
  readonly src: Address;
  readonly type?: number;
  /** The frame is filled with zeros up to this many bytes. */
  readonly pad?: number;
}

export function ether(fields: EtherFields): Layer {
  return {
    build: (payload, above) => {
      const frame = concat(
        macBytes(fields.dst),
        macBytes(fields.src),
        u16(fields.type ?? above?.ethertype ?? 0xffff),
        payload,
      );
      return concat(frame, new Uint8Array(Math.max(0, (fields.pad ?? 0) - frame.length)));
    },
  };
}

export interface VlanFields {
  readonly vid: number;
  readonly pcp?: number;
  readonly dei?: boolean;
  readonly tpid?: number;
  readonly type?: number;
}

export function vlan(fields: VlanFields): Layer {
  return {
    ethertype: fields.tpid ?? ETHERTYPE_VLAN,
    build: (payload, above) =>
      concat(
        u16(
          ((fields.pcp ?? 0) << 13) | (fields.dei ? 0x1000 : 0) | fields.vid,
          fields.type ?? above?.ethertype ?? 0xffff,
        ),
        payload,
      ),
  };
}

export interface ArpFields {
  readonly op: number;
  readonly sha: Address;
  readonly spa: Address;
  readonly tha?: Address;
  readonly tpa: Address;
  readonly htype?: number;
  readonly ptype?: number;
  readonly hlen?: number;
  readonly plen?: number;
}

export function arp(fields: ArpFields): Layer {
  return {
    ethertype: ETHERTYPE_ARP,
    build: (payload) =>
      concat(
        u16(fields.htype ?? 1, fields.ptype ?? 0x0800),
        u8(fields.hlen ?? 6, fields.plen ?? 4),
        u16(fields.op),
        macBytes(fields.sha),
        ipBytes(fields.spa),
        macBytes(fields.tha ?? '00:00:00:00:00:00'),
        ipBytes(fields.tpa),
        payload,
      ),
  };
}
