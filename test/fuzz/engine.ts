// SPDX-License-Identifier: Apache-2.0
/**
 * Draws packets, sends them through both hooks, and collects what fails. In between, flows
 * that are right must go on to work, and the tables must keep within their bounds.
 */
import { HOOKS, type Hook } from '../support/rig.js';
import { Balance, PROGRAMS } from './balance.js';
import type { Input } from './check/check.js';
import type { Topology } from './check/topology.js';
import { PROTO, read, same } from './check/wire.js';
import { mutate, mutations } from './generate/mutations.js';
import { seed, type Seed } from './generate/seeds.js';
import type { Machine } from './machine.js';
import { bothOrders, observe } from './observe.js';
import { goodFlows } from './probes.js';
import type { Random } from './random.js';
import { kindOf, shrink, type Drawn, type Reproducer } from './shrink.js';

/** Valid packets that damage is done to; replaced one by one. */
const POOL = 2000;
/** Packets between looks at counters and known good flows. */
const BATCH = 256;
/** Batches until every record is old. */
const EPOCH = 8;
/** Kinds of failure after which a run ends: the rest is likely more of the same. */
const MAX_FAILURES = 6;

export interface Report {
  /** Program runs: each packet goes through both hooks. */
  readonly runs: number;
  readonly seconds: number;
  readonly failures: readonly Reproducer[];
  /** By program and hook: kinds of outcome and reasons. */
  readonly outcomes: Readonly<Record<string, object>>;
}

interface Good {
  readonly input: Input;
  readonly hook: Hook;
  readonly data: Uint8Array;
  readonly device: string;
}

/** What the kernel makes GSO frames of. */
function segmentable(frame: Uint8Array): boolean {
  const { ip, problem } = read(frame);
  return (
    !problem && ip?.fragment === 'whole' && (ip.protocol === PROTO.tcp || ip.protocol === PROTO.udp)
  );
}

export class Engine {
  private readonly pool: Seed[];
  private readonly failures = new Map<string, Reproducer>();
  private readonly good: readonly Good[];
  private history: Input[] = [];
  private batch: Drawn[] = [];
  private balance: Balance;
  private runs = 0;

  constructor(
    private readonly machine: Machine,
    private readonly topo: Topology,
    private readonly random: Random,
  ) {
    this.pool = Array.from({ length: POOL }, () => seed(random));
    this.good = goodFlows().flatMap((input) =>
      observe(machine, topo, input, HOOKS).seen.map(({ hook, output, judgement }) => {
        if (judgement.kind !== 'forwarded') throw new Error(`a good flow is ${judgement.kind}`);
        return { input, hook, data: output.data, device: output.device };
      }),
    );
    this.balance = new Balance(machine);
  }

  run(packets: number): Report {
    const started = Date.now();
    let batches = 0;
    while (this.runs < packets && this.failures.size < MAX_FAILURES) {
      for (let i = 0; i < BATCH; i++) this.one();
      this.endBatch();
      if (++batches % EPOCH === 0) {
        this.history = [];
        this.machine.rig.raiseGeneration();
      }
    }
    return {
      runs: this.runs,
      seconds: (Date.now() - started) / 1000,
      failures: [...this.failures.values()],
      outcomes: Object.fromEntries(
        PROGRAMS.flatMap((program) =>
          HOOKS.map((hook) => {
            const { nodes: _nodes, ...counts } = this.machine.counts(program, hook);
            return [`${program} ${hook}`, counts];
          }),
        ),
      ),
    };
  }

  private draw(): Drawn {
    const r = this.random;
    const at = r.below(POOL);
    const chosen = this.pool[at]!;
    if (r.chance(12)) this.pool[at] = seed(r);
    const steps = mutations(r);
    const frame = mutate(chosen.frame, steps);
    const gso =
      chosen.program === 'agent' && r.chance(3) && segmentable(frame)
        ? { gsoSize: r.pick([1, 100, 1246, 1258, 1260, 1272, 1400, 1410]) }
        : {};
    const input: Input = { program: chosen.program, from: chosen.from, frame, ...gso };
    return { seed: chosen.frame, steps, input, order: r.pick(bothOrders) };
  }

  private one(): void {
    const drawn = this.draw();
    const { input } = drawn;
    if (input.frame.length < 14) return;
    const { seen, problem } = observe(this.machine, this.topo, input, drawn.order);
    this.runs += seen.length;
    this.balance.add(input.program, seen);
    this.batch.push(drawn);
    if (problem) this.fail(drawn, problem);
    else this.history.push(input);
  }

  private fail(drawn: Drawn, problem: string): void {
    const kind = kindOf(problem);
    if (!this.failures.has(kind)) {
      this.failures.set(kind, shrink(this.machine, this.topo, drawn, this.history, problem));
    }
    this.history = [];
    this.batch = [];
    this.balance.begin();
  }

  private endBatch(): void {
    const wrong = this.balance.problem();
    if (wrong) this.findUnbalanced(wrong);
    for (const g of this.good) {
      const output = this.machine.run(g.hook, g.input);
      if (output?.device === g.device && same(output.data, g.data)) continue;
      const last = this.batch.at(-1);
      const problem = `${g.hook}: a flow that worked does not any more (${output?.verdict ?? 'refused'})`;
      if (last) this.fail({ ...last, steps: [], seed: g.input.frame, input: g.input }, problem);
    }
    this.batch = [];
    this.balance.begin();
  }

  /** One of the batch was counted wrong: each again, alone, from empty tables. */
  private findUnbalanced(problem: string): void {
    for (const drawn of this.batch) {
      this.machine.reset();
      const balance = new Balance(this.machine);
      balance.add(
        drawn.input.program,
        observe(this.machine, this.topo, drawn.input, drawn.order).seen,
      );
      const found = balance.problem();
      if (!found) continue;
      this.fail(drawn, found);
      return;
    }
    const last = this.batch.at(-1);
    if (last) this.fail(last, problem);
  }
}
