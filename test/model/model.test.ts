// SPDX-License-Identifier: Apache-2.0
/**
 * The programs do what the model says, on arbitrary configurations and histories: see
 * docs/design/model.md. TRANSIT_HISTORIES sets how many, TRANSIT_SEED repeats a run, TRANSIT_OUTSIDE=0
 * leaves translation out. One process per processor, each with programs and maps of its own.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { t as suite, test } from 'tap';
import { REASONS } from '../support/model/index.js';
import { OUTSIDE } from './history.js';

/**
 * The same ones each time: a run of all tests says what a change has broken. Longer runs look for
 * what nobody has met yet, and begin elsewhere each time.
 */
const USUAL = { histories: 10_000, seed: 1 };
const HISTORIES = Number(process.env.TRANSIT_HISTORIES ?? USUAL.histories);
const SEED = Number(
  process.env.TRANSIT_SEED ?? (HISTORIES === USUAL.histories ? USUAL.seed : Date.now() % 2 ** 31),
);
const WORKERS = Math.min(availableParallelism(), 8);
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

interface Summary {
  readonly failed: boolean;
  readonly histories: number;
  readonly packets: number;
  readonly seconds: number;
  readonly met: Readonly<Record<string, number>>;
}

/** Fewer histories than this need not meet everything. */
const MANY = 2000;

/**
 * Never met in a history: tables are not full of mappings (test/bpf/nat-rfc.test.ts fills them), and
 * the daemon, which gives fragments back when none came first, is not there
 * (test/bpf/fragments-held.test.ts).
 */
const NEVER = ['NAT_TABLE_FULL', 'FRAG_UNKNOWN'];

/** Met only by histories that are about the outside. */
function isOfNat(reason: string): boolean {
  return /NAT|^NO_MAPPING$|^FILTERED$/.test(reason);
}

/** Histories make no connections enough for these: test/bpf/limits.test.ts does. */
function isOfQuota(reason: string): boolean {
  return /^(CONN|HALF_OPEN)_/.test(reason);
}

async function work(seed: number, histories: number): Promise<{ text: string; code: number }> {
  const env = { ...process.env, TRANSIT_SEED: `${seed}`, TRANSIT_HISTORIES: `${histories}` };
  // what a packet leaves behind is garbage before the next: with more room it is collected less often
  const options = [...process.execArgv, '--max-semi-space-size=32'];
  const child = spawn(process.execPath, [...options, WORKER], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      resolve({ text, code: code ?? 1 });
    });
  });
}

// a machine with other work on it takes several times as long
const LIMIT_MS = Math.max(300_000, 90 * HISTORIES);
suite.setTimeout(LIMIT_MS);

test(`${HISTORIES} histories, TRANSIT_SEED=${SEED}`, { timeout: LIMIT_MS }, async (t) => {
  const share = Math.ceil(HISTORIES / WORKERS);
  const runs = await Promise.all(Array.from({ length: WORKERS }, (_, i) => work(SEED + i, share)));
  let played = 0;
  const met = new Set<string>();
  for (const { text, code } of runs) {
    const lines = text.trimEnd().split('\n');
    const summary = JSON.parse(lines.pop() ?? '{}') as Summary;
    t.equal(code, 0, 'model and programs agree');
    if (code !== 0) t.comment(lines.join('\n'));
    t.comment(JSON.stringify(summary));
    played += summary.histories;
    for (const name of Object.keys(summary.met)) met.add(name);
  }
  t.ok(played >= HISTORIES, `${played} histories played`);
  if (HISTORIES < MANY) return;
  t.same(
    REASONS.filter((reason) => !met.has(`drop ${reason}`))
      .filter((reason) => OUTSIDE > 0 || !isOfNat(reason))
      .filter((reason) => !isOfQuota(reason) && !NEVER.includes(reason)),
    [],
    'packets were dropped for every reason',
  );
});
