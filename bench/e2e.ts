// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoint to endpoint through two hosts and within one, against the kernel's own bridge and
 * VXLAN on the same wire (lab/kernel-twin.sh). Both are up at the same time; each round measures
 * one after the other, so that a ratio compares neighbours in time.
 *
 * usage: e2e.ts [--rounds N] [--filter RE] [--quick]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { inTurn } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { options } from './lib/options.js';

const opts = options(7);
const SECONDS = '1';

type Network = 'transit' | 'kernel';
interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Larger is better; else smaller is. */
  readonly larger: boolean;
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

function metrics(to: string, address: string, where: string): Metric[] {
  return [
    {
      name: `${where}/tcp1`,
      unit: 'Gb/s',
      larger: true,
      measure: (p) => iperf(p, 'a1', to, address, 1),
    },
    {
      name: `${where}/tcp4`,
      unit: 'Gb/s',
      larger: true,
      measure: (p) => iperf(p, 'a1', to, address, 4),
    },
    {
      name: `${where}/udp18`,
      unit: 'kpps',
      larger: true,
      measure: async (p) => {
        const r = await tool('udpflow', [...ends(p, to, address), '--rate', '0', '--length', '32']);
        return field(r, 'received') / Number(SECONDS) / 1000;
      },
    },
    {
      name: `${where}/rtt-p50`,
      unit: 'µs',
      larger: false,
      measure: async (p) =>
        field(await tool('pingpong', [...ends(p, to, address), '--rate', '0']), 'p50_us', 'p50Us'),
    },
    {
      name: `${where}/rtt-p99`,
      unit: 'µs',
      larger: false,
      measure: async (p) =>
        field(await tool('pingpong', [...ends(p, to, address), '--rate', '0']), 'p99_us', 'p99Us'),
    },
    {
      name: `${where}/connections`,
      unit: 'k/s',
      larger: true,
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
    for (const metric of list) {
      const id = `e2e/${wire === 'wire' ? 'wire1500' : 'gso'}/${metric.name}`;
      if (!opts.wants(id)) continue;
      const series = await inTurn(opts.rounds, {
        own: () => metric.measure(`tl-${labs.transit}-`),
        kernel: () => metric.measure(`tl-${labs.kernel}-`),
      });
      journal.write({
        id,
        unit: metric.unit,
        better: metric.larger ? 'larger' : 'smaller',
        series,
        compare: [{ name: 'to the kernel', to: 'kernel' }],
      });
    }
  } finally {
    sh('lab/down.sh', labs.transit);
    sh('lab/kernel-twin.sh', 'down', labs.kernel);
  }
}

const journal = new Journal('e2e');
await compare(
  'wire',
  [...metrics('b1', '10.0.1.21', 'across'), ...metrics('a2', '10.0.1.12', 'same')],
  journal,
);
await compare('gso', metrics('b1', '10.0.1.21', 'across').slice(0, 2), journal);
