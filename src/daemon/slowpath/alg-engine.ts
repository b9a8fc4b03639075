// SPDX-License-Identifier: Apache-2.0
/**
 * Packets of ALGs: which connection each is of, and what it becomes. What cannot be read or placed
 * is dropped and counted; its sender repeats it.
 */
import type { SharedCounts } from './counts.js';
import { FtpControl, isSame } from './ftp.js';
import type { AlgKernel, Deltas, KnownConnection } from './kernel.js';
import { isSound, PROTO_TCP, readPacket, type Packet } from './packet.js';
import { isTftpRequest, takeTftp } from './tftp.js';

export interface AlgEngineDeps {
  readonly kernel: AlgKernel;
  readonly counts: SharedCounts;
}

/** Connections watched. */
export const MAX_CONNECTIONS = 4096;
/** Bytes that wait, of all connections. */
export const MAX_HELD = 8 << 20;
/** Packets of one connection: at once, and a second. */
const BURST = 1000;
const RATE = 500;

interface Watched {
  readonly known: KnownConnection;
  readonly ftp: FtpControl | undefined;
  /** Bytes of it that wait. */
  held: number;
  /** What a restart would find. */
  kept: Deltas;
  tokens: number;
  filledAt: number;
}

export class AlgEngine {
  /** By node. */
  readonly #watched = new Map<number, Watched>();
  #held = 0;

  constructor(private readonly deps: AlgEngineDeps) {}

  /**
   * A frame as the data path handed it over. @param now seconds, growing
   * @returns frames to give back, in order
   */
  take(frame: Uint8Array, now: number): Uint8Array[] {
    const { counts } = this.deps;
    counts.add('packets');
    const packet = readPacket(frame);
    if (packet === undefined || !isSound(packet)) {
      counts.add('dropBroken');
      return [];
    }
    const watched = this.#find(packet, now);
    if (watched === undefined) return [];
    if (!mayPass(watched, now)) {
      counts.add('dropRate');
      return [];
    }
    const out = this.#translate(watched, packet, now);
    counts.add('sent', out.length);
    return out;
  }

  /** Forgets connections that the data path has forgotten. */
  sweep(): void {
    for (const [node, { known }] of this.#watched)
      if (this.deps.kernel.connection(node)?.id !== known.id) this.#forget(node);
  }

  #translate(watched: Watched, packet: Packet, now: number): Uint8Array[] {
    if (watched.ftp === undefined) {
      if (isTftpRequest(packet)) takeTftp(this.deps, watched.known.fwd, packet);
      return [packet.frame];
    }
    const out = watched.ftp.take(packet, now);
    this.#keep(watched, packet.tag.node);
    this.#held += watched.ftp.held - watched.held;
    watched.held = watched.ftp.held;
    return out;
  }

  /** A restart must not forget by how much the ends' numbers differ. */
  #keep(watched: Watched, node: number): void {
    const deltas = watched.ftp?.deltas;
    if (deltas === undefined) return;
    const { fwd, reply } = watched.kept;
    if (deltas.fwd === fwd && deltas.reply === reply) return;
    watched.kept = deltas;
    this.deps.kernel.keep(node, watched.known.id, deltas);
  }

  #find(packet: Packet, now: number): Watched | undefined {
    const { node } = packet.tag;
    const before = this.#watched.get(node);
    if (before !== undefined && isOf(packet, before.known)) return before;
    const { counts, kernel } = this.deps;
    const known = kernel.connection(node);
    if (known === undefined || !isOf(packet, known)) {
      counts.add('dropUnknown');
      return undefined;
    }
    this.#forget(node);
    if (this.#watched.size >= MAX_CONNECTIONS) this.sweep();
    if (this.#watched.size >= MAX_CONNECTIONS || this.#held > MAX_HELD) {
      counts.add('dropFull');
      return undefined;
    }
    const watched: Watched = {
      known,
      ftp: known.proto === PROTO_TCP ? new FtpControl(this.deps, known) : undefined,
      held: 0,
      kept: known.deltas,
      tokens: BURST,
      filledAt: now,
    };
    this.#watched.set(node, watched);
    counts.set('connections', this.#watched.size);
    return watched;
  }

  #forget(node: number): void {
    const watched = this.#watched.get(node);
    if (watched === undefined) return;
    this.#held -= watched.held;
    if (watched.kept.fwd !== 0 || watched.kept.reply !== 0)
      this.deps.kernel.keep(node, watched.known.id, undefined);
    this.#watched.delete(node);
    this.deps.counts.set('connections', this.#watched.size);
  }
}

function isOf(packet: Packet, known: KnownConnection): boolean {
  const direction = packet.tag.reply ? known.reply : known.fwd;
  return (
    packet.proto === known.proto &&
    packet.family === direction.family &&
    packet.sport === direction.sport &&
    packet.dport === direction.dport &&
    isSame(packet.source, direction.source) &&
    isSame(packet.destination, direction.destination)
  );
}

function mayPass(watched: Watched, now: number): boolean {
  if (now > watched.filledAt) {
    watched.tokens = Math.min(BURST, watched.tokens + (now - watched.filledAt) * RATE);
    watched.filledAt = now;
  }
  if (watched.tokens < 1) return false;
  watched.tokens--;
  return true;
}
