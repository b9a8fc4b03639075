// SPDX-License-Identifier: Apache-2.0
/** A transitd in the test's own namespaces, driven through its API. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, closeSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './netlink-support.js';

export const ROOT = new URL('../..', import.meta.url).pathname;

export interface Entry {
  readonly key: unknown;
  readonly value: unknown;
}

export interface Program {
  readonly hook: string;
  readonly device: string;
  readonly ifindex: number;
  readonly kind: string;
  readonly programId: number;
  readonly linkId: number | null;
}

/** From sources, or, when this file was compiled (test/vm), compiled, too. */
const MAIN = import.meta.url.endsWith('.ts')
  ? ['--import', 'tsx', 'src/daemon/main.ts']
  : ['src/daemon/main.js'];

/** Deadlines are this many times as long: emulated machines are slow. */
const TIME_SCALE = Number(process.env.TRANSIT_TIME_SCALE ?? 1);

export class Daemon {
  readonly dir: string;
  readonly instance: string;
  readonly pinDir: string;
  private child: ChildProcess | undefined;

  /** host: also the network namespace it runs in, when there are several. */
  constructor(
    private readonly settings: Readonly<Record<string, unknown>> = {},
    private readonly host?: string,
  ) {
    this.dir = host === undefined ? '/run/t' : `/run/t-${host}`;
    this.instance = host === undefined ? `td${process.pid}` : `td${process.pid}-${host}`;
    this.pinDir = `/sys/fs/bpf/transit/${this.instance}`;
    mkdirSync(this.dir, { recursive: true });
  }

  configure(datapath: Readonly<Record<string, unknown>> = {}): string {
    const small = { maxEndpoints: 64, maxAddresses: 256, maxRoutes: 256, maxVteps: 32 };
    const file = `${this.dir}/config.yaml`;
    const config = {
      instance: this.instance,
      host: this.host ?? 'h1',
      dataDir: `${this.dir}/data`,
      runDir: `${this.dir}/run`,
      datapath: {
        ...small,
        maxFlows: 1024,
        maxVpcs: 16,
        maxGroups: 16,
        nat: { maxAddresses: 4, maxEndpoints: 64, maxMappings: 1024, maxPortForwards: 64 },
        ...this.settings,
        ...datapath,
      },
    };
    writeFileSync(file, JSON.stringify(config)); // YAML is a superset
    return file;
  }

  /** Starts it and waits until it is ready. */
  async start(): Promise<void> {
    const log = openSync(`${this.dir}/log`, 'a');
    const command = [process.execPath, ...MAIN, '--config', this.configure()];
    // nsenter becomes node: the process is the daemon's own
    if (this.host !== undefined) command.unshift('nsenter', `--net=/run/netns/${this.host}`, '--');
    const [program = '', ...words] = command;
    this.child = spawn(program, words, { cwd: ROOT, stdio: ['ignore', log, log] });
    closeSync(log);
    await this.until('API', async () => (await this.get('/readyz')) !== undefined, 60_000);
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined) return null;
    this.child = undefined;
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return ended;
  }

  /** Runs the daemon in the foreground with more words. */
  once(words: readonly string[], datapath: Readonly<Record<string, unknown>> = {}) {
    return spawnSync(process.execPath, [...MAIN, '--config', this.configure(datapath), ...words], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 20_000 * TIME_SCALE,
    });
  }

  log(): string {
    return readFileSync(`${this.dir}/log`, 'utf8');
  }

  /** undefined: nobody answers, or not with 200. */
  async get<T>(path: string): Promise<T | undefined> {
    try {
      const { status, body } = await this.call('GET', path);
      return status === 200 ? (JSON.parse(body) as T) : undefined;
    } catch {
      return undefined;
    }
  }

  async post(path: string, body: unknown): Promise<string> {
    const answer = await this.call('POST', path, JSON.stringify(body));
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return answer.body;
  }

  async programs(): Promise<readonly Program[]> {
    return (await this.get<{ programs: Program[] }>('/v1/status'))?.programs ?? [];
  }

  /** The condition Programmed of an object, as "True" or "False DeviceMissing". */
  async programmed(path: string): Promise<string> {
    interface Shown {
      status?: { conditions: { type: string; status: string; reason: string }[] };
    }
    const object = await this.get<Shown>(path);
    const found = object?.status?.conditions.find(({ type }) => type === 'Programmed');
    if (found === undefined) return 'none';
    return found.status === 'True' ? 'True' : `${found.status} ${found.reason}`;
  }

  map(name: string): readonly Entry[] {
    const text = run(`bpftool -j map dump pinned ${this.pinDir}/maps/${name}`);
    const entries = JSON.parse(text) as readonly { formatted: Entry }[];
    return entries.map(({ formatted }) => formatted);
  }

  mapIds(): Record<string, number> {
    const names = readdirSync(`${this.pinDir}/maps`).sort();
    return Object.fromEntries(
      names.map((name) => {
        const text = run(`bpftool -j map show pinned ${this.pinDir}/maps/${name}`);
        return [name, (JSON.parse(text) as { id: number }).id];
      }),
    );
  }

  async until(what: string, test: () => Promise<boolean>, limitMs = 8000): Promise<void> {
    const end = Date.now() + limitMs * TIME_SCALE;
    while (Date.now() < end) {
      if (await test()) return;
      await delay(20);
    }
    throw new Error(`not in time: ${what}\n${this.log().slice(-3000)}`);
  }

  private call(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const socketPath = `${this.dir}/run/api.sock`;
      // no kept connection: the daemon may have closed it, or be another by now
      const sent = request({ socketPath, method, path, headers, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }
}

export const object = (kind: string, name: string, spec: unknown) => ({
  kind,
  metadata: { name },
  spec,
});

export const endpoint = (name: string, last: number, netns: string, more: object = {}) =>
  object('Endpoint', name, {
    host: 'h1',
    vpc: 'v1',
    subnet: 's1',
    addresses: [`10.0.0.${last}`],
    device: { kind: 'veth', netns },
    ...more,
  });

/** Pings from a namespace. @returns how many answers came. */
export function ping(netns: string, to: string, count = 2): number {
  const { stdout } = spawnSync(
    'ip',
    ['netns', 'exec', netns, 'ping', '-q', '-i0.05', '-W1', `-c${count}`, to],
    { encoding: 'utf8' },
  );
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}
