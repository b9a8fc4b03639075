// SPDX-License-Identifier: Apache-2.0
/** Prefixes under which IPv4 addresses are IPv6 addresses (RFC 6052), and where one is needed. */
import {
  formatAddress,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  unusableReason,
} from '../base/net.js';
import type { PortForwardSpec, PublicIpSpec } from './objects.js';

/** RFC 6052 s2.2. */
export const NAT64_LENGTHS: readonly number[] = [32, 40, 48, 56, 64, 96];

/** RFC 6052 s2.1: must not carry IPv4 addresses that are not global (s3.1). */
const WELL_KNOWN = '64:ff9b::/96';
/** RFC 8215: for translation within a network. */
const LOCAL_USE = parsePrefix('64:ff9b:1::/48');
const RESERVED_OCTET = 8;

/** Why a prefix cannot carry IPv4 addresses; undefined when it can. @param text a prefix */
export function nat64Reason(text: string): string | undefined {
  const prefix = parsePrefix(text);
  const { address, length } = prefix;
  if (address.family === 4) return `${text} is IPv4, must be an IPv6 prefix (RFC 6052)`;
  if (!NAT64_LENGTHS.includes(length))
    return `${text} has ${length} bits, must have 32, 40, 48, 56, 64 or 96 (RFC 6052 s2.2)`;
  if ((address.bytes[RESERVED_OCTET] ?? 0) !== 0)
    return `${text}: bits 64 to 71 must be zero (RFC 6052 s2.2)`;
  const wellKnown = parsePrefix(WELL_KNOWN);
  if (text !== WELL_KNOWN && prefixesOverlap(prefix, wellKnown))
    return `${text} contains ${WELL_KNOWN}, which is a prefix by itself (RFC 6052 s2.1)`;
  if (prefixesOverlap(prefix, LOCAL_USE) && !prefixContains(LOCAL_USE, address))
    return `${text} contains 64:ff9b:1::/48, of which it may only be a part (RFC 8215)`;
  const unusable = unusableReason(address);
  if (unusable !== undefined) return unusable;
  return address.bytes.subarray(0, 4).every((byte) => byte === 0)
    ? `${formatAddress(address)} is in ::/32 (reserved)`
    : undefined;
}

/** Whether a public address stands for one of the other family: a static entry of NAT64 (RFC 7757). */
export function isStaticNat64(
  spec: Pick<PublicIpSpec | PortForwardSpec, 'address' | 'endpointAddress'>,
): boolean {
  const { address, endpointAddress } = spec;
  return endpointAddress !== undefined && endpointAddress.includes(':') && !address.includes(':');
}
