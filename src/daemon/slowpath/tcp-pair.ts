// SPDX-License-Identifier: Apache-2.0
/**
 * Both directions of a TCP connection whose lines are changed: packets in, packets out. A packet
 * is data of one direction and acknowledges the other.
 */
import {
  optionsOf,
  payloadOf,
  remake,
  TCP,
  tcpFields,
  type Packet,
  type TcpFields,
} from './packet.js';
import type { Deltas } from './kernel.js';
import { add, distance, isBefore } from './sequence.js';
import { LineStream, type LineRules, type Segment } from './stream.js';
import { ackOptions, timestampOf, translateSack } from './tcp-options.js';

/** Packets of a direction that came too early and wait for those before. */
const MAX_EARLY = 8;
/** A path takes packets of this size whatever its MTU (RFC 791, RFC 8200 s5), L3 bytes. */
const SMALLEST = { 4: 576, 6: 1280 } as const;
const ETH = 14;
const NOTHING = new Uint8Array(0);

interface Side {
  readonly rules: LineRules;
  /** Delta before the first packet. */
  before: number;
  stream: LineStream | undefined;
  early: Packet[];
  /** The last packet, as a pattern for acknowledgements. */
  last: Packet | undefined;
}

function newSide(rules: LineRules, before: number): Side {
  return { rules, before, stream: undefined, early: [], last: undefined };
}

function deltaOf({ stream, before }: Side): number {
  return stream?.delta ?? before;
}

export class TcpPair {
  readonly #fwd: Side;
  readonly #reply: Side;

  /** @param before of a connection that was known before a restart */
  constructor(
    rules: { readonly fwd: LineRules; readonly reply: LineRules },
    before: Deltas = { fwd: 0, reply: 0 },
  ) {
    this.#fwd = newSide(rules.fwd, before.fwd);
    this.#reply = newSide(rules.reply, before.reply);
  }

