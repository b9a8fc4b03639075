// SPDX-License-Identifier: Apache-2.0
/**
 * The packet tests against a guest's kernel: they run here, and what they ask of a kernel goes
 * through a pipe into the guest (test/support/kernel). Node takes ten to thirty times as long
 * there; a kernel with programs loaded does not.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';
import { ASK } from '../support/kernel/remote.js';
import { failures } from './report.js';

const JS = 'build/vm/js';
/**
 * Files that are not run this way: what these load, figures has loaded; the adapter runs in the guest;
 * a guest has one CPU, and no waiting for what the daemon says of a full table; random histories of
 * nat-unique are about what programs do, not about what a kernel makes of them, and take minutes;
 * policy-maps has maps of its own by the adapter, and policy-many fills them for minutes.
 */
const NOT =
  /^(load|adapter.*|nat-unique|nat-unique-cpus|nat-full|policy-maps|policy-many)\.test\.js$/;
/** Not tables: it floods in less time than a flow may be idle. */
const FUZZ = ['corpus', 'packets'].map((name) => `test/fuzz/${name}.test.js`);

/** Fewer than on the host. */
const PACKETS = 10_000;
const VERDICTS = 5000;

export function packetTests(): string[] {
  const names = readdirSync(`${JS}/test/bpf`).filter((name) => name.endsWith('.test.js'));
  return [...names.filter((name) => !NOT.test(name)).map((name) => `test/bpf/${name}`), ...FUZZ];
}

interface Ended {
  readonly status: number | null;
  readonly text: string;
}

function runFile(file: string, pipe: string, log: string, seconds: number): Promise<Ended> {
  const out = openSync(log, 'w');
  const child = spawn('node', [`${JS}/${file}`], {
    stdio: ['ignore', out, out],
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    env: {
      TRANSIT_PACKETS: String(PACKETS),
      TRANSIT_UNIQUE_RUNS: '1',
      TRANSIT_VERDICTS: String(VERDICTS),
      ...process.env,
      TRANSIT_TEST_KERNEL: pipe,
      TAP_TIMEOUT: '0',
    },
  });
  closeSync(out);
  return new Promise((resolve) => {
    child.once('close', (status) => {
      resolve({ status, text: readFileSync(log, 'utf8') });
    });
  });
}

/** Ends the server, and the guest's last step with it. Nobody is there when the guest has gone. */
function quit(pipe: string): void {
  try {
    const fd = openSync(`${pipe}.in`, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fd, new Uint8Array(Uint32Array.of(8, ASK.quit).buffer));
    closeSync(fd);
  } catch {
    // its status tells
  }
}

/**
 * Every file against the guest whose share this is. seconds: of one file.
 * @returns problems; what failed has been told
 */
export async function packetsInGuest(
  series: string,
  share: string,
  seconds: number,
): Promise<string[]> {
  const pipe = `${share}/port`;
  const problems: string[] = [];
  const started = Date.now();
  let passed = 0;
  mkdirSync(`${share}/packets`, { recursive: true });
  const files = packetTests();
  const times: [string, number][] = [];
  for (const file of files) {
    const begin = Date.now();
    const log = `${share}/packets/${basename(file, '.js')}.log`;
    const { status, text } = await runFile(file, pipe, log, seconds);
    times.push([basename(file, '.test.js'), Math.round((Date.now() - begin) / 1000)]);
    const tests = text.match(/^ok \d+/gm)?.length ?? 0;
    passed += tests;
    if (status === 0 && tests > 0) continue;
    console.log(failures(series, file, log));
    problems.push(`${series}: ${file} ended with ${String(status)}, see ${log}`);
    if (status !== null) continue;
    // an answer may be on its way that nobody has asked for
    problems.push(`${series}: the files after ${file} were not run`);
    break;
  }
  quit(pipe);
  const slow = times.toSorted((a, b) => b[1] - a[1]).slice(0, 6);
  console.log(
    `${series.padEnd(5)} packets: ${passed} tests of ${times.length} files passed in ` +
      `${Math.round((Date.now() - started) / 1000)} s (${slow.map((s) => s.join(' ')).join(', ')})`,
  );
  return problems;
}
