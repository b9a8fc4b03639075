// SPDX-License-Identifier: Apache-2.0
/**
 * Damage, as steps that can be left out one by one: each is a function of the bytes alone,
 * with its random choices made when it was drawn.
 */
import * as p from '../../support/packet/index.js';
import { get16, TYPE } from '../check/wire.js';
import type { Random } from '../random.js';
import { DROPLET, DROPLET_MAC, VNI, VTEPS } from '../world.js';
import { fixChecksums, fixLengths } from './fix.js';
import { extensions, ODD4, ODD6, ODD_MAC } from './seeds.js';
import { spans, type Span, type SpanKind } from './spans.js';

export interface Mutation {
  readonly name: string;
  readonly apply: (frame: Uint8Array) => Uint8Array;
}

/** Frames stay below what BPF_PROG_TEST_RUN takes. */
const LARGEST = 3300;

interface Field {
  readonly off: number;
  readonly size: 1 | 2;
  readonly values: readonly number[];
}

const LENGTHS = [
  0, 1, 7, 8, 19, 20, 21, 27, 28, 39, 40, 41, 60, 1500, 0x7fff, 0x8000, 0xfffe, 0xffff,
];
const NEXT = [0, 1, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 139, 253, 255];

/** Fields worth damaging, with values worth having. Absurd lengths first. */
const FIELDS: Readonly<Record<SpanKind, readonly Field[]>> = {
  eth: [
    {
      off: 12,
      size: 2,
      values: [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x88cc, 0, 1500, 0xffff],
    },
  ],
  vlan: [
    { off: 0, size: 2, values: [0, 1, 0xfff, 0xe000, 0x1000, 0x2001] },
    { off: 2, size: 2, values: [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0] },
  ],
  arp: [
    { off: 0, size: 2, values: [0, 1, 6, 0xffff] },
    { off: 2, size: 2, values: [0x0800, 0x86dd, 0] },
    { off: 4, size: 1, values: [0, 5, 6, 7, 255] },
    { off: 5, size: 1, values: [0, 3, 4, 16, 255] },
    { off: 6, size: 2, values: [0, 1, 2, 3, 8, 9, 0xffff] },
  ],
  ip4: [
    { off: 0, size: 1, values: [0x45, 0x40, 0x44, 0x46, 0x4f, 0x55, 0x65, 0x05] },
    { off: 1, size: 1, values: [0, 1, 2, 3, 0xff] },
    { off: 2, size: 2, values: LENGTHS },
    { off: 6, size: 2, values: [0, 1, 2, 0x2000, 0x2001, 0x3fff, 0x4000, 0x8000, 0x1fff, 185] },
    { off: 8, size: 1, values: [0, 1, 2, 64, 255] },
    { off: 9, size: 1, values: NEXT },
    { off: 10, size: 2, values: [0, 0xffff, 1] },
  ],
  ip6: [
    { off: 0, size: 1, values: [0x60, 0x40, 0x6f, 0x70, 0] },
    { off: 1, size: 1, values: [0, 0x10, 0x20, 0x30, 0xff] },
    { off: 4, size: 2, values: LENGTHS },
    { off: 6, size: 1, values: NEXT },
    { off: 7, size: 1, values: [0, 1, 2, 64, 254, 255] },
  ],
  ext: [
    { off: 0, size: 1, values: NEXT },
    { off: 1, size: 1, values: [0, 1, 2, 7, 127, 255] },
    { off: 2, size: 2, values: [0, 1, 6, 8, 9, 0x10, 0xfff8, 0xfff9] },
  ],
  udp: [
    { off: 0, size: 2, values: [0, 53, 4789, 0xffff] },
    { off: 2, size: 2, values: [0, 53, 4789, 4790, 0xffff] },
    { off: 4, size: 2, values: LENGTHS },
    { off: 6, size: 2, values: [0, 0xffff, 1] },
  ],
  tcp: [
    { off: 0, size: 2, values: [0, 0xffff] },
    { off: 2, size: 2, values: [0, 0xffff] },
    { off: 12, size: 1, values: [0, 0x40, 0x50, 0x60, 0xf0] },
    { off: 13, size: 1, values: [0, 1, 2, 3, 4, 5, 0x12, 0x3f, 0xff] },
    { off: 16, size: 2, values: [0, 0xffff] },
  ],
  icmp: [
    { off: 0, size: 1, values: [0, 3, 4, 5, 8, 11, 12, 1, 2, 128, 129, 133, 134, 135, 136, 137] },
    { off: 1, size: 1, values: [0, 1, 4, 255] },
    { off: 2, size: 2, values: [0, 0xffff] },
    { off: 4, size: 2, values: [0, 0xffff] },
    { off: 33, size: 1, values: [0, 1, 2, 255] }, // length of a neighbour discovery option
  ],
  sctp: [{ off: 0, size: 2, values: [0, 0xffff] }],
  vxlan: [
    { off: 0, size: 1, values: [0, 8, 9, 0x88, 0xf7, 0xff] },
    { off: 2, size: 2, values: [0, 1, 0xffff] },
    { off: 4, size: 2, values: [0, 0xffff] },
    {
      off: 6,
      size: 2,
      values: [VNI.red << 8, VNI.blue << 8, VNI.green << 8, (VNI.red << 8) | 1, 0, 0xffff],
    },
  ],
};

