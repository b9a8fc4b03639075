// SPDX-License-Identifier: Apache-2.0
/** The programs with a record of where they send packets, in WORLD, and the state they keep. */
import { fileURLToPath } from 'node:url';
import {
  objectPath,
  Rig,
  type Counts,
  type Hook,
  type ProgramName,
  type RigSettings,
} from '../support/rig.js';
import type { TestMap } from '../support/programs.js';
import type { World } from '../support/world.js';
import type { Input, Output } from './check/check.js';

const BUILD = fileURLToPath(new URL('../../build/fuzz/', import.meta.url));
const OBJECTS = ['transit_xdp', 'transit_tc', 'agent_xdp', 'agent_tc'];

const ZERO = new Uint8Array(4);

/** Lets a frame stand for as many segments as its size needs. */
const gso = (input: Input): { size: number; segments: number } | undefined =>
  input.gsoSize
    ? { size: input.gsoSize, segments: Math.ceil(input.frame.length / input.gsoSize) }
    : undefined;

export class Machine {
  readonly rig: Rig;
  /** Frames that BPF_PROG_TEST_RUN refused to run. */
  refused = 0;
  private readonly redirect: TestMap;
  private readonly names: ReadonlyMap<number, string>;

  constructor(world: World, settings: RigSettings = {}) {
    const objects = OBJECTS.map((name) => `${BUILD}${name}.o`);
    this.rig = new Rig(world, settings, [...objects, objectPath('age')]);
    this.redirect = this.rig.map('fuzz_redirect');
    this.names = new Map([...this.rig.index.devices].map(([name, index]) => [index, name]));
  }

  /** Undefined when the kernel does not run such a frame (on tc, cut within an IP header). */
  run(hook: Hook, input: Input): Output | undefined {
    this.redirect.update(ZERO, new Uint8Array(this.redirect.valueSize));
    let result;
    try {
      result = this.rig.inject(input.program, hook, input.from, input.frame, gso(input));
    } catch (error) {
      if (hook === 'xdp') throw error;
      this.refused++;
      return undefined;
    }
    const [calls = 0, to = 0] = new Uint32Array(this.redirect.lookup(ZERO)!.buffer);
    const device = calls === 1 ? (this.names.get(to) ?? 'unknown') : '';
    return { ...result, device: calls > 1 ? 'several' : device };
  }

  counts(program: ProgramName, hook: Hook): Counts {
    return this.rig.counts(program, hook);
  }

  /** Entries of a map. */
  entries(map: string): number {
    return this.rig.map(map).keys().length;
  }

  /** Forgets what packets left behind. */
  reset(): void {
    for (const name of ['flow', 'frag']) this.rig.map(name).clear();
    this.rig.raiseGeneration();
  }

  close(): void {
    this.rig.close();
  }
}
