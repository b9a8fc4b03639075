// SPDX-License-Identifier: Apache-2.0
/** Compiled programs, evaluated as the data path does it, against their rules read one by one. */
import fc from 'fast-check';
import { test } from 'tap';
import { bitsText, type Bits } from '../../src/daemon/calc/policy/bits.js';
import {
  classRows,
  compileBlock,
  type CompiledBlock,
} from '../../src/daemon/calc/policy/compile.js';
import { cutProgram, type Draft } from '../../src/daemon/calc/policy/cut.js';
import type {
  ResolvedProgram,
  ResolvedRule,
  ResolvedSide,
} from '../../src/daemon/calc/policy/types.js';
import { ABI, POL_DIM } from '../../src/maps/index.js';
import { interpret, type Judgement, type PolicyPacket } from '../support/interpret.js';
import { NAMES, packet, program } from '../support/policy-programs.js';

const RUNS = Number(process.env.TRANSIT_RUNS ?? 3000);
const VNI = 100;
const ANY: ResolvedSide = { sets: [], notSets: [] };

/** The rules of a packet in a dimension, found as the program finds them. */
function rowOf(block: CompiledBlock, dim: number, packet: PolicyPacket): Bits {
  const row = (value: number, family = 0): Bits | undefined =>
    block.rows.find((r) => r.dim === dim && r.family === family && r.value === value)?.bits;
  const ofClass = (sets: readonly string[]): Bits | undefined =>
    classRows(block, new Set(sets)).find((r) => r.dim === dim)?.bits;
  const other = block.other[dim]!;
  const { source, destination, family } = packet;
  switch (dim) {
    case POL_DIM.PROTO: {
      const { protocol, icmp } = packet;
      const type = icmp && (protocol | ABI.POL_ICMP_TYPE | (icmp.type << 16)) >>> 0;
      const code = icmp && (type! | ABI.POL_ICMP_CODE | (icmp.code << 24)) >>> 0;
      for (const value of [code, type, protocol]) {
        const found = value === undefined ? undefined : row(value, family);
        if (found !== undefined) return found;
      }
      return family === 4 ? other : block.other[ABI.POL_PROTO6]!;
    }
    case POL_DIM.SPORT:
    case POL_DIM.DPORT: {
      const { port } = dim === POL_DIM.SPORT ? source : destination;
      if (port === undefined) return other;
      const exact = row(port);
      if (exact !== undefined) return exact;
      if ((block.dims & (1 << (ABI.POL_RANGES + dim))) === 0) return other;
      const [longest] = block.ports
        .filter((r) => r.dim === dim && r.port >> (16 - r.bits) === port >> (16 - r.bits))
        .sort((a, b) => b.bits - a.bits);
      return longest === undefined ? other : row(ABI.POL_RANGE | longest.class)!;
    }
    case POL_DIM.SRC:
      return ofClass(source.sets) ?? other;
    case POL_DIM.DST:
      return ofClass(destination.sets) ?? other;
    case POL_DIM.NSRC:
      return ofClass(source.named) ?? other;
    default:
      return ofClass(destination.named) ?? other;
  }
}

function evaluate(drafts: readonly Draft[], packet: PolicyPacket): Judgement {
  const before: string[] = [];
  let skip = false;
  for (const draft of drafts) {
    if (draft.first) skip = false;
    if (skip) continue;
    const block = compileBlock(draft);
    const met = new Uint32Array(ABI.POL_RULES / 32).fill(0xffffffff);
    if (block.dims === 0) throw new Error('no dimension says which places there are');
    for (let dim = 0; dim < POL_DIM.DIMS; dim++) {
      if ((block.dims & (1 << dim)) === 0) continue;
      const row = rowOf(block, dim, packet);
      for (let i = 0; i < met.length; i++) met[i]! &= row[i]!;
    }
    for (let place = 0; place < ABI.POL_RULES; place++) {
      if ((met[place >> 5]! & (1 << (place & 31))) === 0) continue;
      const { action, identity } = block.rules[place]!;
      if (action === 'allow' || action === 'deny') return { verdict: action, identity, before };
      before.push(identity);
      if (action === 'pass') {
        skip = true;
        break;
      }
    }
  }
  return { verdict: 'deny', identity: undefined, before };
}

function blocksOf(of: ResolvedProgram, vni = VNI): readonly Draft[] {
  const cut = cutProgram(of, vni);
  if (cut.kind !== 'blocks') throw new Error('too many rules');
  return cut.blocks;
}

test(`${RUNS} programs judge packets as their rules do`, (t) => {
  fc.assert(
    fc.property(program, fc.array(packet, { minLength: 8, maxLength: 8 }), (rules, packets) => {
      const drafts = blocksOf(rules);
      for (const one of packets) {
        const expected = JSON.stringify(interpret(rules, one));
        const got = JSON.stringify(evaluate(drafts, one));
        if (expected !== got) throw new Error(`${expected} became ${got}: ${JSON.stringify(one)}`);
      }
    }),
    { numRuns: RUNS },
  );
  t.end();
});

