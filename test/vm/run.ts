// SPDX-License-Identifier: Apache-2.0
/**
 * make test-kernels: Debian's stock kernels run what is compiled here, in QEMU. Each loads every
 * program under every combination of settings that changes code, runs a lab of two hosts, and then
 * what packet tests ask that run here. Then the figures of all kernels, this machine's among them, are held against test/vm/budget.json.
 *
 * usage: run.ts [--here | --set-budget | --judge FIGURES [BUDGET]]
 * --here: only this machine's kernel, in seconds; --set-budget: boots nothing and writes the
 * budget anew from the figures of the last run; --judge: boots nothing and holds these figures
 * against the budget
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { budgetFor, judge, type Budget } from './budget.js';
import { packetsInGuest } from './far.js';
import type { Figure } from './figures.js';
import { failures, table, tail } from './report.js';
import { combinations, readSettings, type Rodata } from './settings.js';

const ROOT = new URL('../../', import.meta.url).pathname;
const VM = 'build/vm';
const BUDGET = 'test/vm/budget.json';
const HEADROOM_PERCENT = 25;

/** Debian 12's own kernel and the newer one that it has for newer hardware. */
const KERNELS = [
  { series: '6.1', metapackage: 'linux-image-amd64' },
  { series: '6.12', metapackage: 'linux-image-6.12-amd64' },
] as const;
/** One step may take this long, and a whole guest somewhat less than all steps together. */
const STEP_SECONDS = Number(process.env.VM_STEP_SECONDS ?? 1200);
/** One file of packet tests. */
const FILE_SECONDS = 300;
const GUEST_SECONDS = Number(process.env.VM_SECONDS ?? 2100);

process.chdir(ROOT);

function say(text: string): void {
  console.log(text);
}

function must(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ends with ${String(status)}`);
}

function readFigures(path: string): Figure[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Figure);
}

/** Loads everything on this machine's kernel. */
function figuresHere(name: string, settings: readonly Rodata[]): Figure[] {
  const [input, output] = [`${VM}/${name}.json`, `${VM}/${name}.jsonl`];
  writeFileSync(input, JSON.stringify(settings));
  must('unshare', '--mount', 'node', `${VM}/js/test/vm/figures.js`, input, output);
  return readFigures(output);
}

interface Guest {
  readonly series: string;
  readonly status: number | null;
  readonly seconds: number;
  /** Of the packet tests. */
  readonly problems: readonly string[];
}

/** What guest.sh says when it waits for questions. */
const READY = 'ready for packets';

/** Boots one kernel. boot.sh ends when this process does, and QEMU with it. */
function boot(series: string): Promise<Guest> {
  const share = `${VM}/${series}/run`;
  rmSync(share, { recursive: true, force: true });
  mkdirSync(share, { recursive: true });
  const started = Date.now();
  const command = ['test/vm/boot.sh', series, share, String(GUEST_SECONDS)];
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'TERM', ...command, 'test/vm/guest.sh', String(STEP_SECONDS)],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { VM_CPUS: '1', ...process.env } },
  );
  const console = createWriteStream(`${share}/console.log`);
  let packets: Promise<string[]> | undefined;
  let rest = '';
  const hear = (data: Buffer): void => {
    console.write(data);
    const lines = (rest + data.toString()).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, said] = /^vm: (.*)/.exec(line) ?? [];
      if (said !== undefined) say(`${series.padEnd(5)} ${said}`);
      if (said === READY) packets ??= packetsInGuest(series, share, FILE_SECONDS);
    }
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return new Promise((resolve) => {
    child.once('close', (status) => {
      console.end();
      const seconds = Math.round((Date.now() - started) / 1000);
      const none = [`${series}: the packet tests did not begin`];
      void (packets ?? Promise.resolve(none)).then((problems) => {
        resolve({ series, status, seconds, problems });
      });
    });
  });
}

/** Problems of one guest, told with what helps to find them. */
function problemsOf({ series, status, seconds, problems }: Guest): string[] {
  const share = `${VM}/${series}/run`;
  const steps = existsSync(`${share}/steps`) ? readFileSync(`${share}/steps`, 'utf8') : '';
  const found = steps.split('\n').flatMap((line) => {
    const [name = '', code = '0'] = line.split(' ');
    if (name === '' || code === '0') return [];
    say(failures(series, name, `${share}/${name}.log`));
    const how = code === '124' ? `was killed after ${STEP_SECONDS} s` : `ended with ${code}`;
    return [`${series}: ${name} ${how}, see ${share}/${name}.log`];
  });
  if (status === 0 || found.length > 0) return [...found, ...problems];
  say(`--- ${series}: the end of ${share}/console.log\n${tail(`${share}/console.log`, 30)}`);
  const how = status === 124 ? 'hung and was killed' : `ended with ${String(status)}`;
  return [`${series}: the guest ${how} after ${seconds} s`, ...problems];
}

function setBudget(): string[] {
  const budget = budgetFor(readFigures(`${VM}/figures.jsonl`), HEADROOM_PERCENT);
  writeFileSync(BUDGET, `${JSON.stringify(budget, undefined, 2)}\n`);
  return Object.keys(budget.programs).length > 0 ? [] : ['there are no figures: run it first'];
}

/** Shows figures and holds them against the budget. @returns what is above it */
function judged(figures: readonly Figure[], path = BUDGET): string[] {
  const budget = JSON.parse(readFileSync(path, 'utf8')) as Budget;
  say(table(figures, budget));
  return judge(figures, budget);
}

async function main(): Promise<string[]> {
  const [, , mode, file = '', budget] = process.argv;
  if (mode === '--set-budget') return setBudget();
  if (mode === '--judge') return judged(readFigures(file), budget);
  if (process.getuid?.() !== 0) return ['root is needed: programs are loaded on this kernel, too'];
  const kernels = mode === '--here' ? [] : KERNELS;
  if (kernels.length > 0) must('test/vm/setup.sh');
  for (const { series, metapackage } of kernels) must('test/vm/kernel.sh', series, metapackage);

  const settings = combinations(readSettings('bpf/include/transit/config.h'));
  const figures = figuresHere('combinations', settings);
  say(`kernels: every program is loaded with ${settings.length} combinations of settings`);
  const guests = await Promise.all(kernels.map(({ series }) => boot(series)));
  const problems = guests.flatMap(problemsOf);
  for (const { series } of guests)
    figures.push(...readFigures(`${VM}/${series}/run/figures.jsonl`));
  const out = kernels.length > 0 ? 'figures' : 'figures-here';
  writeFileSync(`${VM}/${out}.jsonl`, figures.map((f) => `${JSON.stringify(f)}\n`).join(''));

  const expected = new Set(figures.map((f) => f.kernel)).size;
  if (expected !== kernels.length + 1) problems.push(`figures of ${expected} kernels only`);
  return [...problems, ...judged(figures)];
}

const problems = await main().catch((error: unknown) => [String(error)]);
for (const problem of problems) console.error(`kernels: FAIL ${problem}`);
if (problems.length === 0) say('kernels: all passed');
process.exit(problems.length === 0 ? 0 : 1);
