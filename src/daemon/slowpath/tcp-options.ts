// SPDX-License-Identifier: Apache-2.0
/** The options of a TCP header that name sequence numbers or times (RFC 2018, RFC 7323). */
import { viewOf } from './packet.js';
import { isBefore } from './sequence.js';

const END = 0;
const NOP = 1;
const SACK = 5;
const TIMESTAMPS = 8;

/** Each option's kind and place; ends at what is broken. */
function* optionsIn(options: Uint8Array): Generator<{ kind: number; at: number; length: number }> {
  for (let at = 0; at < options.length;) {
    const kind = options[at] ?? END;
    if (kind === END) return;
    const length = kind === NOP ? 1 : (options[at + 1] ?? 0);
    if (length < (kind === NOP ? 1 : 2) || at + length > options.length) return;
    yield { kind, at, length };
    at += length;
  }
}

/** SACK blocks in the sender's numbers; a block of which nothing is left becomes no operation. */
export function translateSack(
  options: Uint8Array,
  toIn: (seq: number, up: boolean) => number,
): Uint8Array {
  let out = options;
  for (const { kind, at, length } of optionsIn(options)) {
    if (kind !== SACK || (length - 2) % 8 !== 0) continue;
    if (out === options) out = Uint8Array.from(options);
    const view = viewOf(options);
    const blocks: [number, number][] = [];
    for (let i = at + 2; i < at + length; i += 8) {
      const left = toIn(view.getUint32(i), true);
      const right = toIn(view.getUint32(i + 4), false);
      if (isBefore(left, right)) blocks.push([left, right]);
    }
    out.fill(NOP, at, at + length);
    if (blocks.length === 0) continue;
    // at the end of its place, so that what it leaves is before it
    const start = at + length - 2 - blocks.length * 8;
    out[start] = SACK;
    out[start + 1] = 2 + blocks.length * 8;
    const to = viewOf(out);
    for (const [i, [left, right]] of blocks.entries()) {
      to.setUint32(start + 2 + i * 8, left);
      to.setUint32(start + 6 + i * 8, right);
    }
  }
  return out;
}

function timestampsAt(options: Uint8Array): number | undefined {
  for (const { kind, at, length } of optionsIn(options))
    if (kind === TIMESTAMPS && length === 10) return at;
  return undefined;
}

/** The sender's clock; undefined: the connection has none. */
export function timestampOf(options: Uint8Array): number | undefined {
  const at = timestampsAt(options);
  return at === undefined ? undefined : viewOf(options).getUint32(at + 2);
}

/** Options of an acknowledgement like an earlier packet's: without SACK, echoing a time. */
export function ackOptions(options: Uint8Array, echo: number | undefined): Uint8Array {
  const out = new Uint8Array(options.length).fill(NOP);
  const at = timestampsAt(options);
  if (at === undefined) return out;
  out.set(options.subarray(at, at + 10), at);
  if (echo !== undefined) viewOf(out).setUint32(at + 6, echo);
  return out;
}
