// SPDX-License-Identifier: Apache-2.0
/**
 * The lines of FTP that name an address: PORT and 227 (RFC 959 s4.1.2, s4.2), EPRT and 229
 * (RFC 2428). Read strictly: what is not surely one of them is left as it is.
 */
import { formatAddress, parseAddress, type IpAddress } from '../../base/net.js';

/** What a line says. */
export interface Announcement {
  readonly what: 'PORT' | 'EPRT' | '227' | '229';
  /** undefined: that of the sender (229). */
  readonly address: IpAddress | undefined;
  readonly port: number;
  /** The line with another place in it; its address is of the family that the line can carry. */
  rewrite(address: IpAddress, port: number): Uint8Array;
}

const SPACE = 32;
const HOST_PORT = /(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})(?!\d)/;

/** Beginnings by who sends them; the reply 234 starts TLS (RFC 4217 s4). */
export const CLIENT_LINES = ['PORT ', 'EPRT '];
export const SERVER_LINES = ['227', '229', '234'];

/** Whether a line that begins so may become one of these. Letters of either case (RFC 959 s5.3). */
export function mayBecome(start: Uint8Array, lines: readonly string[]): boolean {
  return lines.some((line) => {
    const length = Math.min(line.length, start.length);
    for (let i = 0; i < length; i++) {
      const byte = start[i] ?? 0;
      const upper = byte >= 97 && byte <= 122 ? byte - SPACE : byte;
      if (upper !== line.charCodeAt(i)) return false;
    }
    return true;
  });
}

/** Bytes and characters are the same. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** "10,0,0,1,4,1" anywhere in a line. */
function hostPort(line: string, what: 'PORT' | '227'): Announcement | undefined {
  const match = HOST_PORT.exec(line);
  if (match === null) return undefined;
  const numbers = match.slice(1).map(Number);
  if (numbers.some((n) => n > 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, high = 0, low = 0] = numbers;
  const before = line.slice(0, match.index);
  if (/\d$/.test(before)) return undefined;
  const after = line.slice(match.index + match[0].length);
  return {
    what,
    address: parseAddress(`${a}.${b}.${c}.${d}`),
    port: high * 256 + low,
    rewrite: ({ bytes }, port) =>
      bytesOf(`${before}${[...bytes.subarray(12), port >> 8, port & 0xff].join(',')}${after}`),
  };
}

/** "|2|2001:db8::1|1025|", of any one printable delimiter (RFC 2428 s2). */
function extended(text: string): { proto: string; address: string; port: number } | undefined {
  const delimiter = text.charAt(0);
  if (delimiter < '!' || delimiter > '~' || /[0-9a-fA-F:.]/.test(delimiter)) return undefined;
  const parts = text.split(delimiter);
  if (parts.length !== 5 || parts[0] !== '' || parts[4] !== '') return undefined;
  const [, proto = '', address = '', digits = ''] = parts;
  if (!/^\d{1,5}$/.test(digits) || Number(digits) > 65535) return undefined;
  return { proto, address, port: Number(digits) };
}

function addressOf(text: string, proto: string): IpAddress | undefined {
  try {
    const address = parseAddress(text);
    return proto === (address.family === 4 ? '1' : '2') ? address : undefined;
  } catch {
    return undefined;
  }
}

function eprt(line: string): Announcement | undefined {
  const match = /^(EPRT +)(\S+)([ \t]*\r?\n)$/i.exec(line);
  if (match === null) return undefined;
  const [, command = '', argument = '', end = ''] = match;
  const said = extended(argument);
  const address = said && addressOf(said.address, said.proto);
  if (said === undefined || address === undefined) return undefined;
  return {
    what: 'EPRT',
    address,
    port: said.port,
    rewrite: (to, port) => {
      const text = ['', to.family === 4 ? 1 : 2, formatAddress(to), port, ''].join('|');
      return bytesOf(`${command}${text}${end}`);
    },
  };
}

function reply229(line: string): Announcement | undefined {
  const match = /^(229[ -][^(]*\()([^()\r\n]+)(\).*\r?\n)$/.exec(line);
  if (match === null) return undefined;
  const [, before = '', argument = '', after = ''] = match;
  const said = extended(argument);
  // a server may only name its own address, which is the connection's (RFC 2428 s3)
  if (said === undefined || said.address !== '') return undefined;
  const delimiter = argument.charAt(0);
  return {
    what: '229',
    address: undefined,
    port: said.port,
    rewrite: (_address, port) =>
      bytesOf(`${before}${['', said.proto, '', port, ''].join(delimiter)}${after}`),
  };
}

/** A line with its end. undefined: it names no place, or not as the RFCs have it. */
export function readAnnouncement(line: Uint8Array): Announcement | undefined {
  const text = textOf(line);
  if (/^PORT +\d+(,\d+){5}[ \t]*\r?\n$/i.test(text)) return hostPort(text, 'PORT');
  if (/^227[ -]/.test(text)) return hostPort(text, '227');
  return text.startsWith('229') ? reply229(text) : eprt(text);
}

/** The server agrees to TLS: what follows is not text (RFC 4217 s4). */
export function startsTls(line: Uint8Array): boolean {
  return /^234[ -]/.test(textOf(line));
}
