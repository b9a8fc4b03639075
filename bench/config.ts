// SPDX-License-Identifier: Apache-2.0
/**
 * A large configuration: 100,000 endpoints and 10,000 routes in one file, through the CLI, the
 * daemon and into the maps; and the map-writing part alone, against a C program that writes the
 * same number of entries of the same size with batch calls (bench/c/mapwrite.c).
 *
 * usage: config.ts [--rounds N] [--filter RE] [--quick]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, parseTarget } from '../src/api/index.js';
import { DeltaTracker } from '../src/daemon/datapath/delta-tracker.js';
import { encodeKey, encodeValue } from '../src/daemon/datapath/encode.js';
import type { Upsert } from '../src/daemon/calc/output.js';
import { LibbpfLoader } from '../src/daemon/kernel/libbpf/index.js';
import { isolate } from '../test/support/rig.js';
import { inTurn } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { options } from './lib/options.js';

isolate();

const opts = options(7);
const ENDPOINTS = opts.quick ? 10_000 : 100_000;
const ROUTES = ENDPOINTS / 10;
/** Whole applications of the file: each takes seconds. */
const APPLIES = opts.quick ? 1 : 5;
const DIR = 'build/bench/config';
const PIN_DIR = '/sys/fs/bpf/transit/bench';
const PER_SUBNET = 60_000;
const REMOTE = '192.0.2.2';

const ip = (base: number, n: number): string =>
  [(base + n) >>> 24, (base + n) >>> 16, (base + n) >>> 8, base + n].map((x) => x & 255).join('.');

/** Endpoints of host h2 in as many subnets of one VPC as they need, and routes behind its VTEP. */
function configuration(): object[] {
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
      spec: { host: 'h2', device: 'ul0', addresses: [REMOTE] },
    },
  ];
  for (let i = 0; i < ENDPOINTS; i++) {
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
        addresses: [ip((10 << 24) | (subnet << 16) | 16, i % PER_SUBNET)],
      },
    });
  }
  for (let i = 0; i < ROUTES; i++) {
    objects.push({
      kind: 'Route',
      metadata: { name: `r${i}` },
      spec: {
        vpc: 'red',
        prefix: `${ip((172 << 24) | (16 << 16), i * 16)}/28`,
        nexthops: [{ vtep: REMOTE }],
      },
    });
  }
  return objects;
}

function yardstick(type: 'hash' | 'lpm', key: number, value: number, count: number): number {
  const out = execFileSync('build/bench/mapwrite', [type, key, value, count, 4096].map(String));
  return (JSON.parse(out.toString()) as { ns: number }).ns / 1e6;
}

type Table = 'addr' | 'route';
const ROWS: Readonly<Record<Table, number>> = { addr: ENDPOINTS, route: ROUTES };
let loads = 0;

function upserts(table: Table): Upsert[] {
  const mac = '0a:00:00:00:00:01';
  return Array.from({ length: ROWS[table] }, (_, i): Upsert =>
    table === 'addr'
      ? { table, key: `100/${ip(10 << 24, i)}`, value: { kind: 'remote', mac, nh: 1 } }
      : {
          table,
          key: `100/${ip((172 << 24) | (16 << 16), i * 16)}/28`,
          value: { kind: 'remote', mac, nh: 1, group: false },
        },
  );
}

/** The driver's own way of writing, into a fresh map, ms. */
async function writeMap(table: Table): Promise<number> {
  const pinDir = `${PIN_DIR}-maps-${loads++}`;
  const object = new LibbpfLoader().load({
    path: 'build/bpf/agent_tc.o',
    pinDir,
    privateMaps: ['stages', 'scratch', 'scratch_walk'],
    maxEntries: {
      addr: ENDPOINTS * 2,
      route: Math.max(ROUTES * 2, 16),
      flow: 1024,
      age_node: 2048,
    },
  });
  try {
    const map = object.maps.get(table);
    if (!map) throw new Error(`no map ${table}`);
    const tracker = new DeltaTracker({ map, pause: () => Promise.resolve() }, { array: false });
    for (const upsert of upserts(table)) {
      tracker.set(encodeKey(table, upsert.key), encodeValue(upsert));
    }
    const start = performance.now();
    await tracker.writeUpserts();
    return performance.now() - start;
  } finally {
    object.close();
    rmSync(pinDir, { recursive: true, force: true });
  }
}

interface Whole {
  readonly apply: number;
  readonly programmed: number;
  readonly rssMiB: number;
  readonly peakMiB: number;
}

function memoryMiB(pid: number, field: string): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((l) => l.startsWith(field));
  return Number(/\d+/.exec(line ?? '')?.[0] ?? NaN) / 1024;
}

