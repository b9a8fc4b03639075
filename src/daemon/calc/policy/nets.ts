// SPDX-License-Identifier: Apache-2.0
/** Prefixes as the graph keeps them: parsed once, named by their canonical text. */
import {
  formatPrefix,
  mappedLength,
  networkOf,
  parseAddress,
  parsePrefix,
} from '../../../base/net.js';
import type { Family, IpPrefix } from '../../../base/net.js';

export interface Net {
  /** Canonical: "10.0.0.0/8", "2001:db8::1/128". */
  readonly text: string;
  readonly family: Family;
  /** 16 bytes, network order, IPv4 mapped; bits behind the length are zero. */
  readonly bytes: Uint8Array;
  /** Bits of `bytes` that count: 96..128 for IPv4, 0..128 for IPv6. */
  readonly length: number;
}

/** A prefix, or an address for the prefix of it alone. @throws TransitError BAD_ADDRESS */
export function parseNet(text: string): Net {
  return netOf(text.includes('/') ? parsePrefix(text) : hostPrefix(text));
}

/** The prefix of an address alone. @throws TransitError BAD_ADDRESS */
export function hostNet(address: string): Net {
  return netOf(hostPrefix(address));
}

export function isHost(net: Net): boolean {
  return net.length === 128;
}

/** The address of a net that isHost(). */
export function addressOf(net: Net): string {
  return net.text.slice(0, net.text.indexOf('/'));
}

function hostPrefix(text: string): IpPrefix {
  const address = parseAddress(text);
  return { address, length: address.family === 4 ? 32 : 128 };
}

function netOf(prefix: IpPrefix): Net {
  const address = networkOf(prefix);
  return {
    text: formatPrefix(prefix),
    family: address.family,
    bytes: address.bytes,
    length: mappedLength(prefix),
  };
}
