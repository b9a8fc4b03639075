// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoint to endpoint through two hosts and within one, against the kernel's own bridge and
 * VXLAN on the same wire (lab/kernel-twin.sh). Both are up at the same time; each round measures
 * one after the other, so that a ratio compares neighbours in time.
 *
 * usage: e2e.ts [ROUNDS [SECONDS]]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Journal, printTable, ratios, shortSummary, summarize } from './table.js';

const ROUNDS = Number(process.argv[2] ?? 7);
const SECONDS = process.argv[3] ?? '1';

type Network = 'transit' | 'kernel';
interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Larger is better; else smaller is. */
  readonly larger: boolean;
  readonly goal: string;
  readonly measure: (prefix: string) => Promise<number>;
}

function ethtool(prefix: string, node: string, device: string, ...features: string[]): void {
  execFileSync(
    'nsenter',
    [`--net=/run/netns/${prefix}${node}`, 'ethtool', '-K', device, ...features],
    {
      stdio: 'ignore',
    },
  );
}

async function tool(name: string, args: readonly string[]): Promise<Record<string, number>> {
  const child = spawn(`build/traffic/${name}`, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  return JSON.parse(text) as Record<string, number>;
}

async function iperf(
  prefix: string,
  from: string,
  to: string,
  address: string,
  streams: number,
): Promise<number> {
  const server = spawn(
    'nsenter',
    [`--net=/run/netns/${prefix}${to}`, 'iperf3', '-s', '-1', '--forceflush'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(server.stdout, 'data');
  const out = execFileSync(
    'nsenter',
    [
      `--net=/run/netns/${prefix}${from}`,
      'iperf3',
      '-J',
      '-c',
      address,
      '-t',
      SECONDS,
      '-P',
      String(streams),
    ],
    { maxBuffer: 1 << 24 },
  );
  if (server.exitCode === null) await once(server, 'close');
  const result = JSON.parse(out.toString()) as {
    end: { sum_received: { bits_per_second: number } };
  };
  return result.end.sum_received.bits_per_second / 1e9;
}

const ends = (prefix: string, to: string, address: string): string[] => [
  '--from',
  `${prefix}a1`,
  '--to',
  `${prefix}${to}`,
  '--address',
  address,
  '--seconds',
  SECONDS,
];

function field(result: Record<string, number>, ...names: string[]): number {
  for (const name of names) {
    const value = result[name];
    if (value !== undefined) return value;
  }
  throw new Error(`no ${names.join(' or ')} in ${JSON.stringify(result)}`);
}

function metrics(
  to: string,
  address: string,
  where: string,
  goals: Readonly<Record<string, string>>,
): Metric[] {
  return [
    {
      name: `${where} TCP, 1 stream`,
      unit: 'Gb/s',
      larger: true,
      goal: goals.tcp ?? '',
      measure: (p) => iperf(p, 'a1', to, address, 1),
    },
    {
      name: `${where} TCP, 4 streams`,
      unit: 'Gb/s',
      larger: true,
      goal: '',
      measure: (p) => iperf(p, 'a1', to, address, 4),
    },
    {
      name: `${where} UDP 64-byte frames`,
      unit: 'kpps',
      larger: true,
      goal: goals.udp ?? '',
      measure: async (p) => {
        const r = await tool('udpflow', [...ends(p, to, address), '--rate', '0', '--length', '32']);
        return field(r, 'received') / Number(SECONDS) / 1000;
      },
    },
    {
      name: `${where} round trip p50`,
      unit: 'µs',
      larger: false,
      goal: goals.rtt ?? '',
      measure: async (p) =>
        field(await tool('pingpong', [...ends(p, to, address), '--rate', '0']), 'p50_us', 'p50Us'),
    },
    {
      name: `${where} round trip p99`,
      unit: 'µs',
      larger: false,
      goal: '',
      measure: async (p) =>
        field(await tool('pingpong', [...ends(p, to, address), '--rate', '0']), 'p99_us', 'p99Us'),
    },
    {
      name: `${where} connections`,
      unit: 'k/s',
      larger: true,
      goal: goals.conn ?? '',
      measure: async (p) =>
        field(
          await tool('tcpconn', [...ends(p, to, address), '--rate', '0', '--length', '64']),
          'completed',
        ) /
        Number(SECONDS) /
        1000,
    },
  ];
}

/** One wire, two networks on it. */
async function compare(
  wire: 'wire' | 'gso',
  list: readonly Metric[],
  journal: Journal,
): Promise<void> {
  const topology = wire === 'wire' ? 'bench' : 'benchgso';
  const labs: Record<Network, string> = { transit: `b${wire}`, kernel: `k${wire}` };
  const sh = (script: string, ...args: string[]): void => {
    execFileSync(script, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      // room for thousands of connections a second
      env: { ...process.env, LAB_MAX_FLOWS: '262144' },
    });
  };
  try {
    sh('lab/up.sh', labs.transit, topology);
    sh('lab/kernel-twin.sh', 'up', labs.kernel, topology);
    for (const lab of Object.values(labs)) {
      const prefix = `tl-${lab}-`;
      for (const [node, device] of [
        ['h1', 'ul0'],
        ['h2', 'ul0'],
        ['r', 'p0'],
        ['r', 'p1'],
      ] as const) {
        if (wire === 'gso') ethtool(prefix, node, device, 'tx', 'on', 'tso', 'on', 'gso', 'on');
        else ethtool(prefix, node, device, 'tx', 'off', 'tso', 'off', 'gso', 'off');
      }
    }
    const rows: string[][] = [];
    for (const metric of list) {
      const values: Record<Network, number[]> = { transit: [], kernel: [] };
      for (let round = -1; round < ROUNDS; round++) {
        for (const network of round % 2 === 0
          ? (['transit', 'kernel'] as const)
          : (['kernel', 'transit'] as const)) {
          const value = await metric.measure(`tl-${labs[network]}-`);
          if (round >= 0) values[network].push(value); // the first round warms up
        }
      }
      const ratio = ratios(values.transit, values.kernel);
      journal.write({ wire, metric: metric.name, unit: metric.unit, values, ratio });
      rows.push([
        metric.name,
        metric.unit,
        shortSummary(summarize(values.transit)),
        shortSummary(summarize(values.kernel)),
        shortSummary(ratio),
        metric.goal,
      ]);
      console.error(`bench: ${wire}: ${metric.name}: ${shortSummary(ratio)}`);
    }
    printTable(
      wire === 'wire'
        ? 'Endpoint to endpoint; wire: MTU-sized frames with complete checksums; transit by XDP, agents by tc'
        : 'Endpoint to endpoint; GSO link: 64 KiB frames cross it; transit and agents by tc',
      ['what', 'unit', 'transit', 'kernel bridge+VXLAN', 'ratio median (min–max)', 'goal'],
      rows,
    );
  } finally {
    sh('lab/down.sh', labs.transit);
    sh('lab/kernel-twin.sh', 'down', labs.kernel);
  }
}

const journal = new Journal('e2e');
await compare(
  'wire',
  [
    ...metrics('b1', '10.0.1.21', 'across hosts', { tcp: '≥ 1.0', udp: '≥ 1.6', rtt: '≤ 0.65' }),
    ...metrics('a2', '10.0.1.12', 'same host', { tcp: '≥ 1.1', conn: '≥ 1.35' }),
  ],
  journal,
);
await compare(
  'gso',
  metrics('b1', '10.0.1.21', 'across hosts', { tcp: '≥ 1.25' }).slice(0, 2),
  journal,
);
