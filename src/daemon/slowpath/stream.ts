// SPDX-License-Identifier: Apache-2.0
/**
 * One direction of a TCP connection in which lines are replaced by others, of another length. The
 * sender's sequence numbers ("in") become those the receiver is told ("out"), and its
 * acknowledgements go the way back.
 *
 * A line is replaced as a whole or not at all, so bytes of a line that may still become one that
 * matters are held back. The sender is told that they have arrived, since it may wait for that
 * before it sends the rest. What completes the line is acknowledged by the receiver alone: so
 * the sender repeats it until the receiver has all, and nothing has to be repeated from here.
 */
import { add, distance, isBefore, later } from './sequence.js';

/** Bytes that are replaced. A FIN is part of the sequence and may be part of an edit. */
interface Edit {
  readonly inStart: number;
  readonly inEnd: number;
  readonly out: Uint8Array;
  readonly fin: boolean;
  readonly outStart: number;
}

/** What the lines of a stream mean. */
export interface LineRules {
  /** Whether a line that begins so could be one that is replaced. */
  mayMatter(start: Uint8Array): boolean;
  /** A whole line with its end, that may matter: what it becomes, or undefined to leave it. */
  replace(line: Uint8Array): Uint8Array | undefined;
}

export interface Segment {
  readonly seq: number;
  readonly payload: Uint8Array;
  readonly fin: boolean;
}

/** Longest line that is held: RFC 959 has none so long. */
export const MAX_LINE = 512;
/** Edits that the receiver has not acknowledged; then lines are left as they are. */
export const MAX_EDITS = 16;

const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

/** What is kept over a restart of the daemon. */
export interface StreamState {
  readonly next: number;
  readonly delta: number;
}

export class LineStream {
  /** First byte not seen yet, in. */
  #next: number;
  /** Out less in, before the first edit. */
  #delta: number;
  #edits: Edit[] = [];
  /** How many of them, the last ones, the receiver has not acknowledged. */
  #open = 0;
  /** The line under way, as long as it may matter; undefined: it does not. */
  #line: number[] | undefined = [];
  #acknowledged: number;
  /** Up to here the receiver has said that it has all, in. */
  #theirs: number;

  constructor(
    private readonly rules: LineRules,
    start: StreamState,
  ) {
    this.#next = start.next;
    this.#delta = start.delta;
    this.#acknowledged = start.next;
    this.#theirs = start.next;
  }

  get next(): number {
    return this.#next;
  }

  /** Bytes held back. */
  get held(): number {
    return this.#line?.length ?? 0;
  }

  /** Out less in, behind all edits. */
  get delta(): number {
    const last = this.#edits.at(-1);
    return last === undefined ? this.#delta : distance(outEnd(last), last.inEnd);
  }

  /** Nothing is under way: next and delta say all. */
  get settled(): boolean {
    return this.#open === 0 && this.held === 0;
  }

  /** Up to here the sender believes that its bytes have arrived. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Lines do not matter any more: what follows is not text. */
  release(): void {
    this.#fail(this.#next);
    this.#line = undefined;
  }