const plain = (i: number): ResolvedRule => ({
  action: 'allow',
  identity: `Policy/p${i}/ingress/0`,
  protocol: 6,
  source: { sets: [`100 n 10.${i >> 8}.${i & 255}.0/24`], notSets: [] },
  destination: { ...ANY, ports: { ranges: [{ from: i, to: i }], named: [] } },
});

test('large programs, cut where their rules say', (t) => {
  const rules = Array.from({ length: 4000 }, (_, i) => plain(i));
  const before = blocksOf([rules]);
  t.ok(before.length > 8 && before.length < 32, `${before.length} blocks`);
  for (const { places } of before.slice(0, -1))
    t.ok(places.length >= 128 && places.length <= ABI.POL_RULES);
  t.equal(before.filter(({ first }) => first).length, 1);
  let changed = 0;
  for (let at = 0; at < 4000; at += 100) {
    const after = blocksOf([[...rules.slice(0, at), plain(50_000 + at), ...rules.slice(at)]]);
    const known = new Set(before.map(({ name }) => name));
    changed += after.filter(({ name }) => !known.has(name)).length;
  }
  t.ok(changed / 40 < 3, `${changed / 40} blocks changed by a rule on average`);
  const at = (i: number): PolicyPacket => ({
    family: 4,
    protocol: 6,
    icmp: undefined,
    source: { port: 1, sets: [`100 n 10.${i >> 8}.${i & 255}.0/24`], named: [] },
    destination: { port: i, sets: [], named: [] },
  });
  for (const i of [0, 700, 3999])
    t.match(evaluate(before, at(i)), { verdict: 'allow', identity: `Policy/p${i}/ingress/0` });
  t.match(evaluate(before, { ...at(7), source: at(8).source }), { verdict: 'deny' });
  t.end();
});

test('a program has a limit', (t) => {
  const rules = Array.from({ length: 40_000 }, (_, i) => plain(i));
  t.match(cutProgram([rules], VNI), { kind: 'too-many-rules', limit: ABI.POL_BLOCKS });
  t.equal(cutProgram([rules.slice(0, 12_000)], VNI).kind, 'blocks');
  t.same(cutProgram([], VNI), { kind: 'blocks', blocks: [] });
  t.equal(blocksOf(Array.from({ length: 64 }, (_, i) => [plain(i)])).length, 64);
  t.equal(
    cutProgram(
      Array.from({ length: 65 }, (_, i) => [plain(i)]),
      VNI,
    ).kind,
    'too-many-rules',
  );
  t.end();
});

test('names say the content', (t) => {
  const name = (rules: readonly ResolvedRule[], vni = VNI): string | undefined =>
    blocksOf([rules], vni)[0]?.name;
  t.equal(name([plain(1)]), name([{ ...plain(1) }]));
  const source = { sets: ['b', 'a', 'b'], notSets: [] };
  const other = { sets: ['a', 'b'], notSets: [] };
  t.equal(name([{ ...plain(1), source }]), name([{ ...plain(1), source: other }]));
  t.not(name([plain(1)]), name([plain(2)]));
  t.not(name([plain(1)]), name([plain(1)], VNI + 1));
  t.not(name([plain(1)]), name([{ ...plain(1), action: 'deny' }]));
  t.not(name([plain(1)]), name([{ ...plain(1), identity: 'other' }]));
  t.end();
});

test('mixed ports become places', (t) => {
  const mixed = { ...ANY, ports: { ranges: [{ from: 1, to: 9 }], named: [NAMES[0]!] } };
  const places = (does: ResolvedRule['action']) =>
    blocksOf([[{ ...plain(1), action: does, source: mixed, destination: mixed }]])[0]!.places;
  t.equal(places('allow').length, 4);
  t.equal(places('log').length, 4, 'and only one of them is met');
  t.same(places('log')[3]?.source.notPorts, [{ from: 1, to: 9 }]);
  t.end();
});

test('ranges become few classes', (t) => {
  const rules = [
    { from: 1000, to: 1999 },
    { from: 1500, to: 1500 },
    { from: 3000, to: 3999 },
  ].map((one, i): ResolvedRule => ({
    ...plain(i),
    source: ANY,
    destination: { ...ANY, ports: { ranges: [one], named: [] } },
  }));
  const block = compileBlock(blocksOf([rules])[0]!);
  const bit = (dim: number): number => 1 << dim;
  t.equal(
    block.dims,
    (bit(POL_DIM.PROTO) |
      bit(POL_DIM.DPORT) |
      bit(ABI.POL_RANGES + POL_DIM.DPORT) |
      ABI.POL_PORTS_FIRST) >>>
      0,
    'no rule is met without its port, and nothing else tells them apart',
  );
  t.same([...new Set(block.ports.map((one) => one.class))], [1, 2]);
  const exact = block.rows.find(({ dim, value }) => dim === POL_DIM.DPORT && value === 1500);
  t.equal(bitsText(exact!.bits).split(',')[0], '3', 'with the range around it');
  t.equal(
    block.ports.some(({ port: first }) => first === 1501),
    false,
    'which goes on behind it',
  );
  t.end();
});
