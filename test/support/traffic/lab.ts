// SPDX-License-Identifier: Apache-2.0
/** A lab (lab/up.sh) for tests: it goes with the process that made it, however that ends. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { REASON } from '../../../src/maps/index.js';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. Its failure is in the status. */
export function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env: { ...process.env, ...env }, cwd: ROOT, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        resolve({ status: typeof code === 'number' ? code : 128, stdout, stderr });
      },
    );
  });
}

/** Runs a command. @throws Error with what it printed when it fails. */
export async function must(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, env);
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Asks until the answer is true. @throws Error naming what did not happen. */
export async function until(
  what: string,
  seconds: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ids of what is pinned for an instance, by pin: what a restart must not change. */
export interface Ids {
  readonly maps: Readonly<Record<string, number>>;
  readonly links: Readonly<Record<string, number>>;
  /** Of the programs behind the links. */
  readonly programs: Readonly<Record<string, number>>;
}

export interface Attachment {
  readonly hook: string;
  readonly device: string;
  readonly programId: number;
  readonly programTag: string;
  readonly linkId: number | null;
}

interface Counted {
  readonly stats64: { readonly rx: { readonly packets: number } };
}

export class Lab {
  readonly name: string;
  /** Ends traffic that a failed test left running. */
  readonly #traffic: (() => void)[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  /** Removes what an earlier run left under this name, then builds. */
  static async up(
    name: string,
    env: Readonly<Record<string, string>> = {},
    topology = 'demo',
  ): Promise<Lab> {
    await must('lab/down.sh', [name]);
    await must('lab/up.sh', [name, topology], { LAB_OWNER: String(process.pid), ...env });
    return new Lab(name);
  }

  /** What ends with the lab. */
  onDown(end: () => void): void {
    this.#traffic.push(end);
  }

  async down(): Promise<void> {
    for (const end of this.#traffic.splice(0)) end();
    await must('lab/down.sh', [this.name]);
  }

  /** Full name of a namespace. */
  netns(short: string): string {
    return `tl-${this.name}-${short}`;
  }

  instance(host: string): string {
    return `tl-${this.name}-${host}`;
  }

  inNs(short: string, ...command: readonly string[]): Promise<Finished> {
    return run('nsenter', [`--net=/run/netns/${this.netns(short)}`, '--', ...command]);
  }

  /** Starts a command that ends with the lab. */
  background(short: string, command: string, ...args: readonly string[]): void {
    const enter = [`--net=/run/netns/${this.netns(short)}`, '--', command, ...args];
    const child = spawn('nsenter', enter, { stdio: 'ignore' });
    this.onDown(() => child.kill('SIGKILL'));
  }

  /** Starts a command that ends, and prints its result, when its input does. */
  asked(
    short: string,
    command: string,
    ...args: readonly string[]
  ): { end: () => Promise<string> } {
    const enter = [`--net=/run/netns/${this.netns(short)}`, '--', command, ...args];
    const child = spawn('nsenter', enter, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.onDown(() => child.kill('SIGKILL'));
    let printed = '';
    child.stdout.on('data', (part: Buffer) => (printed += part.toString()));
    const closed = new Promise<string>((resolve) => {
      child.on('close', () => {
        resolve(printed);
      });
    });
    return {
      end: () => {
        child.stdin.end();
        return closed;
      },
    };
  }

  /** kill -9. */
  async kill(host: string): Promise<void> {
    await must('lab/daemon.sh', [this.name, host, 'kill']);
  }

  /** Returns when the host is ready. */
  async start(host: string): Promise<void> {
    await must('lab/daemon.sh', [this.name, host, 'start']);
  }

  socket(host: string): string {
    return `${ROOT}/build/lab/${this.name}/${host}/run/api.sock`;
  }

  async transit(host: string, ...args: readonly string[]): Promise<string> {
    return must('node', ['dist/cli/main.js', '--server', this.socket(host), ...args]);
  }

  async call(host: string, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    return JSON.parse(await this.text(host, path, method, body)) as unknown;
  }

  /** What a daemon answers, as it is. */
  text(
    host: string,
    path: string,
    method: 'GET' | 'POST' = 'GET',
    body?: unknown,
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { socketPath: this.socket(host), method, path, headers, agent: false };
      const asked = request(options, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (answer.statusCode === 200) resolve(text);
          else reject(new Error(`${method} ${path}: ${String(answer.statusCode)} ${text}`));
        });
      });
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Attached programs, as the daemon reports them. */
  async attachments(host: string): Promise<Attachment[]> {
    const { programs } = (await this.call(host, 'GET', '/v1/status')) as {
      programs: Attachment[];
    };
    return programs.sort((a, b) => (a.device + a.hook < b.device + b.hook ? -1 : 1));
  }

  /** Packets a workload has received. */
  async received(workload: string): Promise<number> {
    const args = ['-n', this.netns(workload), '-j', '-s', 'link', 'show', 'dev', 'eth0'];
    const [link] = JSON.parse(await must('ip', args)) as Counted[];
    return link!.stats64.rx.packets;
  }

  async ping(from: string, address: string, count = 3): Promise<boolean> {
    const args = ['ping', '-c', String(count), '-i', '0.05', '-W', '1', address];
    return (await this.inNs(from, ...args)).stdout.includes(' 0% packet loss');
  }

  /** Packets dropped on a host for a reason, independent of the daemon. */
  async dropped(host: string, reason: keyof typeof REASON): Promise<number> {
    const path = `/sys/fs/bpf/transit/${this.instance(host)}/maps/counters`;
    const text = await must('bpftool', ['-j', 'map', 'dump', 'pinned', path]);
    const entries = JSON.parse(text) as {
      readonly formatted: { readonly values: readonly { readonly value: { drop: number[] } }[] };
    }[];
    return entries
      .flatMap(({ formatted }) => formatted.values)
      .reduce((total, { value }) => total + (value.drop[REASON[reason]] ?? 0), 0);
  }

  /** As bpftool sees it, independent of the daemon. */
  async ids(host: string): Promise<Ids> {
    const base = `/sys/fs/bpf/transit/${this.instance(host)}`;
    const result: Record<keyof Ids, Record<string, number>> = { maps: {}, links: {}, programs: {} };
    for (const pin of pins(`${base}/maps`)) {
      const path = `${base}/maps/${pin}`;
      const map = JSON.parse(await must('bpftool', ['-j', 'map', 'show', 'pinned', path])) as {
        id: number;
      };
      result.maps[pin] = map.id;
    }
    for (const pin of pins(`${base}/links`)) {
      const path = `${base}/links/${pin}`;
      const shown = await run('bpftool', ['-j', 'link', 'show', 'pinned', path]);
      // where the kernel has no tcx, a clsact filter's program is pinned here instead of a link
      const link = JSON.parse(
        shown.status === 0
          ? shown.stdout
          : await must('bpftool', ['-j', 'prog', 'show', 'pinned', path]),
      ) as { id: number; prog_id?: number };
      const program = link.prog_id ?? link.id;
      const about = await run('bpftool', ['-j', 'prog', 'show', 'id', `${program}`]);
      // the slow path's device and what is attached there go and come with the daemon
      if (about.status !== 0 || (JSON.parse(about.stdout) as { name: string }).name === 'alg')
        continue;
      result.links[pin] = link.id;
      result.programs[pin] = program;
    }
    return result;
  }
}

function pins(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

/** Traffic that runs until it is asked for its result. */
export class Flow<R> {
  readonly #finished: Promise<Finished>;
  readonly #stop: () => void;

  /** tool: a program of build/traffic. */
  constructor(lab: Lab, tool: string, from: string, to: string, ...args: readonly string[]) {
    const child = spawn(
      `${ROOT}/build/traffic/${tool}`,
      ['--from', lab.netns(from), '--to', lab.netns(to), ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#stop = () => child.kill('SIGINT');
    lab.onDown(() => child.kill('SIGKILL'));
    const printed = { stdout: '', stderr: '' };
    child.stdout.on('data', (part: Buffer) => (printed.stdout += part.toString()));
    child.stderr.on('data', (part: Buffer) => (printed.stderr += part.toString()));
    this.#finished = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        resolve({ status: status ?? 128, ...printed });
      });
    });
  }

  /** Ends the traffic. @throws Error when the tool failed before. */
  async result(): Promise<R> {
    this.#stop();
    const { status, stdout, stderr } = await this.#finished;
    if (status !== 0) throw new Error(`traffic tool: status ${status}\n${stderr}`);
    return JSON.parse(stdout) as R;
  }
}

export interface UdpResult {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly overflow: number;
  readonly sendErrors: number;
  readonly maxGapMs: number;
  readonly rate: number;
}

export interface TcpResult {
  readonly opened: number;
  readonly completed: number;
  readonly failed: number;
  readonly corrupted: number;
  readonly retransmits: number;
  readonly error: string;
  readonly maxUs: number;
}

export interface PingPongResult {
  readonly requests: number;
  readonly lost: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}