  /**
   * Takes a segment that begins at or before `next`. What it has for the first time is read; all
   * of it is translated, in the same way whenever it comes again.
   */
  take({ seq, payload, fin }: Segment): Segment {
    const end = add(seq, payload.length);
    const fresh = distance(this.#next, seq);
    for (let i = Math.max(0, fresh); i < payload.length; i++) this.#read(payload[i] ?? 0);
    if (fin && !isBefore(end, this.#next)) this.#finish();
    return this.#translate(seq, payload, fin);
  }

  /**
   * The sender may be told that what is held has arrived, when the receiver has all before it.
   * @returns the acknowledgement, in; undefined: it may not
   */
  acknowledgeHeld(): number | undefined {
    if (this.held === 0 || isBefore(this.#theirs, this.#heldFrom())) return undefined;
    this.#acknowledged = this.#next;
    return this.#next;
  }

  /** The receiver's acknowledgement, for the sender. */
  acknowledge(out: number): number {
    const seq = this.toIn(out);
    this.#retire(out);
    // what the receiver cannot have is a lie
    if (isBefore(this.#next, seq)) return seq;
    this.#theirs = later(seq, this.#theirs);
    this.#acknowledged = later(seq, this.#acknowledged);
    this.acknowledgeHeld();
    return later(seq, this.#acknowledged);
  }

  /** Where a byte goes; within a replaced line its beginning. */
  toOut(seq: number): number {
    let delta = this.#delta;
    for (const edit of this.#edits) {
      if (!isBefore(edit.inStart, seq)) break;
      if (isBefore(seq, edit.inEnd)) return edit.outStart;
      delta = distance(outEnd(edit), edit.inEnd);
    }
    const start = this.#heldFrom();
    return add(isBefore(start, seq) ? start : seq, delta);
  }

  /** The way back; within a replaced line its beginning, or with `up` its end. */
  toIn(out: number, up = false): number {
    let delta = this.#delta;
    for (const edit of this.#edits) {
      if (!isBefore(edit.outStart, out)) break;
      if (isBefore(out, outEnd(edit))) return up ? edit.inEnd : edit.inStart;
      delta = distance(outEnd(edit), edit.inEnd);
    }
    return add(out, -delta);
  }

  /** Where what is held begins; `next` when nothing is. */
  #heldFrom(): number {
    return add(this.#next, -this.held);
  }

  #read(byte: number): void {
    this.#next = add(this.#next, 1);
    if (this.#line === undefined) {
      if (byte === NEWLINE) this.#begin();
      return;
    }
    const line = this.#line;
    line.push(byte);
    if (byte !== NEWLINE) {
      if (line.length > MAX_LINE || !this.rules.mayMatter(Uint8Array.from(line)))
        this.#fail(this.#next);
      return;
    }
    const bytes = Uint8Array.from(line);
    const out = this.rules.mayMatter(bytes) ? this.rules.replace(bytes) : undefined;
    if (out !== undefined) this.#edit(out, this.#next, false);
    else this.#fail(this.#next);
    this.#begin();
  }

  #begin(): void {
    this.#line = this.#open < MAX_EDITS ? [] : undefined;
  }

  /**
   * The line does not matter. What of it the sender believes to have arrived goes with what it
   * still repeats, up to `end`: as an edit that changes nothing.
   */
  #fail(end: number): void {
    const line = this.#line;
    if (line === undefined) return;
    if (isBefore(this.#heldFrom(), this.#acknowledged))
      this.#edit(Uint8Array.from(line), end, false);
    this.#line = undefined;
  }

  #finish(): void {
    if (isBefore(this.#heldFrom(), this.#acknowledged)) {
      const line = this.#line ?? [];
      this.#next = add(this.#next, 1);
      this.#edit(Uint8Array.from(line), this.#next, true, line.length + 1);
    } else {
      this.#next = add(this.#next, 1);
    }
    this.#line = undefined;
  }

  #edit(out: Uint8Array, inEnd: number, fin: boolean, length = this.held): void {
    const inStart = add(inEnd, -length);
    const outStart = add(inStart, this.delta);
    this.#edits.push({ inStart, inEnd, out, fin, outStart });
    this.#open++;
  }

  /**
   * Edits that the receiver has. The last of them are kept: their bytes may come once more, when
   * the acknowledgement was lost. Older ones would go where the receiver has all.
   */
  #retire(out: number): void {
    while (this.#open > 0) {
      const edit = this.#edits.at(-this.#open);
      if (edit === undefined || isBefore(out, outEnd(edit))) break;
      this.#open--;
    }
    while (this.#edits.length - this.#open > MAX_EDITS) {
      const [first] = this.#edits;
      if (first === undefined) return;
      this.#delta = distance(outEnd(first), first.inEnd);
      this.#edits.shift();
    }
  }

  #translate(seq: number, payload: Uint8Array, fin: boolean): Segment {
    const end = add(seq, payload.length + (fin ? 1 : 0));
    const limit = isBefore(this.#heldFrom(), end) ? this.#heldFrom() : end;
    const parts: Uint8Array[] = [];
    let at = seq;
    let closing = false;
    const copyTo = (to: number): void => {
      const from = distance(at, seq);
      const until = distance(to, seq);
      if (until <= from) return;
      parts.push(payload.subarray(from, Math.min(until, payload.length)));
      closing = fin && until > payload.length;
      at = to;
    };
    for (const edit of this.#edits) {
      if (!isBefore(seq, edit.inEnd)) continue;
      if (!isBefore(edit.inStart, end)) break;
      copyTo(edit.inStart);
      if (isBefore(end, edit.inEnd))
        return { seq: this.toOut(seq), payload: join(parts), fin: false };
      parts.push(edit.out);
      closing = edit.fin;
      at = edit.inEnd;
    }
    copyTo(limit);
    return { seq: this.toOut(seq), payload: join(parts), fin: closing };
  }
}

function outEnd(edit: Edit): number {
  return add(edit.outStart, edit.out.length + (edit.fin ? 1 : 0));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first === undefined) return NOTHING;
  return parts.length === 1 ? first : Buffer.concat(parts);
}
