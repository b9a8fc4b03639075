// SPDX-License-Identifier: Apache-2.0
/**
 * Attributes (type, length, value, padded to four bytes). The codecs of the package `netlink`
 * do the known ones; here is what they lack: nested attributes with the NLA_F_NESTED flag,
 * choosing attributes before decoding, and the ones newer than the package.
 */
import { AttrStream, type StreamData } from 'netlink/dist/structs.js';

const HEADER = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const align = (n: number): number => (n + 3) & ~3;

/** Calls back for each attribute. What is cut short ends the walk: a kernel never sends that. */
export function eachAttribute(
  bytes: Buffer,
  visit: (type: number, value: Buffer, whole: Buffer) => void,
): void {
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < HEADER || at + length > bytes.length) return;
    const type = bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK;
    visit(type, bytes.subarray(at + HEADER, at + length), bytes.subarray(at, at + length));
    at += align(length);
  }
}

/** First attribute of a type. */
export function findAttribute(bytes: Buffer, type: number): Buffer | undefined {
  let found: Buffer | undefined;
  eachAttribute(bytes, (t, value) => {
    if (t === type) found ??= value;
  });
  return found;
}

/**
 * Only the attributes of the types given. The package's decoders throw at a value longer than
 * the struct they know, so a newer kernel could spoil a whole dump; and statistics cost time.
 */
export function keepAttributes(bytes: Buffer, types: ReadonlySet<number>): Buffer {
  const kept: Buffer[] = [];
  eachAttribute(bytes, (type, _value, whole) => {
    if (types.has(type)) kept.push(padded(whole));
  });
  return Buffer.concat(kept);
}

/** One attribute with its header and padding. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const out = Buffer.alloc(align(HEADER + value.length));
  out.writeUInt16LE(HEADER + value.length, 0);
  out.writeUInt16LE(type, 2);
  out.set(value, HEADER);
  return out;
}

/** An attribute that holds attributes (each already padded). */
export function nested(type: number, ...children: readonly Uint8Array[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(children));
}

export function attributeU32(type: number, value: number): Buffer {
  return attribute(type, u32(value));
}

/** Text with its closing zero. */
export function attributeText(type: number, text: string): Buffer {
  return attribute(type, Buffer.from(`${text}\0`, 'utf8'));
}

export function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value >>> 0, 0);
  return out;
}

/** What an encoder of the package emits, as bytes padded to four. */
export function encode(...parts: readonly StreamData[]): Buffer {
  const stream = new AttrStream();
  for (const part of parts) stream.emit(part);
  return padded(Buffer.concat(stream.bufs));
}

function padded(bytes: Buffer): Buffer {
  const missing = align(bytes.length) - bytes.length;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
