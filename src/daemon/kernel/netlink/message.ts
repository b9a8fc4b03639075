// SPDX-License-Identifier: Apache-2.0
/** Framing of netlink messages (RFC 3549 s2.3) and the kernel's acknowledgements. */
import { findAttribute } from './attributes.js';

/** include/uapi/linux/netlink.h */
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
/** Types below this are control messages. */
export const NLMSG_MIN_TYPE = 16;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_DUMP = 0x300;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const HEADER = 16;
const align = (n: number): number => (n + 3) & ~3;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Everything behind the header. */
  readonly payload: Buffer;
}

/** The kernel's verdict on one request. */
export interface Verdict {
  /** 0, or a positive error number. */
  readonly errno: number;
  /** The kernel's explanation or warning. */
  readonly text: string | undefined;
}

/** A message as it goes onto the socket, padded so that others may follow. */
export function formatMessage(
  type: number,
  flags: number,
  sequence: number,
  payload: Uint8Array,
): Buffer {
  const out = Buffer.alloc(align(HEADER + payload.length));
  out.writeUInt32LE(HEADER + payload.length, 0);
  out.writeUInt16LE(type, 4);
  out.writeUInt16LE(flags, 6);
  out.writeUInt32LE(sequence, 8);
  out.set(payload, HEADER);
  return out;
}

/** The messages of one or more datagrams laid end to end. A message cut short ends the list. */
export function* parseMessages(bytes: Buffer): Generator<Message> {
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER || at + length > bytes.length) return;
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + HEADER, at + length),
    };
    at += align(length);
  }
}

/** Reads an NLMSG_ERROR (errno 0 is success) or the NLMSG_DONE that ends a dump. */
export function parseVerdict(message: Message): Verdict {
  const { payload } = message;
  if (payload.length < 4) return { errno: 0, text: undefined };
  const errno = -payload.readInt32LE(0);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  let from = 4;
  if (message.type === NLMSG_ERROR) {
    // The request's header follows, and the request itself unless the kernel left it out.
    const whole = (message.flags & NLM_F_CAPPED) === 0 && payload.length >= 8;
    from += whole ? align(payload.readUInt32LE(4)) : HEADER;
  }
  const raw = findAttribute(payload.subarray(Math.min(from, payload.length)), NLMSGERR_ATTR_MSG);
  const text = raw?.toString('utf8').replace(/[\0\s.]+$/, '');
  return { errno, text: text === undefined || text === '' ? undefined : text };
}
