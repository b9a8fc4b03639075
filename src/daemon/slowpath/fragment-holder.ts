// SPDX-License-Identifier: Apache-2.0
/**
 * Fragments that came before the first one of their datagram: each waits until that has passed, in
 * order of arrival, or for HOLD_S (RFC 4787 REQ-14; RFC 6146 s3.4: two seconds at least), and goes
 * back into the data path. There it finds its way, or is dropped with its reason when it has waited
 * in vain. What is held is bounded; nobody's fragments keep another's out.
 */
import { ABI, decode, heldTag } from '../../maps/index.js';
import type { FRAGMENT_COUNTS, SharedCounts } from './counts.js';

export interface HolderDeps {
  readonly counts: SharedCounts<(typeof FRAGMENT_COUNTS)[number]>;
  /** Whether a datagram's first fragment has passed. */
  readonly passed: (id: bigint) => boolean;
  /** A frame goes back into the data path, with its tag. */
  readonly giveBack: (frame: Uint8Array) => void;
}

export interface HolderBounds {
  /** Bytes held, a packet's own OVERHEAD included: in all, and of one source. */
  readonly bytes: number;
  readonly bytesOfSource: number;
  /** Packets of one datagram. */
  readonly ofDatagram: number;
}

/** Seconds that a fragment waits. */
export const HOLD_S = 2;
/** What a packet costs besides its bytes. */
export const OVERHEAD = 256;
/** 65535 bytes in pieces of 1280 are 54. */
export const BOUNDS: HolderBounds = { bytes: 4 << 20, bytesOfSource: 1 << 20, ofDatagram: 64 };
/** Seconds until a datagram is looked at again: from, doubling, to. */
const LOOK_FIRST_S = 0.001;
const LOOK_LAST_S = 0.064;

interface Piece {
  readonly frame: Uint8Array;
  readonly at: number;
}

interface Datagram {
  readonly id: bigint;
  readonly source: Source;
  readonly pieces: Piece[];
  wait: number;
  due: number;
}

interface Source {
  readonly name: number;
  bytes: number;
  readonly datagrams: Set<Datagram>;
}

/** Whether a frame of the data path is a fragment to be held (struct held_tag). */
export function isFragment(frame: Uint8Array): boolean {
  if (frame.length <= heldTag.size) return false;
  return new DataView(frame.buffer, frame.byteOffset).getUint32(0) === ABI.HELD_MAGIC;
}

export class FragmentHolder {
  readonly #datagrams = new Map<bigint, Datagram>();
  readonly #sources = new Map<number, Source>();
  #bytes = 0;
  #packets = 0;
  /** No datagram is due before. */
  #next = Infinity;

  constructor(
    private readonly deps: HolderDeps,
    private readonly bounds: HolderBounds = BOUNDS,
  ) {}

  /** When look() has something to do, as `now`; Infinity: never. */
  get next(): number {
    return this.#next;
  }

  /**
   * A fragment as the data path handed it over; it is copied. @param now seconds, growing
   */
  take(frame: Uint8Array, now: number): void {
    const { counts } = this.deps;
    const tag = decode(heldTag, frame.subarray(0, heldTag.size));
    const { id } = tag;
    const source = this.#source(tag.source);
    counts.add('taken');
    const cost = costOf(frame);
    const datagram = this.#datagrams.get(id);
    if (datagram !== undefined && datagram.pieces.length >= this.bounds.ofDatagram)
      counts.add('refusedDatagram');
    else if (source.bytes + cost > this.bounds.bytesOfSource) counts.add('refusedSource');
    else if (!this.#makeRoom(source, cost)) counts.add('refusedRoom');
    else this.#keep(id, source, { frame: frame.slice(), at: now });
    this.#forgetIfEmpty(source);
    this.#report();
  }

  /** Gives back what need not, or must not, wait any more. */
  look(now: number): void {
    if (now < this.#next) return;
    this.#next = Infinity;
    for (const datagram of this.#datagrams.values()) {
      if (datagram.due <= now) this.#lookAt(datagram, now);
      if (datagram.pieces.length > 0) this.#next = Math.min(this.#next, datagram.due);
    }
    this.#report();
  }

  /** Gives everything back: nobody will wait any more. */
  close(): void {
    for (const datagram of [...this.#datagrams.values()]) {
      const result = this.deps.passed(datagram.id) ? 'released' : 'timedOut';
      for (const piece of datagram.pieces) this.#giveBack(piece, result);
      this.#drop(datagram);
    }
    this.#next = Infinity;
    this.#report();
  }

  #lookAt(datagram: Datagram, now: number): void {
    const { pieces } = datagram;
    if (this.deps.passed(datagram.id)) {
      for (const piece of pieces) this.#giveBack(piece, 'released');
      this.#drop(datagram);
      return;
    }
    while (pieces[0] !== undefined && pieces[0].at + HOLD_S <= now) {
      const piece = pieces[0];
      pieces.shift();
      this.#uncount(datagram.source, piece);
      this.#giveBack(piece, 'timedOut');
    }
    if (pieces[0] === undefined) this.#drop(datagram);
    else {
      datagram.due = Math.min(now + datagram.wait, pieces[0].at + HOLD_S);
      datagram.wait = Math.min(2 * datagram.wait, LOOK_LAST_S);
    }
  }

  #giveBack({ frame }: Piece, result: 'released' | 'timedOut'): void {
    this.deps.counts.add(result);
    this.deps.giveBack(frame);
  }

  #keep(id: bigint, source: Source, piece: Piece): void {
    let datagram = this.#datagrams.get(id);
    if (datagram === undefined) {
      datagram = { id, source, pieces: [], wait: LOOK_FIRST_S, due: piece.at };
      this.#datagrams.set(id, datagram);
      source.datagrams.add(datagram);
      // at once: the first one may have passed meanwhile, on another CPU
      this.#next = piece.at;
    }
    datagram.pieces.push(piece);
    const cost = costOf(piece.frame);
    datagram.source.bytes += cost;
    this.#bytes += cost;
    this.#packets++;
  }

  /** At the cost of whoever holds most, when that is more than `source` would then. */
  #makeRoom(source: Source, cost: number): boolean {
    while (this.#bytes + cost > this.bounds.bytes) {
      let most = source;
      for (const other of this.#sources.values()) if (other.bytes > most.bytes) most = other;
      const oldest = most.datagrams.values().next().value;
      if (most.bytes <= source.bytes + cost || oldest === undefined) return false;
      this.deps.counts.add('refusedRoom', oldest.pieces.length);
      this.#drop(oldest);
    }
    return true;
  }

  /** Forgets a datagram and its pieces. */
  #drop(datagram: Datagram): void {
    for (const piece of datagram.pieces) this.#uncount(datagram.source, piece);
    datagram.pieces.length = 0;
    this.#datagrams.delete(datagram.id);
    datagram.source.datagrams.delete(datagram);
    this.#forgetIfEmpty(datagram.source);
  }

  #uncount(source: Source, { frame }: Piece): void {
    const cost = costOf(frame);
    source.bytes -= cost;
    this.#bytes -= cost;
    this.#packets--;
  }

  #source(name: number): Source {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const source: Source = { name, bytes: 0, datagrams: new Set() };
    this.#sources.set(name, source);
    return source;
  }

  #forgetIfEmpty(source: Source): void {
    if (source.datagrams.size === 0) this.#sources.delete(source.name);
  }

  #report(): void {
    this.deps.counts.set('held', this.#packets);
    this.deps.counts.set('heldBytes', this.#bytes);
  }
}

function costOf(frame: Uint8Array): number {
  return frame.length + OVERHEAD;
}
