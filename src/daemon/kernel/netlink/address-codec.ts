// SPDX-License-Identifier: Apache-2.0
/** RTM_*ADDR messages: addresses of devices. */
import * as rt from 'netlink/dist/rt/gen_structs.js';
import { addressFromWire, type WireAddress } from './address-bytes.js';
import { attribute, encode, findAttribute, keepAttributes } from './attributes.js';
import { AF_INET, AF_INET6 } from './libc.js';
import { ORIGIN_TRANSIT } from './origin.js';

/** include/uapi/linux/if_addr.h */
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_PROTO = 11;
const READ = new Set([IFA_ADDRESS, IFA_LOCAL]);

export interface AddressRecord {
  readonly ifindex: number;
  readonly address: string;
  readonly prefixLength: number;
  /** Put there by us. */
  readonly ours: boolean;
}

/** @returns undefined for what is not IP. */
export function parseAddressRecord(payload: Buffer): AddressRecord | undefined {
  const data = rt.parseAddress(payload.subarray(0, rt.__LENGTH_Address));
  if (data.family !== AF_INET && data.family !== AF_INET6) return undefined;
  const rest = payload.subarray(rt.__LENGTH_Address);
  const attrs = rt.parseAddressAttrs(keepAttributes(rest, READ));
  // On a point-to-point device IFA_ADDRESS is the other end.
  const bytes = attrs.local ?? attrs.address;
  const address = bytes && addressFromWire(bytes);
  if (address === undefined) return undefined;
  return {
    ifindex: data.index ?? 0,
    address,
    prefixLength: data.prefixlen ?? 0,
    ours: findAttribute(rest, IFA_PROTO)?.[0] === ORIGIN_TRANSIT,
  };
}

/** Body of a dump; an index restricts it to one device. */
export function formatAddressQuery(ifindex = 0): Buffer {
  return rt.formatAddress({ index: ifindex });
}

/**
 * Body of an RTM_NEWADDR or RTM_DELADDR. Duplicate address detection is skipped: the address is
 * assigned by the model, and must work at once.
 */
export function formatInterfaceAddress(
  ifindex: number,
  address: WireAddress & { readonly prefixLength: number },
): Buffer {
  const { family, bytes, prefixLength } = address;
  const v6 = family === AF_INET6;
  return Buffer.concat([
    encode(
      rt.formatAddress({
        family,
        prefixlen: prefixLength,
        index: ifindex,
        ...(v6 && { flags: { nodad: true as const } }),
      }),
      rt.formatAddressAttrs({
        local: bytes,
        address: bytes,
        ...(!v6 && prefixLength < 31 && { broadcast: broadcast(bytes, prefixLength) }),
      }),
    ),
    attribute(IFA_PROTO, Uint8Array.of(ORIGIN_TRANSIT)),
  ]);
}

function broadcast(address: Buffer, prefixLength: number): Buffer {
  const out = Buffer.alloc(4);
  const hostBits = prefixLength === 0 ? 0xffffffff : 2 ** (32 - prefixLength) - 1;
  out.writeUInt32BE((address.readUInt32BE(0) | hostBits) >>> 0, 0);
  return out;
}
