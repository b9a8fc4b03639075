// SPDX-License-Identifier: Apache-2.0
/**
 * One control connection of FTP. Each end may announce where it waits for a data connection; where
 * its own address is translated, the announcement gets the public address, and a port that leads
 * to the announced one.
 */
import type { SharedCounts } from './counts.js';
import {
  CLIENT_LINES,
  mayBecome,
  readAnnouncement,
  SERVER_LINES,
  startsTls,
  type Announcement,
} from './ftp-lines.js';
import type { AlgKernel, Deltas, Direction } from './kernel.js';
import { TcpPair } from './tcp-pair.js';
import type { Packet } from './packet.js';

export interface FtpDeps {
  readonly kernel: AlgKernel;
  readonly counts: SharedCounts;
}

/** Below are services: nobody who asks for them wants a file (RFC 2577 s3). */
const FIRST_DATA_PORT = 1024;
/** Data connections announced and let in, of one control connection, at once. */
const EXPECT_BURST = 32;
/** Seconds until one more. */
const EXPECT_EVERY_S = 1;

export class FtpControl {
  readonly #pair: TcpPair;
  #tls = false;
  #budget = EXPECT_BURST;
  #filledAt = 0;
  #now = 0;

  constructor(
    private readonly deps: FtpDeps,
    private readonly directions: {
      readonly fwd: Direction;
      readonly reply: Direction;
      readonly deltas: Deltas;
    },
  ) {
    const rules = {
      fwd: {
        mayMatter: (start: Uint8Array) => !this.#tls && mayBecome(start, CLIENT_LINES),
        replace: (line: Uint8Array) => this.#replace(line, this.directions.fwd),
      },
      reply: {
        mayMatter: (start: Uint8Array) => !this.#tls && mayBecome(start, SERVER_LINES),
        replace: (line: Uint8Array) => {
          // both ends go on in TLS: nothing of theirs can be read any more
          if (startsTls(line)) this.#tls = true;
          return this.#replace(line, this.directions.reply);
        },
      },
    };
    this.#pair = new TcpPair(rules, directions.deltas);
  }

  /** What is to be kept over a restart; undefined while lines are under way. */
  get deltas(): Deltas | undefined {
    return this.#pair.deltas;
  }

  /** @param now seconds. @returns frames to send on, in order */
  take(packet: Packet, now: number): Uint8Array[] {
    this.#now = now;
    return this.#pair.take(packet);
  }

  /** Bytes held. */
  get held(): number {
    return this.#pair.held;
  }

  #replace(line: Uint8Array, own: Direction): Uint8Array | undefined {
    if (isSame(own.source, own.outSource)) return undefined;
    const said = readAnnouncement(line);
    if (said === undefined) return undefined;
    const { counts, kernel } = this.deps;
    const { address = { family: own.family, bytes: own.source }, port } = said;
    if (!isSame(address.bytes, own.source) || port < FIRST_DATA_PORT) {
      counts.add('foreign');
      return undefined;
    }
    const result = this.#mayExpect()
      ? kernel.expect({
          vni: own.vni,
          proto: 6,
          family: own.family,
          address: own.source,
          port,
          publicFamily: own.outFamily,
          publicAddress: own.outSource,
          remote: own.outDestination,
        })
      : { reason: 'too many' };
    if ('reason' in result) {
      counts.add('refused');
      return undefined;
    }
    counts.add('expected');
    counts.add('rewritten');
    return this.#rewritten(said, own, result.port);
  }

  #rewritten(said: Announcement, own: Direction, port: number): Uint8Array {
    return said.rewrite({ family: own.outFamily, bytes: own.outSource }, port);
  }

  #mayExpect(): boolean {
    const filled = Math.floor((this.#now - this.#filledAt) / EXPECT_EVERY_S);
    if (filled > 0) {
      this.#budget = Math.min(EXPECT_BURST, this.#budget + filled);
      this.#filledAt = this.#now;
    }
    if (this.#budget === 0) return false;
    this.#budget--;
    return true;
  }
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
