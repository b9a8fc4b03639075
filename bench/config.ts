// SPDX-License-Identifier: Apache-2.0
/**
 * A large configuration: 100,000 endpoints and 10,000 routes in one file, through the CLI, the
 * daemon and into the maps; and the map-writing part alone, against a C program that writes the
 * same number of entries of the same size with batch calls (bench/c/mapwrite.c).
 *
 * usage: config.ts [ROUNDS [ENDPOINTS [ROUTES]]]
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
import { Journal, printTable, ratios, shortSummary, summarize } from './table.js';

isolate();

const ROUNDS = Number(process.argv[2] ?? 7);
const ENDPOINTS = Number(process.argv[3] ?? 100_000);
const ROUTES = Number(process.argv[4] ?? 10_000);
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

/** The driver's own way of writing, over fresh maps: ms for addr and route. */
async function writeMaps(round: number): Promise<{ addr: number; route: number }> {
  const pinDir = `${PIN_DIR}-maps-${round}`;
  const loader = new LibbpfLoader();
  const object = loader.load({
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
  const write = async (table: 'addr' | 'route', upserts: readonly Upsert[]): Promise<number> => {
    const map = object.maps.get(table);
    if (!map) throw new Error(`no map ${table}`);
    const tracker = new DeltaTracker({ map, pause: () => Promise.resolve() }, { array: false });
    for (const upsert of upserts) tracker.set(encodeKey(table, upsert.key), encodeValue(upsert));
    const start = performance.now();
    await tracker.writeUpserts();
    return performance.now() - start;
  };
  try {
    const mac = '0a:00:00:00:00:01';
    return {
      addr: await write(
        'addr',
        Array.from({ length: ENDPOINTS }, (_, i) => ({
          table: 'addr',
          key: `100/${ip(10 << 24, i)}`,
          value: { kind: 'remote', mac, nh: 1 },
        })),
      ),
      route: await write(
        'route',
        Array.from({ length: ROUTES }, (_, i) => ({
          table: 'route',
          key: `100/${ip((172 << 24) | (16 << 16), i * 16)}/28`,
          value: { kind: 'remote', mac, nh: 1, group: false },
        })),
      ),
    };
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

execFileSync('ip', ['link', 'add', 'ul0', 'type', 'veth', 'peer', 'name', 'ul0p']);
execFileSync('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'ul0']);
for (const device of ['ul0', 'ul0p']) execFileSync('ip', ['link', 'set', device, 'up']);

const journal = new Journal('config');
const c = { addr: [] as number[], route: [] as number[] };
const own = { addr: [] as number[], route: [] as number[] };
for (let round = -1; round < ROUNDS; round++) {
  const both = {
    addr: yardstick('hash', 20, 24, ENDPOINTS),
    route: yardstick('lpm', 24, 24, ROUTES),
  };
  const ours = await writeMaps(round + 1);
  if (round < 0) continue;
  for (const table of ['addr', 'route'] as const) {
    c[table].push(both[table]);
    own[table].push(ours[table]);
  }
}
mkdirSync('build/bench', { recursive: true });
const file = 'build/bench/large.json';
writeFileSync(file, JSON.stringify({ kind: 'List', items: configuration() }));
const applies: Whole[] = [];
for (let round = 0; round < 3; round++) applies.push(await whole(file));

const sumC = c.addr.map((value, i) => value + (c.route[i] ?? NaN));
const programmed = summarize(applies.map((a) => a.programmed));
journal.write({ endpoints: ENDPOINTS, routes: ROUTES, c, own, applies });
printTable(
  `${ENDPOINTS} endpoints and ${ROUTES} routes, ${ROUNDS} rounds of writing maps, ${applies.length} of the whole`,
  ['what', 'transit', 'C with batch calls', 'ratio median (min–max)', 'goal'],
  [
    [
      'write addr, ms',
      shortSummary(summarize(own.addr)),
      shortSummary(summarize(c.addr)),
      shortSummary(ratios(own.addr, c.addr)),
      '≤ 1.3',
    ],
    [
      'write route, ms',
      shortSummary(summarize(own.route)),
      shortSummary(summarize(c.route)),
      shortSummary(ratios(own.route, c.route)),
      '≤ 1.3',
    ],
    [
      'apply -f until answered, ms',
      shortSummary(summarize(applies.map((a) => a.apply))),
      '',
      '',
      '',
    ],
    [
      'apply -f until in the maps, ms',
      shortSummary(programmed),
      shortSummary(summarize(sumC)),
      (programmed.median / summarize(sumC).median).toFixed(1),
      '≤ 3',
    ],
    ['daemon memory after, MiB', shortSummary(summarize(applies.map((a) => a.rssMiB))), '', '', ''],
    [
      'daemon memory, peak, MiB',
      shortSummary(summarize(applies.map((a) => a.peakMiB))),
      '',
      '',
      '',
    ],
  ],
);
process.exit(0);
