// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses, prefixes and MACs as values. Text is parsed at the edge, strictly (no leading
 * zeros, no zone), and printed canonically (RFC 5952). An address is 16 bytes in network
 * order, IPv4 mapped (RFC 4291 s2.5.5.2), with its family beside it.
 */
import { TransitError } from './errors.js';

export type Family = 4 | 6;

export interface IpAddress {
  readonly family: Family;
  /** 16 bytes, network order; IPv4 as ::ffff:a.b.c.d. */
  readonly bytes: Uint8Array;
}

export interface IpPrefix {
  readonly address: IpAddress;
  /** Bits within the family: 0..32 or 0..128. */
  readonly length: number;
}

const DOT = '.'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);
const LOWER_A = 'a'.charCodeAt(0);

function fail(what: string, text: string, rule: string): never {
  throw new TransitError('BAD_ADDRESS', `"${text}" is not ${what}: ${rule}`);
}

/** Four numbers, or undefined. By hand, as bulk loads parse each address several times. */
function parseV4(text: string): number[] | undefined {
  const out: number[] = [];
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (value < 0 || out.length === 4) return undefined;
      out.push(value);
      value = -1;
    } else if (code >= ZERO && code <= ZERO + 9) {
      if (value === 0) return undefined; // a leading zero might mean octal to somebody
      value = (value < 0 ? 0 : value * 10) + code - ZERO;
      if (value > 255) return undefined;
    } else return undefined;
  }
  return out.length === 4 ? out : undefined;
}