const clone = (frame: Uint8Array, change: (b: Uint8Array) => void): Uint8Array => {
  const b = frame.slice();
  change(b);
  return b;
};

const spanAt = (frame: Uint8Array, pick: number): Span | undefined => {
  const list = spans(frame);
  return list[pick % list.length];
};

/** The nth span of these kinds. */
const spanOf = (frame: Uint8Array, pick: number, ...kinds: SpanKind[]): Span | undefined => {
  const list = spans(frame).filter((s) => kinds.includes(s.kind));
  return list[pick % list.length];
};

const insert = (frame: Uint8Array, at: number, bytes: Uint8Array): Uint8Array =>
  at > frame.length || frame.length + bytes.length > LARGEST
    ? frame
    : p.concat(frame.subarray(0, at), bytes, frame.subarray(at));

function field(r: Random): Mutation {
  const [pick, which, value, random] = [r.below(24), r.below(16), r.below(64), r.below(0x10000)];
  return {
    name: 'field',
    apply: (frame) => {
      const span = spanAt(frame, pick);
      if (!span) return frame;
      const fields = FIELDS[span.kind];
      const f = fields[which % fields.length]!;
      const at = span.off + f.off;
      if (at + f.size > frame.length) return frame;
      const near = [frame.length - span.off, get16(frame, at) + 1, get16(frame, at) - 1, random];
      const choices = [...f.values, ...near];
      const v = choices[value % choices.length]! & 0xffff;
      return clone(frame, (b) => {
        if (f.size === 2) b[at] = v >> 8;
        b[at + f.size - 1] = v;
      });
    },
  };
}

function bitFlip(r: Random): Mutation {
  const [pick, at, bit] = [r.below(24), r.below(64), 1 << r.below(8)];
  return {
    name: 'bit flip',
    apply: (frame) => {
      const span = spanAt(frame, pick);
      const i = span ? span.off + (at % (span.length + 1)) : at;
      return i < frame.length ? clone(frame, (b) => (b[i] = b[i]! ^ bit)) : frame;
    },
  };
}

function truncate(r: Random): Mutation {
  const [pick, delta, anywhere] = [r.below(24), r.below(3) - 1, r.chance(20) ? r.below(200) : -1];
  return {
    name: 'truncate',
    apply: (frame) => {
      const span = spanAt(frame, pick);
      const at = anywhere >= 0 || !span ? anywhere : span.off + span.length + delta;
      return at >= 14 && at < frame.length ? frame.slice(0, at) : frame;
    },
  };
}

function address(r: Random): Mutation {
  const [pick, which, a4, a6] = [r.below(4), r.below(5), r.pick(ODD4), r.pick(ODD6)];
  return {
    name: `address ${a4}, ${Buffer.from(p.ipBytes(a6)).toString('hex')}`,
    apply: (frame) => {
      const span = spanOf(frame, pick, 'ip4', 'ip6', 'arp');
      if (!span || span.off + span.length > frame.length) return frame;
      const size = span.kind === 'ip6' ? 16 : 4;
      const src = span.off + { ip4: 12, ip6: 8, arp: 14 }[span.kind as 'ip4' | 'ip6' | 'arp'];
      const dst = span.kind === 'arp' ? span.off + 24 : src + size;
      const odd = p.ipBytes(size === 16 ? a6 : a4);
      return clone(frame, (b) => {
        if (which < 2) b.set(odd, which ? src : dst);
        else if (which === 2)
          b.copyWithin(src, dst, dst + size); // land
        else if (which === 3) b.copyWithin(dst, src, src + size);
        else {
          const old = b.slice(src, src + size);
          b.copyWithin(src, dst, dst + size);
          b.set(old, dst);
        }
      });
    },
  };
}

function mac(r: Random): Mutation {
  const [pick, source, value] = [r.below(4), r.chance(40), p.macBytes(r.pick(ODD_MAC))];
  return {
    name: 'MAC',
    apply: (frame) => {
      const span = spanOf(frame, pick, 'eth');
      const at = (span?.off ?? 0) + (source ? 6 : 0);
      return at + 6 > frame.length ? frame : clone(frame, (b) => { b.set(value, at); }); // prettier-ignore
    },
  };
}

