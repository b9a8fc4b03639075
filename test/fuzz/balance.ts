// SPDX-License-Identifier: Apache-2.0
/** received = sent + passed + punted + dropped by reason, compared with what was seen. */
import { HOOKS, type Counts, type Hook, type ProgramName } from '../support/rig.js';
import type { Machine } from './machine.js';
import { Tally, type Seen } from './observe.js';

export const PROGRAMS: readonly ProgramName[] = ['agent', 'transit'];

export class Balance {
  private readonly tallies = new Map<string, Tally>();
  private readonly since = new Map<string, Counts>();

  constructor(private readonly machine: Machine) {
    this.begin();
  }

  /** Counts from here. */
  begin(): void {
    for (const program of PROGRAMS) {
      for (const hook of HOOKS) {
        const name = `${program} ${hook}`;
        this.tallies.set(name, new Tally());
        this.since.set(name, this.machine.counts(program, hook));
      }
    }
  }

  add(program: ProgramName, seen: readonly Seen[]): void {
    for (const { hook, judgement } of seen) {
      this.tallies.get(`${program} ${hook}`)!.kinds[judgement.kind]++;
    }
  }

  /** What does not balance since begin(); empty when all does. */
  problem(): string {
    const problems: string[] = [];
    const each = (program: ProgramName, hook: Hook): void => {
      const name = `${program} ${hook}`;
      const found = this.tallies
        .get(name)!
        .problem(this.machine.counts(program, hook), this.since.get(name)!);
      if (found) problems.push(`${name}: ${found}`);
    };
    for (const program of PROGRAMS) for (const hook of HOOKS) each(program, hook);
    return problems.join('; ');
  }
}
