// SPDX-License-Identifier: Apache-2.0
/**
 * Two ends of TCP with what is under test between them, over a network that loses, repeats and
 * reorders. The ends cut their streams at random, and may wait for an acknowledgement before they
 * send less than much (Nagle). Written from RFC 9293 for this purpose alone.
 */
import { payloadOf, readPacket, TCP, tcpFields } from '../../../src/daemon/slowpath/packet.js';
import { add, distance, isBefore } from '../../../src/daemon/slowpath/sequence.js';
import { segment } from './frames.js';

export interface Chance {
  /** 0 .. n-1 */
  below(n: number): number;
}

const WINDOW = 3000;
const LARGEST = 300;

class End {
  readonly received: number[] = [];
  #una: number;
  #next: number;
  #peer: number | undefined;
  readonly #later = new Map<number, number>();
  #peerEnd: number | undefined;
  closed = false;

  constructor(
    readonly reply: boolean,
    readonly data: Uint8Array,
    private readonly first: number,
    peer: number,
    private readonly nagle: boolean,
  ) {
    this.#una = first;
    this.#next = first;
    this.#peer = peer;
  }

  get done(): boolean {
    return distance(this.#una, this.first) === this.data.length + 1;
  }

  get expects(): number {
    return this.#peer ?? 0;
  }

  #make(from: number, to: number): Uint8Array {
    const end = this.data.length;
    const at = distance(from, this.first);
    const until = distance(to, this.first);
    return segment({
      reply: this.reply,
      seq: from,
      ack: this.expects,
      flags: until > end && until > at ? 'FA' : 'A',
      payload: this.data.slice(at, Math.min(until, end)),
    });
  }

  /** The next piece, as far as the rules allow one. */
  send(chance: Chance): Uint8Array[] {
    const left = this.data.length + 1 - distance(this.#next, this.first);
    const room = WINDOW - distance(this.#next, this.#una);
    if (left <= 0 || room <= 0) return [];
    if (this.nagle && this.#next !== this.#una) return [];
    const length = 1 + chance.below(Math.min(left, room, chance.below(3) ? 12 : LARGEST));
    const from = this.#next;
    this.#next = add(from, length);
    return [this.#make(from, this.#next)];
  }

  /** Something again that was not acknowledged, cut as it happens. */
  repeat(chance: Chance): Uint8Array[] {
    const open = distance(this.#next, this.#una);
    if (open <= 0) return [this.acknowledge()];
    return [this.#make(this.#una, add(this.#una, 1 + chance.below(open)))];
  }

  acknowledge(): Uint8Array {
    return this.#make(this.#next, this.#next);
  }

  /**
   * @returns whether it has to be acknowledged
   * @throws Error when the other end could not have sent it
   */
  take(frame: Uint8Array): boolean {
    const packet = readPacket(frame);
    if (packet === undefined) throw new Error('a frame that cannot be read');
    const { seq, ack, flags } = tcpFields(packet);
    const payload = payloadOf(packet);
    if (isBefore(this.#next, ack))
      throw new Error(`acknowledges ${distance(ack, this.#next)} too many`);
    if (isBefore(this.#una, ack)) this.#una = ack;
    for (const [i, byte] of payload.entries()) this.#store(add(seq, i), byte);
    if ((flags & TCP.FIN) !== 0) {
      const end = add(seq, payload.length);
      if (this.#peerEnd !== undefined && this.#peerEnd !== end) throw new Error('two ends');
      this.#peerEnd = end;
    }
    this.#advance();
    return payload.length > 0 || (flags & TCP.FIN) !== 0;
  }

  #store(seq: number, byte: number): void {
    const back = distance(seq, this.expects);
    const known =
      back < 0
        ? this.received[this.received.length + back - (this.closed ? -1 : 0)]
        : this.#later.get(seq);
    if (known !== undefined && known !== byte)
      throw new Error(`byte ${back} from the expected was ${known} and is ${byte}`);
    if (back >= 0) this.#later.set(seq, byte);
  }

  #advance(): void {
    for (;;) {
      const seq = this.expects;
      const byte = this.#later.get(seq);
      if (byte === undefined) break;
      this.#later.delete(seq);
      this.received.push(byte);
      this.#peer = add(seq, 1);
    }
    if (this.#peerEnd !== undefined && this.#peerEnd === this.expects && !this.closed) {
      this.closed = true;
      this.#peer = add(this.expects, 1);
    }
  }
}

export interface Simulated {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly starts: readonly [number, number];
  readonly nagle: boolean;
}

const CHAOS_STEPS = 400;
const CALM_ROUNDS = 20_000;

/**
 * Runs until both have all. @returns what the client and the server have received
 * @throws Error when an end sees what it must not, or nothing goes on
 */
export function simulate(
  spec: Simulated,
  between: (frame: Uint8Array) => readonly Uint8Array[],
  chance: Chance,
): { readonly client: Uint8Array; readonly server: Uint8Array } {
  const [c, s] = spec.starts;
  const client = new End(false, spec.client, c, s, spec.nagle);
  const server = new End(true, spec.server, s, c, spec.nagle);
  const before: Uint8Array[] = [];
  const after: Uint8Array[] = [];
  const isReply = (frame: Uint8Array): boolean => readPacket(frame)?.tag.reply === true;
  const pass = (queue: Uint8Array[], chaos: boolean): Uint8Array | undefined => {
    if (queue.length === 0) return undefined;
    const i = chaos ? chance.below(queue.length) : 0;
    const [frame] = chaos && chance.below(12) === 0 ? [queue[i]] : queue.splice(i, 1);
    return chaos && chance.below(8) === 0 ? undefined : frame;
  };
  const step = (chaos: boolean): void => {
    const frame = pass(before, chaos);
    if (frame !== undefined) after.push(...between(frame).map((out) => Uint8Array.from(out)));
    const arrived = pass(after, chaos);
    if (arrived === undefined) return;
    const to = isReply(arrived) ? client : server;
    const asks = to.take(arrived);
    if (asks && (chance.below(3) > 0 || !chaos)) before.push(to.acknowledge());
  };
  between(segment({ reply: false, seq: add(c, -1), flags: 'S' }));
  between(segment({ reply: true, seq: add(s, -1), ack: c, flags: 'SA' }));
  for (let i = 0; i < CHAOS_STEPS; i++) {
    const from = chance.below(2) === 0 ? client : server;
    const what = chance.below(6);
    if (what < 3) before.push(...from.send(chance));
    else if (what === 3) before.push(...from.repeat(chance));
    step(true);
  }
  for (let i = 0; i < CALM_ROUNDS; i++) {
    if (client.done && server.done && client.closed && server.closed)
      return { client: Uint8Array.from(client.received), server: Uint8Array.from(server.received) };
    const idle = before.length === 0 && after.length === 0;
    for (const end of [client, server]) {
      const sent = end.send(chance);
      before.push(...(sent.length === 0 && idle ? end.repeat(chance) : sent));
    }
    step(false);
    step(false);
    step(false);
  }
  throw new Error(
    `nothing goes on: ${client.done ? '' : 'client '}${server.done ? '' : 'server '}has more to send`,
  );
}
