// SPDX-License-Identifier: Apache-2.0
/**
 * The programs do what the model says, on arbitrary configurations and histories: see
 * docs/design/model.md. TRANSIT_HISTORIES sets how many, TRANSIT_SEED repeats a run. One process
 * per processor, each with programs and maps of its own.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { t as suite, test } from 'tap';

const HISTORIES = Number(process.env.TRANSIT_HISTORIES ?? 10_000);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const WORKERS = Math.min(availableParallelism(), 8);
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

interface Summary {
  readonly failed: boolean;
  readonly histories: number;
  readonly packets: number;
  readonly seconds: number;
}

async function work(seed: number, histories: number): Promise<{ text: string; code: number }> {
  const env = { ...process.env, TRANSIT_SEED: `${seed}`, TRANSIT_HISTORIES: `${histories}` };
  const child = spawn(process.execPath, [...process.execArgv, WORKER], {
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
  for (const { text, code } of runs) {
    const lines = text.trimEnd().split('\n');
    const summary = JSON.parse(lines.pop() ?? '{}') as Summary;
    t.equal(code, 0, 'model and programs agree');
    if (code !== 0) t.comment(lines.join('\n'));
    t.comment(JSON.stringify(summary));
    played += summary.histories;
  }
  t.ok(played >= HISTORIES, `${played} histories played`);
});