  /** undefined while lines are under way. */
  get deltas(): Deltas | undefined {
    const settled = [this.#fwd, this.#reply].every(({ stream }) => stream?.settled !== false);
    return settled ? { fwd: deltaOf(this.#fwd), reply: deltaOf(this.#reply) } : undefined;
  }

  /** Bytes of lines and packets that wait. */
  get held(): number {
    return [this.#fwd, this.#reply].reduce(
      (sum, { stream, early }) =>
        sum + (stream?.held ?? 0) + early.reduce((bytes, { frame }) => bytes + frame.length, 0),
      0,
    );
  }

  /** @returns frames to send on, in order */
  take(packet: Packet): Uint8Array[] {
    const [mine, other] = packet.tag.reply ? [this.#reply, this.#fwd] : [this.#fwd, this.#reply];
    const fields = tcpFields(packet);
    if ((fields.flags & TCP.SYN) !== 0) return this.#open(packet, fields, mine, other);
    mine.stream ??= new LineStream(mine.rules, { next: fields.seq, delta: mine.before });
    if ((fields.flags & TCP.ACK) !== 0)
      other.stream ??= new LineStream(other.rules, {
        next: add(fields.ack, -other.before),
        delta: other.before,
      });
    const { stream } = mine;
    if (isBefore(stream.next, fields.seq) && carries(packet, fields)) {
      if (mine.early.length < MAX_EARLY) mine.early.push(keep(packet));
      return [];
    }
    const out = this.#translate(packet, fields, mine, other);
    out.push(...this.#readEarly(mine, other));
    mine.last = keep(packet);
    return out;
  }

  /** A SYN begins everything anew: the numbers of an earlier connection mean nothing. */
  #open(packet: Packet, fields: TcpFields, mine: Side, other: Side): Uint8Array[] {
    const answers = (fields.flags & TCP.ACK) !== 0;
    if (!answers) {
      other.stream = undefined;
      other.before = 0;
      other.early = [];
      other.last = undefined;
    }
    const next = add(fields.seq, 1);
    if (mine.stream?.next !== next || !mine.stream.settled || mine.stream.delta !== 0)
      mine.stream = new LineStream(mine.rules, { next, delta: 0 });
    mine.before = 0;
    mine.early = [];
    mine.last = keep(packet);
    return [packet.frame];
  }

  #readEarly(mine: Side, other: Side): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (;;) {
      const { stream } = mine;
      const i = mine.early.findIndex(
        (packet) => stream !== undefined && !isBefore(stream.next, tcpFields(packet).seq),
      );
      const [packet] = i < 0 ? [] : mine.early.splice(i, 1);
      if (packet === undefined) return out;
      out.push(...this.#translate(packet, tcpFields(packet), mine, other));
    }
  }

  #translate(packet: Packet, fields: TcpFields, mine: Side, other: Side): Uint8Array[] {
    const stream = mine.stream;
    if (stream === undefined) return [];
    const payload = payloadOf(packet);
    const fin = (fields.flags & TCP.FIN) !== 0;
    const segment = stream.take({ seq: fields.seq, payload, fin });
    const theirs = (fields.flags & TCP.ACK) === 0 ? undefined : other.stream;
    // before the acknowledgement makes edits history
    const options = theirs
      ? translateSack(optionsOf(packet), (seq, up) => theirs.toIn(seq, up))
      : optionsOf(packet);
    const ack = theirs?.acknowledge(fields.ack) ?? fields.ack;
    const out = this.#segments(packet, fields, { segment, ack, options, urgent: stream });
    const held =
      payload.length > 0 && stream.held > 0 ? this.#acknowledge(packet, mine, other) : [];
    return [...out, ...held];
  }

  #segments(
    packet: Packet,
    fields: TcpFields,
    to: {
      readonly segment: Segment;
      readonly ack: number;
      readonly options: Uint8Array;
      readonly urgent: LineStream;
    },
  ): Uint8Array[] {
    const { segment, ack, options } = to;
    const { payload } = segment;
    const headers = packet.payloadAt - ETH;
    const largest = Math.max(packet.frame.length - ETH, SMALLEST[packet.family]) - headers;
    const out: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < payload.length; at += largest) {
      const part = payload.subarray(at, at + largest);
      const last = at + largest >= payload.length;
      const seq = add(segment.seq, at);
      let flags = fields.flags & ~TCP.FIN;
      if (segment.fin && last) flags |= TCP.FIN;
      if (!last) flags &= ~TCP.PSH;
      let urgent = fields.urgent;
      if ((flags & TCP.URG) !== 0) {
        urgent = distance(to.urgent.toOut(add(fields.seq, fields.urgent)), seq);
        if (urgent <= 0) {
          flags &= ~TCP.URG;
          urgent = 0;
        }
      }
      out.push(remake(packet, { payload: part, seq, ack, flags, urgent, options }));
    }
    return out;
  }

  /** Tells the sender that what is held has arrived: it may wait for that. */
  #acknowledge(packet: Packet, mine: Side, other: Side): Uint8Array[] {
    const { stream } = mine;
    const pattern = other.last;
    if (pattern === undefined || other.stream === undefined) return [];
    const ack = stream?.acknowledgeHeld();
    if (ack === undefined) return [];
    const options = ackOptions(optionsOf(pattern), timestampOf(optionsOf(packet)));
    return [
      remake(pattern, {
        payload: NOTHING,
        seq: other.stream.toOut(other.stream.next),
        ack,
        flags: TCP.ACK,
        urgent: 0,
        options,
      }),
    ];
  }
}

/** Whether a packet takes room in the sequence. */
function carries(packet: Packet, { flags }: TcpFields): boolean {
  return payloadOf(packet).length > 0 || (flags & TCP.FIN) !== 0;
}

/** The buffer it was read from is used again. */
function keep(packet: Packet): Packet {
  return { ...packet, frame: Uint8Array.from(packet.frame) };
}