function parseV6(text: string): number[] | undefined {
  let body = text;
  const lastColon = body.lastIndexOf(':');
  if (lastColon >= 0 && body.includes('.', lastColon)) {
    const v4 = parseV4(body.slice(lastColon + 1));
    if (!v4) return undefined;
    const [a, b, c, d] = v4 as [number, number, number, number];
    body = `${body.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = body.split('::');
  if (halves.length > 2) return undefined;
  const words = (half: string | undefined): number[] | undefined => {
    if (half === undefined || half === '') return [];
    const out: number[] = [];
    for (const word of half.split(':')) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(word)) return undefined;
      out.push(parseInt(word, 16));
    }
    return out;
  };
  const head = words(halves[0]);
  const tail = words(halves[1]);
  if (!head || !tail) return undefined;
  if (halves.length === 1) {
    if (head.length !== 8) return undefined;
    return head;
  }
  const gap = 8 - head.length - tail.length;
  if (gap < 1) return undefined;
  return [...head, ...new Array<number>(gap).fill(0), ...tail];
}

/** @throws TransitError BAD_ADDRESS */
export function parseAddress(text: string): IpAddress {
  const bytes = new Uint8Array(16);
  if (!text.includes(':')) {
    const v4 = parseV4(text);
    if (!v4)
      fail('an IP address', text, 'IPv4 is four decimal numbers 0..255 without leading zeros');
    bytes[10] = 0xff;
    bytes[11] = 0xff;
    bytes.set(v4, 12);
    return { family: 4, bytes };
  }
  const words = parseV6(text);
  if (!words) fail('an IP address', text, 'IPv6 is eight hexadecimal words, "::" once (RFC 4291)');
  words.forEach((word, i) => {
    bytes[2 * i] = word >> 8;
    bytes[2 * i + 1] = word & 0xff;
  });
  if (isMapped(bytes)) fail('an IP address', text, 'write IPv4 addresses as IPv4');
  return { family: 6, bytes };
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** From 16 bytes as maps carry them. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  return { family: isMapped(bytes) ? 4 : 6, bytes: Uint8Array.from(bytes.subarray(0, 16)) };
}

/** Canonical text, RFC 5952 s4. */
export function formatAddress(address: IpAddress): string {
  const { bytes } = address;
  if (address.family === 4) {
    return `${bytes[12] ?? 0}.${bytes[13] ?? 0}.${bytes[14] ?? 0}.${bytes[15] ?? 0}`;
  }
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let start = -1;
  let length = 1; // a single zero word is not shortened (s4.2.2)
  for (let i = 0; i < 8;) {
    let j = i;
    while (j < 8 && words[j] === 0) j++;
    if (j - i > length) {
      start = i;
      length = j - i;
    }
    i = j === i ? i + 1 : j;
  }
  const hex = (list: number[]): string => list.map((w) => w.toString(16)).join(':');
  if (start < 0) return hex(words);
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

/** Canonical form of an address given as text. @throws TransitError BAD_ADDRESS */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

/** "address/length", host bits must be zero. @throws TransitError BAD_ADDRESS */
export function parsePrefix(text: string): IpPrefix {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  if (!match) fail('a prefix', text, 'write ADDRESS/LENGTH');
  const address = parseAddress(match[1] ?? '');
  const length = Number(match[2]);
  const bits = address.family === 4 ? 32 : 128;
  if (length > bits)
    fail('a prefix', text, `the length of an IPv${address.family} prefix is 0..${bits}`);
  const prefix = { address, length };
  if (formatAddress(networkOf(prefix)) !== formatAddress(address)) {
    fail(
      'a prefix',
      text,
      `bits behind the length must be zero, as in ${formatAddress(networkOf(prefix))}/${length}`,
    );
  }
  return prefix;
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** Bits of the 16-byte form that a prefix fixes. */
export function mappedLength(prefix: IpPrefix): number {
  return prefix.address.family === 4 ? 96 + prefix.length : prefix.length;
}

/** First address of the prefix that contains the given address. */
export function networkOf(prefix: IpPrefix): IpAddress {
  const bytes = Uint8Array.from(prefix.address.bytes);
  const fixed = mappedLength(prefix);
  for (let i = 0; i < 16; i++) {
    const keep = Math.min(8, Math.max(0, fixed - 8 * i));
    bytes[i] = (bytes[i] ?? 0) & (0xff00 >> keep) & 0xff;
  }
  return { family: prefix.address.family, bytes };
}

export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  if (prefix.address.family !== address.family) return false;
  const other = networkOf({ address, length: prefix.length });
  return compareBytes(other.bytes, networkOf(prefix).bytes) === 0;
}

export function prefixesOverlap(a: IpPrefix, b: IpPrefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.address) : prefixContains(b, a.address);
}

/** Network address plus offset. */
export function addressAt(prefix: IpPrefix, offset: bigint): IpAddress {
  const bytes = Uint8Array.from(networkOf(prefix).bytes);
  let carry = offset;
  for (let i = 15; i >= 0 && carry > 0n; i--) {
    carry += BigInt(bytes[i] ?? 0);
    bytes[i] = Number(carry & 0xffn);
    carry >>= 8n;
  }
  return { family: prefix.address.family, bytes };
}

/** Last address of a prefix (IPv4: the broadcast address). */
export function lastAddress(prefix: IpPrefix): IpAddress {
  const bits = BigInt((prefix.address.family === 4 ? 32 : 128) - prefix.length);
  return addressAt(prefix, (1n << bits) - 1n);
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const d = (a[i] ?? 0) - (b[i] ?? 0);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

/** Why an address cannot belong to an endpoint or a gateway; undefined when it can. */
export function unusableReason(address: IpAddress): string | undefined {
  const b = address.bytes;
  const text = formatAddress(address);
  if (address.family === 4) {
    const first = b[12] ?? 0;
    if (first === 0) return `${text} is in 0.0.0.0/8 (this network)`;
    if (first === 127) return `${text} is a loopback address`;
    if (first >= 240) return `${text} is in 240.0.0.0/4 (reserved)`;
    if (first >= 224) return `${text} is a multicast address`;
    if (first === 169 && b[13] === 254) return `${text} is a link-local address`;
    return undefined;
  }
  if (b[0] === 0xff) return `${text} is a multicast address`;
  if (b[0] === 0xfe && ((b[1] ?? 0) & 0xc0) === 0x80) return `${text} is a link-local address`;
  if (b.subarray(0, 15).every((x) => x === 0) && (b[15] ?? 0) <= 1)
    return `${text} is unspecified or loopback`;
  return undefined;
}

/** Six bytes from "02:00:00:00:00:01". @throws TransitError BAD_ADDRESS */
export function parseMac(text: string): Uint8Array {
  const bytes = new Uint8Array(6);
  let bad = text.length !== 17;
  for (let i = 0; i < 6; i++) {
    const high = hexDigit(text.charCodeAt(3 * i));
    const low = hexDigit(text.charCodeAt(3 * i + 1));
    bad ||= high < 0 || low < 0 || (i < 5 && text.charCodeAt(3 * i + 2) !== COLON);
    bytes[i] = (high << 4) | low;
  }
  if (bad) fail('a MAC address', text, 'write six hexadecimal bytes with colons');
  return bytes;
}

/** Value of a hexadecimal digit's character code; -1: it is none. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= ZERO + 9) return code - ZERO;
  const lower = code | 0x20;
  return lower >= LOWER_A && lower <= LOWER_A + 5 ? lower - LOWER_A + 10 : -1;
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 6), (x) => x.toString(16).padStart(2, '0')).join(':');
}
