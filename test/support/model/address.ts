// SPDX-License-Identifier: Apache-2.0
/** Addresses and prefixes of the configuration as hexadecimal text, and what kind they are. */
import ipaddr from 'ipaddr.js';
import type { Address, Mac } from './bytes.js';
import type { Family } from './numbers.js';

export interface Prefix {
  /** Binary digits that an address must begin with. */
  readonly bits: string;
  readonly family: Family;
}

const KNOWN = new Map<string, Address>();

export function addressOf(text: string): Address {
  let address = KNOWN.get(text);
  if (address === undefined) {
    address = Buffer.from(ipaddr.parse(text).toByteArray()).toString('hex');
    KNOWN.set(text, address);
  }
  return address;
}

export function macOf(text: string): Mac {
  return text.replaceAll(':', '').toLowerCase();
}

export function familyOf(address: Address): Family {
  return address.length === 8 ? 4 : 6;
}

const NIBBLES = new Map(
  Array.from({ length: 16 }, (_, n) => [n.toString(16), n.toString(2).padStart(4, '0')] as const),
);

export function bitsOf(address: Address): string {
  let bits = '';
  for (const digit of address) bits += NIBBLES.get(digit) ?? '';
  return bits;
}

export function prefixOf(text: string): Prefix {
  const [base = '', length = ''] = text.split('/');
  const address = addressOf(base);
  return { bits: bitsOf(address).slice(0, Number(length)), family: familyOf(address) };
}

/** The first address behind a prefix's own: the default gateway. */
export function firstOf(prefix: string): Address {
  const base = addressOf(prefix.split('/')[0] ?? '');
  return (BigInt(`0x${base}`) + 1n).toString(16).padStart(base.length, '0');
}

export function isGroupMac(mac: Mac): boolean {
  return (parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

export function isNoMac(mac: Mac): boolean {
  return mac === '000000000000';
}

/** The last address of a prefix: IPv4's directed broadcast (RFC 919). */
export function lastOf(prefix: string): Address {
  const [base = '', length = ''] = prefix.split('/');
  const bits = bitsOf(addressOf(base));
  const last = bits.slice(0, Number(length)).padEnd(bits.length, '1');
  return BigInt(`0b${last}`)
    .toString(16)
    .padStart(bits.length / 4, '0');
}

/** RFC 5771, RFC 919 (limited broadcast), RFC 4291 s2.7. */
export function isMulticast(address: Address): boolean {
  if (familyOf(address) === 6) return address.startsWith('ff');
  return address.startsWith('e') || address === 'ffffffff';
}

/** RFC 3927, RFC 4291 s2.5.6. */
export function isLinkLocal(address: Address): boolean {
  return familyOf(address) === 6 ? /^fe[89ab]/.test(address) : address.startsWith('a9fe');
}

/**
 * Addresses that no packet between hosts carries (RFC 6890): this network, loopback, reserved; for
 * IPv6 the unspecified address, loopback and IPv4-mapped addresses.
 */
export function isMartian(address: Address): boolean {
  if (familyOf(address) === 4) {
    const first = parseInt(address.slice(0, 2), 16);
    return first === 0 || first === 127 || first >= 240;
  }
  return /^0{31}[01]$/.test(address) || address.startsWith('00000000000000000000ffff');
}
