// SPDX-License-Identifier: Apache-2.0
/**
 * As much of STUN (RFC 8489 s5, s14) and of NAT behaviour discovery (RFC 5780 s7) as its tests need:
 * binding requests and responses without credentials. Used by stun-server.ts and stun-client.ts,
 * which run inside a lab's namespaces.
 */
import { addressFromBytes, formatAddress, parseAddress } from '../../../src/base/net.js';

const MAGIC = 0x2112a442;
const HEADER = 20;
const REQUEST = 0x0001;
const RESPONSE = 0x0101;
const CHANGE_REQUEST = 0x0003;
const XOR_MAPPED_ADDRESS = 0x0020;
const RESPONSE_ORIGIN = 0x802b;
const OTHER_ADDRESS = 0x802c;
const CHANGE_IP = 4;
const CHANGE_PORT = 2;
const MAPPED = parseAddress('0.0.0.0').bytes;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Change {
  readonly ip: boolean;
  readonly port: boolean;
}

export interface Request {
  readonly id: Buffer;
  readonly change: Change;
}

export interface Response {
  readonly id: Buffer;
  readonly mapped: Endpoint;
  readonly origin: Endpoint;
  readonly other: Endpoint;
}

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]); // all values here are multiples of 4
}

function message(type: number, id: Buffer, attributes: readonly Buffer[]): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(MAGIC, 4);
  id.copy(head, 8);
  return Buffer.concat([head, body]);
}

/** RFC 8489 s14.2: family, port, address, both of these XORed with the cookie and the id. */
function xored(id: Buffer, value: Buffer): Buffer {
  const mask = Buffer.concat([Buffer.alloc(4), id]);
  mask.writeUInt32BE(MAGIC, 0);
  const result = Buffer.from(value);
  for (let i = 0; i < 2; i++) result[2 + i]! ^= mask[i]!;
  for (let i = 4; i < result.length; i++) result[i]! ^= mask[i - 4]!;
  return result;
}

function encoded({ address, port }: Endpoint): Buffer {
  const { family, bytes } = parseAddress(address);
  const head = Buffer.from([0, family === 6 ? 2 : 1, port >> 8, port & 0xff]);
  return Buffer.concat([head, family === 6 ? bytes : bytes.subarray(12)]);
}

function decoded(value: Buffer): Endpoint {
  const bytes = Buffer.concat([MAPPED.subarray(0, value[1] === 2 ? 0 : 12), value.subarray(4)]);
  return { address: formatAddress(addressFromBytes(bytes)), port: value.readUInt16BE(2) };
}

function attributes(data: Buffer): Map<number, Buffer> {
  const result = new Map<number, Buffer>();
  const end = HEADER + data.readUInt16BE(2);
  for (let at = HEADER; at + 4 <= end;) {
    const length = data.readUInt16BE(at + 2);
    result.set(data.readUInt16BE(at), data.subarray(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & ~3);
  }
  return result;
}

function isStun(data: Buffer, type: number): boolean {
  return data.length >= HEADER && data.readUInt16BE(0) === type && data.readUInt32BE(4) === MAGIC;
}

export function encodeRequest(id: Buffer, change: Change): Buffer {
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE((change.ip ? CHANGE_IP : 0) | (change.port ? CHANGE_PORT : 0));
  return message(REQUEST, id, [attribute(CHANGE_REQUEST, flags)]);
}

/** undefined: not a binding request */
export function decodeRequest(data: Buffer): Request | undefined {
  if (!isStun(data, REQUEST)) return undefined;
  const flags = attributes(data).get(CHANGE_REQUEST)?.readUInt32BE(0) ?? 0;
  const change = { ip: (flags & CHANGE_IP) !== 0, port: (flags & CHANGE_PORT) !== 0 };
  return { id: data.subarray(8, HEADER), change };
}

export function encodeResponse({ id, mapped, origin, other }: Response): Buffer {
  return message(RESPONSE, id, [
    attribute(XOR_MAPPED_ADDRESS, xored(id, encoded(mapped))),
    attribute(RESPONSE_ORIGIN, encoded(origin)),
    attribute(OTHER_ADDRESS, encoded(other)),
  ]);
}

/** undefined: not a binding response with all that is needed */
export function decodeResponse(data: Buffer): Response | undefined {
  if (!isStun(data, RESPONSE)) return undefined;
  const all = attributes(data);
  const id = data.subarray(8, HEADER);
  const mapped = all.get(XOR_MAPPED_ADDRESS);
  const origin = all.get(RESPONSE_ORIGIN);
  const other = all.get(OTHER_ADDRESS);
  if (!mapped || !origin || !other) return undefined;
  return {
    id,
    mapped: decoded(xored(id, mapped)),
    origin: decoded(origin),
    other: decoded(other),
  };
}
