// SPDX-License-Identifier: Apache-2.0
/** Makes lengths or checksums of a damaged frame right again, so that later checks are met. */
import { fold, get16, pseudoSum, PROTO, read, sum16 } from '../check/wire.js';
import { spans } from './spans.js';

const put16 = (b: Uint8Array, at: number, value: number): void => {
  if (at + 2 > b.length) return;
  b[at] = value >> 8;
  b[at + 1] = value;
};

/** IP and UDP lengths that say the frame's own length. */
export function fixLengths(frame: Uint8Array): Uint8Array {
  const b = frame.slice();
  for (const s of spans(b)) {
    if (s.kind === 'ip4') put16(b, s.off + 2, b.length - s.off);
    if (s.kind === 'ip6') put16(b, s.off + 4, b.length - s.off - 40);
    if (s.kind === 'udp') put16(b, s.off + 4, b.length - s.off);
  }
  return b;
}

function fixTransport(b: Uint8Array, off: number): void {
  const { ip, problem } = read(b, off);
  if (!ip || problem || ip.fragment !== 'whole') return;
  const at =
    ip.protocol === PROTO.tcp
      ? 16
      : ip.protocol === PROTO.udp
        ? 6
        : ip.protocol <= PROTO.icmp6
          ? 2
          : 0;
  if (!at || ![PROTO.tcp, PROTO.udp, PROTO.icmp, PROTO.icmp6].includes(ip.protocol)) return;
  if (ip.protocol === PROTO.udp && get16(b, ip.l4 + 6) === 0) return;
  const end = ip.protocol === PROTO.udp ? ip.l4 + get16(b, ip.l4 + 4) : ip.end;
  put16(b, ip.l4 + at, 0);
  const plain = ip.protocol === PROTO.icmp && ip.version === 4;
  const sum = sum16(b, ip.l4, end) + (plain ? 0 : pseudoSum(ip, end - ip.l4));
  const checksum = ~fold(sum) & 0xffff;
  put16(b, ip.l4 + at, checksum || (ip.protocol === PROTO.udp ? 0xffff : 0));
}

/** IPv4 headers and transports, from the innermost outwards. */
export function fixChecksums(frame: Uint8Array): Uint8Array {
  const b = frame.slice();
  const list = spans(b);
  for (const s of list.filter((x) => x.kind === 'eth').reverse()) fixTransport(b, s.off);
  for (const s of list) {
    if (s.kind !== 'ip4' || s.off + s.length > b.length) continue;
    put16(b, s.off + 10, 0);
    put16(b, s.off + 10, ~fold(sum16(b, s.off, s.off + s.length)) & 0xffff);
  }
  return b;
}
