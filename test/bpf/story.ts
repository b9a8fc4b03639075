// SPDX-License-Identifier: Apache-2.0
/**
 * Packets of one connection, sent one after the other to a rig with an outside, on each hook. What
 * left is read by one run of tshark at the end: under emulation each takes seconds.
 */
import { test, type Test } from 'tap';
import { decode, differences, type ExpectedLayer } from '../support/decode.js';
import { addOutside, type OutsideSpec } from '../support/outside.js';
import { HOOKS, Rig, type Hook, type Outcome, type ProgramName } from '../support/rig.js';
import { WORLD } from './world.js';

const ETHERNET = 14;

/** Without what is chosen anew for each packet: an IPv4 identification where DF is not set. */
function comparable(frame: Uint8Array): Buffer {
  const bytes = Buffer.from(frame);
  const isIp4 = bytes.length >= ETHERNET + 20 && bytes.readUInt16BE(12) === 0x0800;
  if (!isIp4 || bytes.readUInt16BE(ETHERNET + 6) & 0x4000) return bytes;
  bytes.writeUInt16BE(0, ETHERNET + 4);
  bytes.writeUInt16BE(0, ETHERNET + 10);
  return bytes;
}

/** Source port, or identifier of an echo, of a packet without options. */
export function numberOf(o: Outcome): number {
  const view = new DataView(o.data.buffer, o.data.byteOffset);
  const v6 = view.getUint16(12) === 0x86dd;
  const protocol = view.getUint8(v6 ? 20 : 23);
  const echo = protocol === 1 || protocol === 58;
  return view.getUint16((v6 ? 54 : 34) + (echo ? 4 : 0));
}

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

  /** Sent as these layers; twice, the second time by a record. */
  sent(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    out: readonly ExpectedLayer[],
  ): Outcome {
    const o = this.once(what, program, from, frame, out);
    const again = this.run(program, from, frame);
    this.t.equal(again.counts.nodes.FLOW ?? 0, 1, `${this.hook}: ${what}: then by its record`);
    this.t.ok(
      comparable(o.data).equals(comparable(again.data)),
      `${this.hook}: ${what}: the same bytes`,
    );
    return o;
  }

  /** The same for what makes no record, or has none to go by. */
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
    this.leaves(what, o, out);
    return o;
  }

  /** Refused; whether its sender is told is another question. */
  refused(
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

  /** Refused without a word. */
  dropped(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    reason: string,
  ): Outcome {
    const o = this.refused(what, program, from, frame, reason);
    this.t.equal(o.counts.generated, 0, `${this.hook}: ${what}: nobody is told`);
    return o;
  }

  /** Refused, and its sender gets these layers. */
  told(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    reason: string,
    out: readonly ExpectedLayer[],
  ): Outcome {
    const o = this.run(program, from, frame);
    this.t.equal(o.reason, reason, `${this.hook}: ${what}`);
    this.t.equal(o.counts.generated, 1, `${this.hook}: ${what}: its sender is told`);
    this.leaves(what, o, out);
    return o;
  }
}

export class Stories {
  private readonly told: {
    readonly name: string;
    readonly tell: (s: Story) => void;
    readonly spec: Partial<OutsideSpec>;
  }[] = [];

  private readonly left: Left[] = [];
  private current: { readonly key: string; readonly rig: Rig } | undefined;

  constructor(private readonly outside: OutsideSpec) {}

  story(name: string, tell: (s: Story) => void, spec: Partial<OutsideSpec> = {}): void {
    this.told.push({ name, tell, spec });
  }

  /** Declares the tests. */
  run(): void {
    for (const hook of HOOKS)
      for (const { name, tell, spec } of this.told)
        test(`${hook}: ${name}`, (t) => {
          tell(new Story(t, hook, this.rigFor(hook, spec), this.left));
          t.end();
        });
    test('what left, as tshark reads it', (t) => {
      this.current?.rig.close();
      const decoded = decode(this.left.map((l) => l.bytes));
      this.left.forEach(({ what, out }, i) => {
        t.same(differences(decoded[i]!, out), [], what);
      });
      t.end();
    });
  }

  /**
   * Loading takes seconds under emulation, and maps take memory: stories of one configuration and
   * hook share a rig, and there is one at a time.
   */
  private rigFor(hook: Hook, spec: Partial<OutsideSpec>): Rig {
    const key = `${hook} ${JSON.stringify(spec)}`;
    if (this.current?.key === key) return this.current.rig;
    this.current?.rig.close();
    const rig = new Rig(WORLD);
    this.current = { key, rig };
    addOutside(rig, { ...this.outside, ...spec });
    return rig;
  }
}
