// SPDX-License-Identifier: Apache-2.0
/** Packets that are sent one after the other through a rig, on each hook; read by tshark at the end. */
import { test, type Test } from 'tap';
import { decode, differences, type ExpectedLayer } from '../support/decode.js';
import { HOOKS, Rig, type Hook, type Outcome, type ProgramName } from '../support/rig.js';
import { WORLD } from './world.js';

interface Left {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly out: readonly ExpectedLayer[];
}

export class Story {
  constructor(
    readonly t: Test,
    readonly hook: Hook,
    readonly rig: Rig,
    private readonly left: Left[],
  ) {}

  run(program: ProgramName, from: string, frame: Uint8Array): Outcome {
    const o = this.rig.run(program, this.hook, from, frame);
    const { counts } = o;
    this.t.equal(counts.sent + counts.passed + counts.punted + counts.dropped, 1, 'counted once');
    return o;
  }

  /** What must be in what left. */
  leaves(what: string, o: Outcome, out: readonly ExpectedLayer[]): void {
    this.left.push({ what: `${this.hook}: ${what}`, bytes: o.data, out });
  }

  /** Sent as these layers. */
  once(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    out: readonly ExpectedLayer[],
  ): Outcome {
    const o = this.run(program, from, frame);
    this.t.equal(o.reason, undefined, `${this.hook}: ${what}: not dropped`);
    this.t.equal(o.verdict, 'sent', `${this.hook}: ${what}: sent`);
    this.left.push({ what: `${this.hook}: ${what}`, bytes: o.data, out });
    return o;
  }

  /** Sent as these layers; twice, the second time by a record. */
  sent(...[what, program, from, frame, out]: Parameters<Story['once']>): Outcome {
    const o = this.once(what, program, from, frame, out);
    const again = this.run(program, from, frame);
    this.t.equal(again.counts.nodes.FLOW ?? 0, 1, `${this.hook}: ${what}: then by its record`);
    this.t.ok(Buffer.from(o.data).equals(again.data), `${this.hook}: ${what}: the same bytes`);
    return o;
  }

  dropped(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    reason: string,
  ): Outcome {
    const o = this.run(program, from, frame);
    this.t.equal(o.reason, reason, `${this.hook}: ${what}`);
    return o;
  }

  /** The error that a dropped packet was answered with. */
  told(
    ...[what, program, from, frame, reason, out]: [
      ...Parameters<Story['dropped']>,
      readonly ExpectedLayer[],
    ]
  ): Outcome {
    const o = this.dropped(what, program, from, frame, reason);
    this.left.push({ what: `${this.hook}: ${what}`, bytes: o.data, out });
    return o;
  }
}

/** Stories of one configuration: a rig for each hook, one at a time. */
export class Stories {
  readonly #told: { readonly name: string; readonly tell: (s: Story) => void }[] = [];

  constructor(private readonly configure: (rig: Rig) => void) {}

  tell(name: string, tell: (s: Story) => void): void {
    this.#told.push({ name, tell });
  }

  /** Makes the tests. */
  run(): void {
    const left: Left[] = [];
    let current: { readonly hook: Hook; readonly rig: Rig } | undefined;
    const rigFor = (hook: Hook): Rig => {
      if (current?.hook === hook) return current.rig;
      current?.rig.close();
      const rig = new Rig(WORLD);
      this.configure(rig);
      current = { hook, rig };
      return rig;
    };
    for (const hook of HOOKS)
      for (const { name, tell } of this.#told)
        test(`${hook}: ${name}`, (t) => {
          tell(new Story(t, hook, rigFor(hook), left));
          t.end();
        });
    test('what left, as tshark reads it', (t) => {
      current?.rig.close();
      const read = decode(left.map(({ bytes }) => bytes));
      left.forEach(({ what, out }, i) => {
        t.same(differences(read[i]!, out), [], what);
      });
      t.end();
    });
  }
}
