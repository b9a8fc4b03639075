// SPDX-License-Identifier: Apache-2.0
/** One slice of a path: our program and what it is compared with, as probes of equal kind. */
import type { Comparison, Probe } from './figure.js';
import { loopName, pathFrame, PROGRAM, runsOnce, type Loops, type Path } from './loops.js';

export interface Slices {
  /** Packets of a slice in a loop. */
  readonly loop: number;
  /** Packets of a slice where each is a call of its own. */
  readonly single: number;
}

/** A bare program; a path's packets one a call carry its whole cost, as the clock is in it. */
export function bareProbe(loops: Loops, path: Path, slices: Slices): Probe {
  const bytes = pathFrame(path);
  const program = `${path.hook}_bare`;
  if (runsOnce(path)) return () => loops.single(program, bytes, path, slices.single, 1);
  const bare = loops.program(program);
  return () => bare.run(bytes, loops.entry(path), slices.loop).durationNs;
}

/** Our program on flows it knows; an error when one packet did not take the short way. */
export function hitProbe(loops: Loops, path: Path, slices: Slices, flows: number): Probe {
  const bytes = pathFrame(path);
  if (runsOnce(path)) {
    const program = `${path.hook}_${PROGRAM[path.kind]}`;
    return () =>
      loops.through(path, 'FLOW', slices.single, () =>
        loops.single(program, bytes, path, slices.single, flows),
      );
  }
  return () =>
    loops.through(path, 'FLOW', slices.loop, () =>
      loops.slice(loopName('hit', path), bytes, loops.entry(path), slices.loop, flows),
    );
}

/** Our program on flows it has never seen; an error when one did not walk, or was dropped. */
export function walkProbe(loops: Loops, path: Path, slices: Slices): Probe {
  const bytes = pathFrame(path);
  if (runsOnce(path)) {
    const program = `${path.hook}_${PROGRAM[path.kind]}`;
    return () =>
      loops.through(path, 'WALK', slices.single, () =>
        loops.single(program, bytes, path, slices.single, 'new'),
      );
  }
  return () =>
    loops.through(path, 'WALK', slices.loop, () =>
      loops.slice(loopName('walk', path), bytes, loops.entry(path), slices.loop, 'new'),
    );
}

/** A yardstick in the same loop, or by itself when the path runs one packet a call. */
export function yardstickProbe(
  loops: Loops,
  path: Path,
  what: 'nothing' | 'lookup' | 'read' | 'insert' | 'fib' | 'minimal',
  slices: Slices,
  flows: number | 'new',
): Probe {
  const near: Path = { ...path, kind: 'near', outer: 0 };
  if (runsOnce(path)) {
    if (what === 'nothing') return bareProbe(loops, path, slices);
    if (what === 'minimal') {
      const bytes = pathFrame(minimalPath(path));
      return () => loops.single(`${path.hook}_min_encap_once`, bytes, path, slices.single, flows);
    }
    const bytes = pathFrame(near);
    const program = `${path.hook}_${what}_once_0${path.inner}`;
    return () => loops.single(program, bytes, near, slices.single, flows);
  }
  const bytes = pathFrame(what === 'minimal' ? minimalPath(path) : path);
  return () => loops.slice(loopName(what, path), bytes, loops.entry(path), slices.loop, flows);
}

/** The minimal programs know IPv4 in IPv4 only. */
const minimalPath = (path: Path): Path => ({
  ...path,
  outer: path.kind === 'near' ? 0 : 4,
  inner: 4,
});

/** Whether a minimal program does the same work, but for the inner family. */
export const hasMinimal = (path: Path): boolean =>
  path.outer !== 6 && !(runsOnce(path) && path.kind === 'decap');

export const OVER_BARE: Comparison = { name: 'over a bare program', to: 'bare' };
/** The loop, or the bare call, is in both: what is left is the work. */
export const overWork = (name: string, to: string): Comparison[] => [
  { name: `${name}, whole`, to },
  { name, to, less: 'nothing' },
];
