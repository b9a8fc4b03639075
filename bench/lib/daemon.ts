// SPDX-License-Identifier: Apache-2.0
/** A daemon of the bench's own, and a configuration as large as the goals speak of. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, parseTarget } from '../../src/api/index.js';

const READY_MS = 60_000;
const PROGRAMMED_MS = 180_000;
const RETRY_MS = 100;
const TRIES = 600;
const PER_SUBNET = 60_000;
/** Of host h2, behind which everything of the large configuration is. */
export const REMOTE_VTEP = '192.0.2.2';

/** Dotted, from a number and an offset. */
export const ip4At = (base: number, n: number): string =>
  [(base + n) >>> 24, (base + n) >>> 16, (base + n) >>> 8, base + n].map((x) => x & 255).join('.');

/**
 * A large configuration: endpoints of host h2 in as many subnets of one VPC as they need, and
 * routes behind its VTEP.
 */
export function largeConfiguration(endpoints: number, routes: number): object[] {
  const objects: object[] = [
    { kind: 'Vpc', metadata: { name: 'red' }, spec: { vni: 100 } },
    {
      kind: 'Droplet',
      metadata: { name: 'h1' },
      spec: { host: 'h1', device: 'ul0', addresses: ['192.0.2.1'] },
    },
    {
      kind: 'Droplet',
      metadata: { name: 'h2' },
      spec: { host: 'h2', device: 'ul0', addresses: [REMOTE_VTEP] },
    },
  ];
  for (let i = 0; i < endpoints; i++) {
    const subnet = Math.floor(i / PER_SUBNET);
    if (i % PER_SUBNET === 0) {
      objects.push({
        kind: 'Subnet',
        metadata: { name: `s${subnet}` },
        spec: { vpc: 'red', ipv4: { prefix: `10.${subnet}.0.0/16` } },
      });
    }
    objects.push({
      kind: 'Endpoint',
      metadata: { name: `e${i}` },
      spec: {
        host: 'h2',
        vpc: 'red',
        subnet: `s${subnet}`,
        addresses: [ip4At((10 << 24) | (subnet << 16) | 16, i % PER_SUBNET)],
      },
    });
  }
  for (let i = 0; i < routes; i++) {
    objects.push({
      kind: 'Route',
      metadata: { name: `r${i}` },
      spec: {
        vpc: 'red',
        prefix: `${ip4At((172 << 24) | (16 << 16), i * 16)}/28`,
        nexthops: [{ vtep: REMOTE_VTEP }],
      },
    });
  }
  return objects;
}

/** The droplet's device, which the network namespace of the bench starts without. */
export function makeDroplet(): void {
  execFileSync('ip', ['link', 'add', 'ul0', 'type', 'veth', 'peer', 'name', 'ul0p']);
  execFileSync('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'ul0']);
  for (const device of ['ul0', 'ul0p']) execFileSync('ip', ['link', 'set', device, 'up']);
}

/** A daemon that is busy for long refuses or resets connections: a client tries again, too. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let left = TRIES; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** transitd of host h1, freshly started, with an empty store. */
export class BenchDaemon {
  readonly client: Client;
  readonly socket: string;

  private constructor(
    private readonly config: string,
    private readonly process: ChildProcess,
    directory: string,
  ) {
    this.socket = `${directory}/run/api.sock`;
    this.client = new Client(parseTarget(this.socket));
  }

  /** Answers when the daemon is ready. @throws when it ends before, or is not in time */
  static async start(directory: string, endpoints: number, routes: number): Promise<BenchDaemon> {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(`${directory}/run`, { recursive: true });
    const config = `${directory}/transitd.yaml`;
    const here = process.cwd();
    const settings = {
      instance: 'bench',
      host: 'h1',
      dataDir: `${here}/${directory}/data`,
      runDir: `${here}/${directory}/run`,
      log: { level: 'warn' },
      datapath: {
        bpfDir: `${here}/build/bpf`,
        maxAddresses: endpoints * 2,
        maxRoutes: routes * 2,
        maxFlows: 4096,
      },
    };
    writeFileSync(config, JSON.stringify(settings));
    const child = spawn(process.execPath, ['dist/daemon/main.js', '--config', config], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    // it must not outlive a bench that fails
    process.once('exit', () => child.kill());
    const daemon = new BenchDaemon(config, child, directory);
    const deadline = performance.now() + READY_MS;
    for (;;) {
      try {
        await daemon.client.call('readyz', {});
        return daemon;
      } catch (error) {
        if (performance.now() > deadline || child.exitCode !== null) throw error;
        await sleep(50);
      }
    }
  }

  /** Runs `transit apply -f` until it has been answered. */
  async apply(file: string): Promise<void> {
    const cli = spawn(
      process.execPath,
      ['dist/cli/main.js', '--server', this.socket, 'apply', '-f', file],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const [code] = (await once(cli, 'close')) as [number];
    if (code !== 0) throw new Error(`apply ended with ${code}`);
  }

  /** Until the maps hold what the store holds now: it may change meanwhile. */
  async programmed(): Promise<void> {
    const deadline = performance.now() + PROGRAMMED_MS;
    const status = (): Promise<{ revision: number; appliedRevision: number }> =>
      patiently(() => this.client.call('status', {}));
    const { revision } = await status();
    for (;;) {
      const { appliedRevision } = await status();
      if (appliedRevision >= revision) return;
      if (performance.now() > deadline) throw new Error('not programmed in time');
      await sleep(10);
    }
  }

  /** A field of /proc/PID/status, MiB. */
  memoryMiB(field: 'VmRSS' | 'VmHWM'): number {
    const line = readFileSync(`/proc/${this.process.pid}/status`, 'utf8')
      .split('\n')
      .find((l) => l.startsWith(field));
    return Number(/\d+/.exec(line ?? '')?.[0] ?? NaN) / 1024;
  }

  /** Ends it and removes its data path. */
  async stop(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
    execFileSync(process.execPath, ['dist/daemon/main.js', '--config', this.config, '--purge'], {
      stdio: 'ignore',
    });
  }
}
