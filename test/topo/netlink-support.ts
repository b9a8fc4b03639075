// SPDX-License-Identifier: Apache-2.0
/** Runs a test file in a network and mount namespace of its own, and asks ip(8) for the truth. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';

const MARK = 'TRANSIT_TEST_ISOLATED';
const PREPARE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';

/**
 * Runs the file again, isolated, with a /run of its own, so that named namespaces are private
 * and vanish with it; the outer process ends with the inner one's status.
 * @returns whether this is the inner process.
 */
export function isolated(file: string): boolean {
  if (process.env[MARK] === file) return true;
  if (process.getuid?.() !== 0) {
    test('needs root', { skip: 'network namespaces need root' }, (t) => {
      t.end();
    });
    return false;
  }
  const inner = [process.execPath, ...process.execArgv, fileURLToPath(file)];
  const { status } = spawnSync(
    'unshare',
    ['--net', '--mount', '--', 'sh', '-c', PREPARE, 'sh', ...inner],
    { stdio: 'inherit', env: { ...process.env, [MARK]: file } },
  );
  process.exit(status ?? 1);
}

/** Runs a command. @returns its output. */
export function run(command: string): string {
  const [program = '', ...args] = command.split(' ');
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What ip -j says. */
export function ip<T>(args: string): T[] {
  const text = run(`ip -j -d ${args}`).trim();
  return text === '' ? [] : (JSON.parse(text) as T[]);
}

/** Waits for a condition, at most five seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (Date.now() < end) {
    if (condition()) return;
    await delay(5);
  }
  throw new Error(`not within five seconds: ${what}`);
}
