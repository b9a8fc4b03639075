// SPDX-License-Identifier: Apache-2.0
/**
 * Makes a failing packet small: steps of damage are left out, then packets that came before
 * it, then bytes. Every attempt starts from empty tables.
 */
import { decode } from '../support/decode.js';
import type { Hook } from '../support/rig.js';
import { Balance } from './balance.js';
import type { Input } from './check/check.js';
import type { Topology } from './check/topology.js';
import { hex } from './check/wire.js';
import { mutate, type Mutation } from './generate/mutations.js';
import type { Machine } from './machine.js';
import { observe } from './observe.js';

/** A packet as it was drawn, so that its damage can be undone. */
export interface Drawn {
  readonly seed: Uint8Array;
  readonly steps: readonly Mutation[];
  readonly input: Input;
  readonly order: readonly Hook[];
}

export interface Reproducer {
  readonly problem: string;
  readonly before: readonly Input[];
  readonly input: Input;
  readonly order: readonly Hook[];
  /** Names of the steps of damage that were needed. */
  readonly steps: readonly string[];
  /** Whether it fails again from empty tables. */
  readonly repeats: boolean;
}

/** The problem without numbers: what must stay the same while a packet shrinks. */
export const kindOf = (problem: string): string =>
  problem
    .replace(/^(xdp|tc): /, '')
    .replace(/\b(0x)?[0-9a-f]*\d[0-9a-f]*\b/g, '#')
    .slice(0, 80);

class Attempts {
  constructor(
    private readonly machine: Machine,
    private readonly topo: Topology,
    private readonly order: readonly Hook[],
    private readonly kind: string,
  ) {}

  /** The problem when it is still the same kind, else undefined. */
  try(before: readonly Input[], input: Input): string | undefined {
    this.machine.reset();
    for (const b of before) observe(this.machine, this.topo, b, this.order);
    const balance = new Balance(this.machine);
    const seen = observe(this.machine, this.topo, input, this.order);
    balance.add(input.program, seen.seen);
    const problem = seen.problem || balance.problem();
    return kindOf(problem) === this.kind ? problem : undefined;
  }
}

/** Leaves out ever smaller parts of a list while it still fails. */
function fewer<T>(list: readonly T[], fails: (list: readonly T[]) => boolean): readonly T[] {
  let out = list;
  for (let size = Math.ceil(list.length / 2); size >= 1;) {
    let removed = false;
    for (let at = out.length - size; at > -size; at -= size) {
      const rest = [...out.slice(0, Math.max(0, at)), ...out.slice(Math.max(0, at) + size)];
      if (rest.length < out.length && fails(rest)) {
        out = rest;
        removed = true;
      }
    }
    if (size === 1 && !removed) break;
    if (!removed || size > 1) size = Math.max(1, Math.floor(size / 2));
  }
  return out;
}

/** Cuts the tail and clears bytes while it still fails. */
function plainer(frame: Uint8Array, fails: (frame: Uint8Array) => boolean): Uint8Array {
  let out = frame;
  for (let size = 1 << 11; size >= 1; size >>= 1) {
    while (out.length - size >= 14 && fails(out.slice(0, out.length - size))) {
      out = out.slice(0, out.length - size);
    }
  }
  for (let size = 256; size >= 1; size >>= 1) {
    for (let at = 14; at < out.length; at += size) {
      const part = out.subarray(at, at + size);
      if (part.every((b) => b === 0)) continue;
      const clear = out.slice();
      clear.fill(0, at, at + size);
      if (fails(clear)) out = clear;
    }
  }
  return out;
}

export function shrink(
  machine: Machine,
  topo: Topology,
  drawn: Drawn,
  history: readonly Input[],
  problem: string,
): Reproducer {
  const attempts = new Attempts(machine, topo, drawn.order, kindOf(problem));
  const { order } = drawn;
  let { input } = drawn;
  let before: readonly Input[] = [];
  if (attempts.try([], input) === undefined) {
    if (attempts.try(history, input) === undefined) {
      const steps = drawn.steps.map((s) => s.name);
      return { problem, before: history.slice(-5), input, order, steps, repeats: false };
    }
    before = fewer(history, (list) => attempts.try(list, input) !== undefined);
  }
  const steps = fewer(drawn.steps, (list) => {
    const frame = mutate(drawn.seed, list);
    return frame.length >= 14 && attempts.try(before, { ...input, frame }) !== undefined;
  });
  const undone = mutate(drawn.seed, steps);
  if (attempts.try(before, { ...input, frame: undone }) !== undefined)
    input = { ...input, frame: undone };
  const frame = plainer(
    input.frame,
    (f) => attempts.try(before, { ...input, frame: f }) !== undefined,
  );
  input = { ...input, frame };
  return {
    problem: attempts.try(before, input) ?? problem,
    before,
    input,
    order,
    steps: steps.map((s) => s.name),
    repeats: true,
  };
}

/** tshark's view in one line. */
function summary(frame: Uint8Array): string {
  const [decoded] = decode([frame]);
  const text = (layer: object): string =>
    Object.entries(layer)
      .filter(([key, value]) => value !== undefined && key !== 'layer' && key !== 'quoted')
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(' ');
  return (decoded?.layers ?? []).map((l) => `${l.layer}(${text(l)})`).join(' ');
}

/** A report that ends in a row for corpus.ts. */
export function render(r: Reproducer, seed: number): string {
  const row = (input: Input): string[] => [
    `    program: '${input.program}',`,
    `    from: '${input.from}',`,
    ...(input.gsoSize ? [`    gsoSize: ${input.gsoSize},`] : []),
  ];
  return [
    `TRANSIT_SEED=${seed}: ${r.problem.slice(0, 2000)}`,
    `damage that was needed: ${r.steps.join(', ') || 'none'}; hooks in order: ${r.order.join(', ')}`,
    ...(r.repeats ? [] : ['it did not fail again from empty tables: the row below may pass']),
    `in: ${summary(r.input.frame)}`,
    '  {',
    `    name: '${kindOf(r.problem).replaceAll("'", '’')}',`,
    ...row(r.input),
    ...(r.before.length
      ? [
          '    before: [',
          ...r.before.map(
            (b) =>
              `      { program: '${b.program}', from: '${b.from}', frame: '${hex(b.frame)}' },`,
          ),
          '    ],',
        ]
      : []),
    `    frame: '${hex(r.input.frame)}',`,
    '  },',
  ].join('\n');
}
