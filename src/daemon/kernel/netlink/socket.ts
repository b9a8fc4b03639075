// SPDX-License-Identifier: Apache-2.0
/**
 * A socket for requests. The kernel works a request off while it is being sent and has the answer
 * ready when send() returns, so requests are synchronous: nothing can come between a request and
 * its answer, and two dumps can never overlap.
 */
import { EAGAIN, EINTR, ENOBUFS } from './errno.js';
import { kernelError } from './errors.js';
import * as c from './libc.js';
import {
  formatMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseMessages,
  parseVerdict,
  type Message,
} from './message.js';

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** The kernel fills at most 32 KiB per datagram of a dump. */
const RECEIVE_BYTES = 64 * 1024;
/** A dump that is interrupted by changes is read again; one that never settles is an error. */
const DUMP_ATTEMPTS = 8;
/** Longer than the kernel ever holds the rtnl lock; without it a lost answer would hang us. */
const ANSWER_TIMEOUT_S = 10;

/** One request of a batch. */
export interface Request {
  readonly type: number;
  /** Besides REQUEST and ACK. */
  readonly flags?: number;
  readonly payload: Uint8Array;
  /** For errors: "add address". */
  readonly operation: string;
  /** For errors: "eth0 in netns web". */
  readonly object: string;
}

/** An AF_NETLINK socket of the namespace the calling thread is in. @throws NetlinkError */
export function makeNetlinkSocket(libc: c.Libc): number {
  const fd = libc.socket(c.AF_NETLINK, c.SOCK_RAW | c.SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) throw kernelError(libc.errno(), 'open', 'netlink socket');
  return fd;
}

export function setIntegerOption(
  libc: c.Libc,
  fd: number,
  level: number,
  name: number,
  value: number,
): boolean {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return libc.setsockopt(fd, level, name, bytes, 4) === 0;
}

export class NetlinkSocket {
  private sequence = 0;
  private readonly buffer = Buffer.alloc(RECEIVE_BYTES);

  /** Takes over fd, which may belong to another namespace. */
  constructor(
    private readonly libc: c.Libc,
    private fd: number,
  ) {
    // Refused by kernels before 4.20 only, and then merely less is checked or explained.
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      setIntegerOption(libc, fd, SOL_NETLINK, option, 1);
    }
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(ANSWER_TIMEOUT_S), 0);
    libc.setsockopt(fd, c.SOL_SOCKET, c.SO_RCVTIMEO, timeout, timeout.length);
  }

  /** Asks for one thing. @returns the answer, if any. @throws NetlinkError */
  request(request: Request): Message | undefined {
    return this.batch([request])[0];
  }

  /**
   * Sends requests in one system call. The kernel works them off in order, all of them even when
   * one fails. @returns the answer of each, if any. @throws NetlinkError of the first that failed.
   */
  batch(requests: readonly Request[]): (Message | undefined)[] {
    if (requests.length === 0) return [];
    const first = this.sequence + 1;
    const messages = requests.map((r) =>
      formatMessage(r.type, NLM_F_REQUEST | NLM_F_ACK | (r.flags ?? 0), ++this.sequence, r.payload),
    );
    const answers = new Array<Message | undefined>(requests.length).fill(undefined);
    const [head] = requests as [Request, ...Request[]];
    this.send(Buffer.concat(messages), head);
    let failure: Error | undefined;
    for (let left = requests.length; left > 0;) {
      for (const message of this.receive(head)) {
        const at = message.sequence - first;
        const request = requests[at];
        if (request === undefined) continue; // of a request given up earlier
        if (message.type !== NLMSG_ERROR) {
          answers[at] = message;
          continue;
        }
        left--;
        const { errno, text } = parseVerdict(message);
        if (errno !== 0) failure ??= kernelError(errno, request.operation, request.object, text);
      }
    }
    if (failure) throw failure;
    return answers;
  }

  /** Reads a whole table, consistently. @throws NetlinkError */
  dump(request: Request): Message[] {
    for (let attempt = 1; ; attempt++) {
      const result = this.dumpOnce(request);
      if (result !== undefined) return result;
      if (attempt === DUMP_ATTEMPTS) {
        throw kernelError(EAGAIN, request.operation, request.object, 'changed while being read');
      }
    }
  }

  /** Calling it again does nothing. */
  close(): void {
    if (this.fd >= 0) this.libc.close(this.fd);
    this.fd = -1;
  }

  /**
   * Reads a whole table, datagram by datagram: for tables too large to be read at once, on a
   * socket that serves nothing else meanwhile. What changes while it is read may be missed: the
   * monitor tells of it. @throws NetlinkError
   */
  *pieces(request: Request): Generator<readonly Message[], void> {
    const sequence = this.askForDump(request);
    for (;;) {
      const piece = this.pieceOf(sequence, request);
      yield piece.messages;
      if (piece.last) return;
    }
  }

  private dumpOnce(request: Request): Message[] | undefined {
    const sequence = this.askForDump(request);
    const messages: Message[] = [];
    let interrupted = false;
    for (;;) {
      const piece = this.pieceOf(sequence, request);
      messages.push(...piece.messages);
      interrupted ||= piece.interrupted;
      if (piece.last) return interrupted ? undefined : messages;
    }
  }

  private askForDump(request: Request): number {
    const sequence = ++this.sequence;
    const flags = NLM_F_REQUEST | NLM_F_DUMP | (request.flags ?? 0);
    this.send(formatMessage(request.type, flags, sequence, request.payload), request);
    return sequence;
  }

  /** One datagram of a dump. */
  private pieceOf(
    sequence: number,
    request: Request,
  ): { messages: Message[]; interrupted: boolean; last: boolean } {
    const messages: Message[] = [];
    let interrupted = false;
    for (const message of this.receive(request)) {
      if (message.sequence !== sequence) continue;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) {
        messages.push(message);
        continue;
      }
      const { errno, text } = parseVerdict(message);
      if (errno !== 0) throw kernelError(errno, request.operation, request.object, text);
      return { messages, interrupted, last: true };
    }
    return { messages, interrupted, last: false };
  }

  private send(data: Buffer, about: Request): void {
    for (;;) {
      if (this.libc.send(this.fd, data, data.length, 0) === data.length) return;
      const errno = this.libc.errno();
      if (errno !== EINTR) throw kernelError(errno, about.operation, about.object);
    }
  }

  private receive(about: Request): Iterable<Message> {
    for (;;) {
      const n = this.libc.recv(this.fd, this.buffer, RECEIVE_BYTES, c.MSG_TRUNC);
      // The buffer is used again by the next call: what is kept must be a copy.
      if (n >= 0 && n <= RECEIVE_BYTES)
        return parseMessages(Buffer.from(this.buffer.subarray(0, n)));
      const errno = n < 0 ? this.libc.errno() : ENOBUFS;
      if (errno !== EINTR) throw kernelError(errno, about.operation, about.object);
    }
  }
}
