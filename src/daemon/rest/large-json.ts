// SPDX-License-Identifier: Apache-2.0
/**
 * Large JSON in portions: a body with many objects, an answer with many results. JSON.parse and
 * JSON.stringify of 20 MB keep the event loop for a quarter of a second.
 */
import type { RequestHandler } from 'express';
import { inPortions, type Pace, type Work } from '../../base/portions.js';

/** Shorter texts are parsed in one go, bytes. */
const LARGE = 256 * 1024;
/** Text that is parsed in one go when the body is larger, bytes: about half a millisecond. */
const PART = 64 * 1024;
/** Items of an array that are written in one go. */
const ITEMS = 512;

const KEY = Buffer.from('"objects"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** First byte behind the string that begins at `at`. */
function stringEnd(bytes: Buffer, at: number): number {
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return bytes.length;
}

/** Where the items of the top object's array "objects" begin; undefined: nowhere. */
function itemsStart(bytes: Buffer): number | undefined {
  let depth = 0;
  for (let i = 0; i < Math.min(bytes.length, PART); i++) {
    const byte = bytes[i];
    if (byte === OPEN || byte === OPEN_BRACE) depth++;
    else if (byte === CLOSE || byte === CLOSE_BRACE) depth--;
    else if (byte === QUOTE) {
      const end = stringEnd(bytes, i);
      if (depth === 1 && bytes.subarray(i, end).equals(KEY)) {
        let next = end;
        while (isSpace(bytes[next])) next++;
        if (bytes[next] === COLON) {
          next++;
          while (isSpace(bytes[next])) next++;
          return bytes[next] === OPEN ? next + 1 : undefined;
        }
      }
      i = end - 1;
    }
  }
  return undefined;
}

function parseWhole(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
}

/**
 * What JSON.parse gives for the text. Items of the array "objects" of the top object are parsed
 * some at a time; the text without them is parsed as it is. Each part is parsed by JSON.parse, so
 * the whole is valid when all parts are.
 * @throws SyntaxError
 */
export function* parsingJson(bytes: Buffer): Work<unknown> {
  const start = itemsStart(bytes);
  if (start === undefined) return parseWhole(bytes);
  const items: unknown[] = [];
  let depth = 0;
  let from = start;
  try {
    for (let i = start; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte === QUOTE) i = stringEnd(bytes, i) - 1;
      else if (byte === OPEN || byte === OPEN_BRACE) depth++;
      else if (byte === CLOSE || byte === CLOSE_BRACE) {
        if (--depth >= 0) continue;
        // A second array of that name would take the first one's place.
        if (byte !== CLOSE || bytes.includes(KEY, i)) break;
        for (const item of itemsOf(bytes, from, i)) items.push(item);
        const head = bytes.toString('utf8', 0, start);
        const body = JSON.parse(head + bytes.toString('utf8', i)) as Record<string, unknown>;
        body['objects'] = items;
        return body;
      } else if (byte === COMMA && depth === 0 && i - from >= PART) {
        for (const item of itemsOf(bytes, from, i)) items.push(item);
        from = i + 1;
        // An empty last item would be read as none.
        if (!hasMore(bytes, from)) break;
        yield;
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  // Not what it looked like: the parser says what is wrong, and where.
  return parseWhole(bytes);
}

function itemsOf(bytes: Buffer, from: number, to: number): unknown[] {
  return JSON.parse(`[${bytes.toString('utf8', from, to)}]`) as unknown[];
}

/** Whether something other than the array's end follows. */
function hasMore(bytes: Buffer, at: number): boolean {
  let next = at;
  while (isSpace(bytes[next])) next++;
  return next < bytes.length && bytes[next] !== CLOSE;
}

/** JSON.stringify of a plain object, in pieces. */
export function* writingJson(value: object): Work<string[]> {
  const pieces: string[] = [];
  let before = '{';
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    pieces.push(`${before}${JSON.stringify(key)}:`);
    before = ',';
    if (!Array.isArray(member) || member.length <= ITEMS) {
      pieces.push(JSON.stringify(member));
      continue;
    }
    for (let i = 0; i < member.length; i += ITEMS) {
      const text = JSON.stringify(member.slice(i, i + ITEMS));
      pieces.push(`${i === 0 ? '[' : ','}${text.slice(1, -1)}`);
      yield;
    }
    pieces.push(']');
  }
  pieces.push(before === '{' ? '{}' : '}');
  return pieces;
}

/** Whether an answer is worth writing in pieces. */
export function isLargeAnswer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).some((member) => Array.isArray(member) && member.length > ITEMS);
}

/** Reads large plain bodies up to `limit` bytes; leaves all others to the usual parser. */
export function largeJson(pace: Pace, limit: number): RequestHandler {
  return async (request, _response, next) => {
    const length = Number(request.headers['content-length']);
    const encoded = (request.headers['content-encoding'] ?? 'identity') !== 'identity';
    const charset = /charset=(?!"?utf-8)/i.test(request.headers['content-type'] ?? '');
    if (!(length > LARGE && length <= limit) || encoded || charset) {
      next();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    try {
      request.body = await inPortions(parsingJson(Buffer.concat(chunks.splice(0))), pace);
    } catch (error) {
      // As the usual parser marks it.
      if (error instanceof SyntaxError) Object.assign(error, { type: 'entity.parse.failed' });
      throw error;
    }
    next();
  };
}
