// SPDX-License-Identifier: Apache-2.0
/**
 * Where headers are in a frame, read leniently: damage must find its target in frames that
 * are damaged already. Follows tunnels to any depth.
 */
import { get16, PROTO, TYPE } from '../check/wire.js';

export type SpanKind =
  | 'eth' | 'vlan' | 'arp' | 'ip4' | 'ip6' | 'ext' | 'udp' | 'tcp' | 'icmp' | 'sctp' | 'vxlan'; // prettier-ignore

export interface Span {
  readonly kind: SpanKind;
  readonly off: number;
  readonly length: number;
}

const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 44, 51, 60, 135]);
const MAX_SPANS = 24;

function transport(b: Uint8Array, protocol: number, at: number, out: Span[]): number {
  if (protocol === PROTO.udp) {
    out.push({ kind: 'udp', off: at, length: 8 });
    if (get16(b, at + 2) !== 4789) return b.length;
    out.push({ kind: 'vxlan', off: at + 8, length: 8 });
    return at + 16;
  }
  if (protocol === PROTO.tcp) out.push({ kind: 'tcp', off: at, length: 20 });
  else if (protocol === PROTO.sctp) out.push({ kind: 'sctp', off: at, length: 12 });
  else if (protocol === PROTO.icmp || protocol === PROTO.icmp6) {
    out.push({ kind: 'icmp', off: at, length: 8 });
  }
  return b.length;
}

/** Spans may reach behind the end of the frame. */
export function spans(b: Uint8Array): Span[] {
  const out: Span[] = [];
  let at = 0;
  while (at < b.length && out.length < MAX_SPANS) {
    out.push({ kind: 'eth', off: at, length: 14 });
    let type = get16(b, at + 12);
    at += 14;
    while ((type === TYPE.vlan || type === TYPE.qinq) && at < b.length) {
      out.push({ kind: 'vlan', off: at, length: 4 });
      type = get16(b, at + 2);
      at += 4;
    }
    if (type === TYPE.arp) {
      out.push({ kind: 'arp', off: at, length: 28 });
      return out;
    }
    if (type === TYPE.ip4) {
      const length = Math.max(20, (b[at]! & 0xf) * 4);
      out.push({ kind: 'ip4', off: at, length });
      at = transport(b, b[at + 9] ?? 0, at + length, out);
    } else if (type === TYPE.ip6) {
      out.push({ kind: 'ip6', off: at, length: 40 });
      let next = b[at + 6] ?? 0;
      at += 40;
      while (EXTENSIONS.has(next) && at < b.length && out.length < MAX_SPANS) {
        const length = next === 44 ? 8 : next === 51 ? (b[at + 1]! + 2) * 4 : (b[at + 1]! + 1) * 8;
        out.push({ kind: 'ext', off: at, length });
        next = b[at]!;
        at += length;
      }
      at = transport(b, next, at, out);
    } else {
      return out;
    }
  }
  return out;
}