function tag(r: Random): Mutation {
  const count = r.pick([1, 1, 1, 2, 3]);
  const pick = r.below(3);
  const tags = Array.from({ length: count }, () =>
    p.u16(
      r.pick([TYPE.vlan, TYPE.vlan, TYPE.vlan, TYPE.qinq]),
      r.pick([0, 0, 0, 0xe000, 1, 0xfff]),
    ),
  );
  return {
    name: `${count} tags`,
    apply: (frame) => {
      const span = spanOf(frame, pick, 'eth');
      return insert(frame, (span?.off ?? 0) + 12, p.concat(...tags));
    },
  };
}

function chain(r: Random): Mutation {
  const pick = r.below(2);
  const count = r.pick([1, 2, 3, 5, 6, 7, 12]);
  const header = p.packet(p.ip6({ src: '::', dst: '::' }), ...extensions(r, count), p.raw(0));
  return {
    name: `${count} extension headers`,
    apply: (frame) => {
      const span = spanOf(frame, pick, 'ip6');
      if (!span || span.off + 40 > frame.length) return frame;
      const body = header.slice(40);
      // the last one announces what the IPv6 header did
      let last = 0;
      let next = header[6]!;
      for (let at = 0; at < body.length;) {
        last = at;
        const length =
          next === 44 ? 8 : next === 51 ? (body[at + 1]! + 2) * 4 : (body[at + 1]! + 1) * 8;
        next = body[at]!;
        at += length;
      }
      body[last] = frame[span.off + 6]!;
      const out = insert(frame, span.off + 40, body);
      return out === frame ? frame : clone(out, (b) => (b[span.off + 6] = header[6]!));
    },
  };
}

/** VXLAN around the frame once more; possibly from us, to us, or as the VTEP it came from. */
function wrap(r: Random): Mutation {
  const src = r.pick([VTEPS.v1.address, VTEPS.v2.address, DROPLET[0], '10.1.0.10', '192.0.2.66']);
  const dst = r.pick([DROPLET[0], DROPLET[0], VTEPS.v1.address, '10.1.0.11']);
  const vni = r.pick(Object.values(VNI));
  const six = r.chance(40);
  const ip = six
    ? p.ip6({ src: r.pick([VTEPS.six.address, DROPLET[1]]), dst: DROPLET[1] })
    : p.ip4({ src, dst });
  return {
    name: 'wrap',
    apply: (frame) =>
      frame.length + 70 > LARGEST
        ? frame
        : p.packet(
            p.ether({ dst: DROPLET_MAC, src: VTEPS.v1.mac }),
            ip,
            p.udp({ sport: 50000, dport: 4789, checksum: 0 }),
            p.vxlan({ vni }),
            p.raw(frame),
          ),
  };
}

function resize(r: Random): Mutation {
  const [kind, size, at] = [r.below(4), r.below(64), r.below(200)];
  const long = r.pick([1500, 1514, 3300]);
  return {
    name: ['append', 'remove', 'insert', 'fill'][kind]!,
    apply: (frame) => {
      const i = at % Math.max(1, frame.length);
      if (kind === 0) return frame.length + size > LARGEST ? frame : p.trailing(frame, size);
      if (kind === 1) {
        const rest = p.concat(frame.subarray(0, i), frame.subarray(i + size));
        return rest.length >= 14 ? rest : frame;
      }
      if (kind === 2) return insert(frame, i, new Uint8Array(size).fill(at));
      const pad = at % 3 ? 60 : long;
      return frame.length < pad ? p.concat(frame, new Uint8Array(pad - frame.length)) : frame;
    },
  };
}

const FIX_LENGTHS: Mutation = { name: 'fix lengths', apply: fixLengths };
const FIX_CHECKSUMS: Mutation = { name: 'fix checksums', apply: fixChecksums };

const KINDS: readonly ((r: Random) => Mutation)[] = [
  field, field, field, field, bitFlip, bitFlip, truncate, address, address, mac, tag, chain, wrap, resize,
]; // prettier-ignore

/** A few steps of damage, and often a repair at the end. Empty: the packet stays valid. */
export function mutations(r: Random): Mutation[] {
  if (r.chance(35)) return [];
  const list = Array.from({ length: 1 + r.below(4) }, () => r.pick(KINDS)(r));
  if (r.chance(50)) list.push(FIX_LENGTHS);
  if (r.chance(60)) list.push(FIX_CHECKSUMS);
  return list;
}

export const mutate = (frame: Uint8Array, list: readonly Mutation[]): Uint8Array =>
  list.reduce((bytes, m) => m.apply(bytes), frame);
