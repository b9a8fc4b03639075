// SPDX-License-Identifier: Apache-2.0
/** Kinds of addresses: RFC 1122 s3.2.1.3, RFC 6890, RFC 4291. */
import type { VpcFacts } from './topology.js';
import { hex, type Ip } from './wire.js';

export const isGroupMac = (mac: Uint8Array): boolean => (mac[0]! & 1) === 1;
export const isZero = (bytes: Uint8Array): boolean => bytes.every((b) => b === 0);

export function isMulticast(a: Uint8Array): boolean {
  return a.length === 4 ? a[0]! >> 4 === 0xe || a.every((b) => b === 0xff) : a[0] === 0xff;
}

/** Addresses that no packet between hosts may carry. */
export function isMartian(a: Uint8Array): boolean {
  if (a.length === 4) return a[0] === 0 || a[0] === 127 || a[0]! >= 240;
  if (!isZero(a.subarray(0, 10))) return false;
  const mapped = a[10] === 0xff && a[11] === 0xff;
  return mapped || (isZero(a.subarray(10, 15)) && a[15]! <= 1);
}

export function isLinkLocal(a: Uint8Array): boolean {
  return a.length === 4 ? a[0] === 169 && a[1] === 254 : a[0] === 0xfe && a[1]! >> 6 === 2;
}

/** Whether a source identifies a single host (RFC 1812 s4.3.2.7, RFC 4443 s2.4 e.6). */
export function isSingleHost(a: Uint8Array, vpc: VpcFacts): boolean {
  return !isMulticast(a) && !isMartian(a) && !vpc.broadcasts.has(hex(a));
}

/** ICMP messages that report an error: RFC 1122 s3.2.2, RFC 4443 s2.1, and redirects. */
export function isIcmpError(b: Uint8Array, ip: Ip): boolean {
  if (ip.fragment === 'later' || ip.l4 >= ip.end) return false;
  const type = b[ip.l4]!;
  if (ip.version === 4) return ip.protocol === 1 && [3, 4, 5, 11, 12].includes(type);
  return ip.protocol === 58 && (type < 128 || type === 137);
}
