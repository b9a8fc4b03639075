// SPDX-License-Identifier: Apache-2.0
/**
 * A run as JSON lines under build/bench/: first the machine and the sources, then a line a
 * figure with every round of it. bench/run.sh names the file (BENCH_FILE), so that the parts of
 * one run share it; a part started by hand makes its own.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { dirname } from 'node:path';
import { OWN, ownSummary, ratioSummary, type Figure } from './figure.js';
import { shortSummary, type Summary } from './stats.js';

export interface RunHeader {
  readonly type: 'run';
  readonly date: string;
  /** Of the sources, with "-dirty" when they were changed. */
  readonly commit: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cpus: number;
}

/** A part began: how busy the machine was. */
export interface PartHeader {
  readonly type: 'part';
  readonly part: string;
  readonly date: string;
  readonly load1: number;
}

export interface FigureLine extends Figure {
  readonly type: 'figure';
  readonly summary: Summary;
  readonly ratios: Readonly<Record<string, Summary>>;
}

type Line = RunHeader | PartHeader | FigureLine;

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** "unknown" outside a git checkout. */
function commit(): string {
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', 'bpf', 'src', 'native');
    return git('rev-parse', '--short=7', 'HEAD').trim() + (changed ? '-dirty' : '');
  } catch {
    return 'unknown';
  }
}

const sortable = (date: Date): string => date.toISOString().replace(/:/g, '-').slice(0, 19);

export class Journal {
  readonly path: string;

  constructor(part: string) {
    const now = new Date();
    this.path = process.env.BENCH_FILE ?? `build/bench/${sortable(now)}-${commit()}.jsonl`;
    mkdirSync(dirname(this.path), { recursive: true });
    if (!existsSync(this.path)) {
      this.#append({
        type: 'run',
        date: now.toISOString(),
        // the sources measured may be another checkout's
        commit: process.env.BENCH_COMMIT ?? commit(),
        kernel: release(),
        cpu: cpus()[0]?.model ?? 'unknown',
        cpus: cpus().length,
      });
    }
    this.#append({ type: 'part', part, date: now.toISOString(), load1: loadavg()[0] ?? 0 });
  }

  write(figure: Figure): void {
    const summary = ownSummary(figure);
    const ratios = Object.fromEntries(
      figure.compare.map((c) => [c.name, ratioSummary(figure, c)] as const),
    );
    this.#append({ type: 'figure', ...figure, summary, ratios });
    if (process.stderr.isTTY) console.error(`bench: ${figure.id}: ${shortSummary(summary)}`);
  }

  #append(line: Line): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}

export interface Run {
  readonly header: RunHeader;
  readonly parts: readonly PartHeader[];
  readonly figures: readonly FigureLine[];
}

/** Several files as one run; of a figure that is in more than one, the last counts. */
export function readRuns(paths: readonly string[]): Run {
  const runs = paths.map(readRun);
  const first = runs[0];
  if (!first) throw new Error('no file');
  const figures = new Map(runs.flatMap((r) => r.figures).map((f) => [f.id, f]));
  const parts = runs.flatMap((r) => r.parts);
  return { header: first.header, parts, figures: [...figures.values()] };
}

/** @throws Error when the file does not begin as a run does, or a line is not JSON */
export function readRun(path: string): Run {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  const header = lines[0];
  if (header?.type !== 'run') throw new Error(`${path} does not begin with a run's header`);
  const figures = lines.filter((line): line is FigureLine => line.type === 'figure');
  for (const figure of figures) {
    if (!figure.series[OWN]) throw new Error(`${path}: ${figure.id} has no series of its own`);
  }
  const parts = lines.filter((line): line is PartHeader => line.type === 'part');
  return { header, parts, figures };
}