/** From `transit apply` to the maps that hold everything, ms; a fresh daemon each time. */
async function whole(file: string): Promise<Whole> {
  rmSync(DIR, { recursive: true, force: true });
  mkdirSync(`${DIR}/run`, { recursive: true });
  writeFileSync(
    `${DIR}/transitd.yaml`,
    JSON.stringify({
      instance: 'bench',
      host: 'h1',
      dataDir: `${process.cwd()}/${DIR}/data`,
      runDir: `${process.cwd()}/${DIR}/run`,
      log: { level: 'warn' },
      datapath: {
        bpfDir: `${process.cwd()}/build/bpf`,
        maxAddresses: ENDPOINTS * 2,
        maxRoutes: ROUTES * 2,
        maxFlows: 4096,
      },
    }),
  );
  const daemon = spawn(
    process.execPath,
    ['dist/daemon/main.js', '--config', `${DIR}/transitd.yaml`],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const pid = daemon.pid ?? 0;
  const socket = `${DIR}/run/api.sock`;
  const client = new Client(parseTarget(socket));
  try {
    const deadline = performance.now() + 60_000;
    for (;;) {
      try {
        await client.call('readyz', {});
        break;
      } catch (error) {
        if (performance.now() > deadline || daemon.exitCode !== null) throw error;
        await sleep(50);
      }
    }
    const start = performance.now();
    const cli = spawn(
      process.execPath,
      ['dist/cli/main.js', '--server', socket, 'apply', '-f', file],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const [code] = (await once(cli, 'close')) as [number];
    if (code !== 0) throw new Error(`apply ended with ${code}`);
    const apply = performance.now() - start;
    for (;;) {
      const status = await client.call('status', {});
      if (status.appliedRevision === status.revision) break;
      if (performance.now() > deadline + 60_000) throw new Error('not programmed in time');
      await sleep(10);
    }
    return {
      apply,
      programmed: performance.now() - start,
      rssMiB: memoryMiB(pid, 'VmRSS'),
      peakMiB: memoryMiB(pid, 'VmHWM'),
    };
  } finally {
    daemon.kill('SIGTERM');
    await new Promise((resolve) => daemon.once('exit', resolve));
    execFileSync(
      process.execPath,
      ['dist/daemon/main.js', '--config', `${DIR}/transitd.yaml`, '--purge'],
      { stdio: 'ignore' },
    );
  }
}

const journal = new Journal('config');
const smaller = { better: 'smaller' } as const;
for (const table of ['addr', 'route'] as const) {
  const id = `config/write/${table}`;
  if (!opts.wants(id)) continue;
  const type = table === 'addr' ? 'hash' : 'lpm';
  const series = await inTurn(opts.rounds, {
    own: () => writeMap(table),
    c: () => yardstick(type, table === 'addr' ? 20 : 24, 24, ROWS[table]),
  });
  const compare = [{ name: 'to C with batch calls', to: 'c' }];
  journal.write({ id, unit: 'ms', ...smaller, series, compare });
}

const WHOLE: Readonly<Record<string, { unit: string; of: (w: Whole) => number }>> = {
  'config/apply/answered': { unit: 'ms', of: (w) => w.apply },
  'config/apply/programmed': { unit: 'ms', of: (w) => w.programmed },
  'config/apply/memory-after': { unit: 'MiB', of: (w) => w.rssMiB },
  'config/apply/memory-peak': { unit: 'MiB', of: (w) => w.peakMiB },
};
const wanted = Object.entries(WHOLE).filter(([id]) => opts.wants(id));
if (wanted.length > 0) {
  execFileSync('ip', ['link', 'add', 'ul0', 'type', 'veth', 'peer', 'name', 'ul0p']);
  execFileSync('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'ul0']);
  for (const device of ['ul0', 'ul0p']) execFileSync('ip', ['link', 'set', device, 'up']);
  const file = `${DIR}.json`;
  mkdirSync('build/bench', { recursive: true });
  writeFileSync(file, JSON.stringify({ kind: 'List', items: configuration() }));
  const applies: Whole[] = [];
  const c: number[] = [];
  for (let round = 0; round < APPLIES; round++) {
    c.push(yardstick('hash', 20, 24, ENDPOINTS) + yardstick('lpm', 24, 24, ROUTES));
    applies.push(await whole(file));
  }
  for (const [id, { unit, of }] of wanted) {
    const timed = unit === 'ms';
    journal.write({
      id,
      unit,
      ...smaller,
      series: { own: applies.map(of), ...(timed ? { c } : {}) },
      compare: timed ? [{ name: 'to C with batch calls, maps alone', to: 'c' }] : [],
    });
  }
}
process.exit(0);
