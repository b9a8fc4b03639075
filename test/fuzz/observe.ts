// SPDX-License-Identifier: Apache-2.0
/** Sends one packet through both hooks, judges each, and asks that they agree. */
import { HOOKS, type Counts, type Hook } from '../support/rig.js';
import { judge, type Input, type Judgement, type Kind, type Output } from './check/check.js';
import type { Topology } from './check/topology.js';
import { get32, hex, read, same } from './check/wire.js';
import type { Machine } from './machine.js';

export interface Seen {
  readonly hook: Hook;
  readonly output: Output;
  readonly judgement: Judgement;
}

export interface Observation {
  readonly seen: readonly Seen[];
  /** Empty when every invariant holds. */
  readonly problem: string;
}

/** Green may send hardly any errors: whether one is sent depends on time. */
const LIMITED_VNI = 300;

function limited(input: Input, seen: Seen): boolean {
  if (input.program === 'agent') return input.from.startsWith('green');
  const { ip, bytes } = read(seen.output.data);
  return ip !== undefined && get32(bytes, ip.l4 + 12) >>> 8 === LIMITED_VNI;
}

/** ICMP errors that differ in their checksum alone: judged by replies.ts, hook by hook. */
function onlyChecksum(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const first = a.findIndex((byte, i) => byte !== b[i]);
  return a.findLastIndex((byte, i) => byte !== b[i]) - first <= 1;
}

function disagreement(input: Input, one: Seen, two: Seen): string {
  const kinds = [one.judgement.kind, two.judgement.kind];
  if (kinds[0] !== kinds[1]) {
    const error = [one, two].find((s) => s.judgement.kind === 'error');
    if (error && kinds.includes('dropped') && limited(input, error)) return '';
    return `${one.hook} ${kinds[0]!}, ${two.hook} ${kinds[1]!}`;
  }
  if (kinds[0] === 'dropped') return '';
  if (one.output.device !== two.output.device) return 'the hooks send to different devices';
  if (same(one.output.data, two.output.data)) return '';
  if (kinds[0] === 'error' && onlyChecksum(one.output.data, two.output.data)) return '';
  return `the hooks' bytes differ: ${one.hook} ${hex(one.output.data)}, ${two.hook} ${hex(two.output.data)}`;
}

/** order: which hook comes first, and so makes the flow record that the other finds. */
export function observe(
  machine: Machine,
  topo: Topology,
  input: Input,
  order: readonly Hook[],
): Observation {
  const seen: Seen[] = [];
  for (const hook of input.gsoSize ? (['tc'] as const) : order) {
    const output = machine.run(hook, input);
    if (output) seen.push({ hook, output, judgement: judge(input, output, hook, topo) });
  }
  const wrong = seen.find((s) => s.judgement.problem);
  if (wrong) return { seen, problem: `${wrong.hook}: ${wrong.judgement.problem}` };
  const [one, two] = seen;
  return { seen, problem: one && two ? disagreement(input, one, two) : '' };
}

/** What the counters of one program on one hook must be. */
export class Tally {
  readonly kinds: Record<Kind, number> = {
    dropped: 0,
    passed: 0,
    forwarded: 0,
    answered: 0,
    error: 0,
  };

  /** What does not balance; empty when all does. since: the counters before. */
  problem(counts: Counts, since: Counts): string {
    const k = this.kinds;
    const diff = (
      name: 'received' | 'sent' | 'passed' | 'punted' | 'generated' | 'dropped',
    ): number => counts[name] - since[name];
    const all = k.dropped + k.passed + k.forwarded + k.answered + k.error;
    const expected: readonly (readonly [Parameters<typeof diff>[0], number])[] = [
      ['received', all],
      ['sent', k.forwarded + k.answered],
      ['passed', k.passed],
      ['punted', 0],
      ['generated', k.error],
      ['dropped', k.dropped + k.error],
    ];
    const wrong = expected.filter(([name, value]) => diff(name) !== value);
    const reasons = ['UNSPEC', 'INTERNAL'].filter((r) => counts.drops[r]);
    return [
      ...wrong.map(([name, value]) => `${name} is counted ${diff(name)} times, not ${value}`),
      ...reasons.map((r) => `dropped for ${r}`),
    ].join(', ');
  }
}

export const bothOrders: readonly (readonly Hook[])[] = [HOOKS, [...HOOKS].reverse()];
