// SPDX-License-Identifier: Apache-2.0
/** Changes to a packet's own headers. */
import { put16, putHex, u8At, u16At, updatedChecksum, type Mac } from './bytes.js';
import { ETHERNET, type Family } from './numbers.js';

/** Writes the traffic class of the packet in a frame. */
export function setTos(frame: Uint8Array, family: Family, tos: number): void {
  const at = ETHERNET;
  if (family === 6) {
    put16(frame, at, (u16At(frame, at) & 0xf00f) | (tos << 4));
    return;
  }
  const before = u16At(frame, at);
  frame[at + 1] = tos;
  put16(frame, at + 10, updatedChecksum(u16At(frame, at + 10), before, u16At(frame, at)));
}

/** One hop less: RFC 1812 s5.3.1, RFC 8200 s3. */
export function decrementTtl(frame: Uint8Array, family: Family): void {
  setTtl(frame, family, u8At(frame, ETHERNET + (family === 4 ? 8 : 7)) - 1);
}

export function setTtl(frame: Uint8Array, family: Family, ttl: number): void {
  const at = ETHERNET;
  if (family === 6) {
    frame[at + 7] = ttl;
    return;
  }
  const before = u16At(frame, at + 8);
  frame[at + 8] = ttl;
  put16(frame, at + 10, updatedChecksum(u16At(frame, at + 10), before, u16At(frame, at + 8)));
}

export function setMacs(frame: Uint8Array, dst: Mac, src: Mac): void {
  putHex(frame, 0, dst);
  putHex(frame, 6, src);
}
