// SPDX-License-Identifier: Apache-2.0
/**
 * Tables of policies in maps of the kernel, written with the daemon's own encoding, and the programs
 * that ask policy_judge(). Of what has two values only the one in force is right: the other is
 * noise, so that whoever reads it is wrong.
 */
import { fileURLToPath } from 'node:url';
import { encodeValue } from '../../src/daemon/datapath/encode.js';
import { encodeKey } from '../../src/daemon/datapath/keys.js';
import type { TableName } from '../../src/daemon/calc/index.js';
import type { PolicyDelta } from '../../src/daemon/calc/policy/tables.js';
import { encode, flowKey, type FlowKey } from '../../src/maps/index.js';
import type { Random } from '../fuzz/random.js';
import { Programs, type TestMap } from '../support/programs.js';
import type { Hook } from '../support/rig.js';

const BUILD = fileURLToPath(new URL('../../build/test/', import.meta.url));
const TWO_VALUES: readonly TableName[] = ['pol_ep', 'pol_host', 'pol_net', 'pol_named'];
/** Numbers of programs and classes that may exist. */
const NOISE = 40;
const CHUNK = 65_536;

/** As verdicts.bpf.c lays it out. */
const HEADER = 16;
const QUESTION = 56;
const AT = { ep: 44, reply: 48, sends: 49, answer: 52 } as const;
export const QUESTIONS = 60;

/** One connection, as an endpoint sees it. */
export interface Question {
  readonly key: FlowKey;
  /** Index of the endpoint. */
  readonly ep: number;
  readonly reply: boolean;
  readonly sends: boolean;
}

export class PolicyMaps {
  readonly programs = new Programs();
  private epoch = 0;
  /** What has two values, by map and key. */
  private readonly values = new Map<
    string,
    { readonly key: Uint8Array; readonly value: Uint8Array }
  >();

  constructor(private readonly random: Random) {
    for (const hook of ['xdp', 'tc']) this.programs.load(`${BUILD}verdicts_${hook}.o`);
  }

  map(name: string): TestMap {
    const map = this.programs.maps.get(name);
    if (!map) throw new Error(`no map ${name}`);
    return map;
  }

  write({ upserts, removals }: Pick<PolicyDelta, 'upserts' | 'removals'>): void {
    const rows = new Map<TableName, { keys: Uint8Array[]; values: Uint8Array[] }>();
    for (const upsert of upserts) {
      const { table } = upsert;
      const key = encodeKey(table, upsert.key);
      const of = rows.get(table) ?? { keys: [], values: [] };
      rows.set(table, of);
      of.keys.push(key);
      of.values.push(this.noted(table, upsert.key, key, encodeValue(upsert)));
    }
    for (const [table, { keys, values }] of rows) this.put(table, keys, values);
    for (const { table, key } of removals) {
      this.values.delete(`${table} ${key}`);
      const bytes = encodeKey(table, key);
      const map = this.map(table);
      // of an array an entry is removed by zeros
      if (table === 'pol_ep' || table === 'pol_prog')
        map.update(bytes, new Uint8Array(map.valueSize));
      else if (!map.delete(bytes)) throw new Error(`${table} ${key} was not there`);
    }
  }

  /** The other value of everything is in force. */
  turn(): void {
    this.epoch = 1 - this.epoch;
    for (const table of TWO_VALUES) {
      const of = [...this.values]
        .filter(([id]) => id.startsWith(`${table} `))
        .map(([, one]) => one);
      const values = of.map(({ value }) => this.torn(value));
      this.put(
        table,
        of.map(({ key }) => key),
        values,
      );
    }
    this.map('pol_epoch').update(new Uint8Array(4), Uint8Array.of(this.epoch, 0, 0, 0));
  }

  /** Whether each is let through. */
  ask(hook: Hook, questions: readonly Question[]): boolean[] {
    const frame = new Uint8Array(HEADER + questions.length * QUESTION);
    frame.set([0x88, 0xb5], 12); // for experiments, IEEE 802
    const view = new DataView(frame.buffer);
    for (const [i, { key, ep, reply, sends }] of questions.entries()) {
      const at = HEADER + i * QUESTION;
      frame.set(encode(flowKey, key), at);
      view.setUint32(at + AT.ep, ep, true);
      view.setUint8(at + AT.reply, Number(reply));
      view.setUint8(at + AT.sends, Number(sends));
      view.setInt32(at + AT.answer, 1, true);
    }
    const { verdict, data } = this.programs.programs.get(`${hook}_verdicts`)!.run(frame, 0);
    if (verdict !== questions.length) throw new Error(`${verdict} of ${questions.length} answered`);
    const answers = new DataView(data.buffer, data.byteOffset, data.length);
    return questions.map((_, i) => {
      const answer = answers.getInt32(HEADER + i * QUESTION + AT.answer, true);
      if (answer > 0) throw new Error('no answer');
      return answer === 0;
    });
  }

  /** Packets that rules decided, by index of the rule. */
  hits(rules: readonly number[]): number[] {
    const map = this.map('pol_hit');
    const values = map.lookupMany(rules.map((rule) => new Uint8Array(Uint32Array.of(rule).buffer)));
    return values.map((value) =>
      Number(new BigUint64Array(value.slice().buffer).reduce((sum, one) => sum + one, 0n)),
    );
  }

  close(): void {
    this.programs.close();
  }

  private put(table: TableName, keys: readonly Uint8Array[], values: readonly Uint8Array[]): void {
    for (let i = 0; i < keys.length; i += CHUNK) {
      const part = keys.slice(i, i + CHUNK);
      const end = i + part.length;
      this.map(table).updateMany(joined(part), joined(values.slice(i, end)), part.length);
    }
  }

  private noted(table: TableName, id: string, key: Uint8Array, value: Uint8Array): Uint8Array {
    if (!TWO_VALUES.includes(table)) return value;
    this.values.set(`${table} ${id}`, { key, value });
    return this.torn(value);
  }

  /** With noise in the half that is not in force. */
  private torn(value: Uint8Array): Uint8Array {
    const out = value.slice();
    const half = out.length / 2;
    const view = new DataView(out.buffer, this.epoch === 0 ? half : 0, half);
    for (let at = 0; at < half; at += 4) view.setUint32(at, this.random.below(NOISE), true);
    return out;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const size = parts[0]?.length ?? 0;
  const out = new Uint8Array(size * parts.length);
  for (const [i, part] of parts.entries()) out.set(part, i * size);
  return out;
}
