// SPDX-License-Identifier: Apache-2.0
/** What is sent from endpoint to endpoint: iperf3, and the tools of test/support/traffic. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const OUTPUT_MAX = 1 << 24;
/** How long iperf3 may take longer than it was asked to: it waits for a connection for minutes. */
const PATIENCE_MS = 10_000;
const SERVER_MS = 1000;

/** Names of workloads, and the receiving one's address. */
export interface Where {
  readonly from: string;
  readonly to: string;
  readonly address: string;
}

export interface Value {
  readonly name: string;
  readonly unit: string;
  readonly better: 'smaller' | 'larger';
}

export interface Metric {
  readonly values: readonly Value[];
  /** @param prefix of the lab's namespaces. @returns a number for each of values */
  readonly run: (prefix: string, where: Where, seconds: number) => Promise<number[]>;
}

async function iperf(
  prefix: string,
  where: Where,
  seconds: number,
  streams: number,
): Promise<number[]> {
  const inside = (workload: string): string => `--net=/run/netns/${prefix}${workload}`;
  const server = spawn('nsenter', [inside(where.to), 'iperf3', '-s', '-1', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close');
  await once(server.stdout, 'data');
  server.stdout.resume();
  // iperf3 counts whole seconds
  const time = String(Math.max(1, Math.round(seconds)));
  const client = ['iperf3', '-J', '-c', where.address, '-t', time, '-P', String(streams)];
  try {
    const { stdout } = await execute('nsenter', [inside(where.from), ...client], {
      maxBuffer: OUTPUT_MAX,
      timeout: seconds * 1000 + PATIENCE_MS,
    });
    const answer = JSON.parse(stdout) as {
      error?: string;
      end: { sum_received?: { bits_per_second: number } };
    };
    const received = answer.end.sum_received;
    if (!received) throw new Error(`iperf3 in ${prefix}${where.from}: ${answer.error}`);
    return [received.bits_per_second / 1e9];
  } finally {
    // it ends after its client, but after one that failed it would wait for another
    await Promise.race([ended, sleep(SERVER_MS)]);
    server.kill();
    await ended;
  }
}

/** Runs a tool of build/traffic and picks fields of its answer. */
const tool =
  (name: string, fields: readonly string[], scale: number, ...args: readonly string[]) =>
  async (prefix: string, where: Where, seconds: number): Promise<number[]> => {
    const ends = ['--from', `${prefix}${where.from}`, '--to', `${prefix}${where.to}`];
    const { stdout } = await execute(`build/traffic/${name}`, [
      ...ends,
      ...['--address', where.address, '--seconds', String(seconds), ...args],
    ]);
    const answer = JSON.parse(stdout) as Record<string, number>;
    return fields.map((field) => {
      const value = answer[field];
      if (value === undefined) throw new Error(`${name} says no ${field}: ${stdout}`);
      return value * scale;
    });
  };

let freshPort = 10_000;

const value = (name: string, unit: string, better: Value['better'] = 'larger'): Value => ({
  name,
  unit,
  better,
});
const tcp = (streams: number): Metric => ({
  values: [value(`tcp${streams}`, 'Gb/s')],
  run: (prefix, where, seconds) => iperf(prefix, where, seconds, streams),
});
const udp = (length: number): Metric => ({
  values: [value(`udp${length}`, 'kpps')],
  run: tool('udpblast', ['rate'], 1e-3, '--length', String(length)),
});

/** Whether anything gets through at all. */
export async function reaches(prefix: string, where: Where): Promise<boolean> {
  const args = ['--rate', '10', '--timeout-ms', '500'];
  const [lost, requests] = await tool(
    'pingpong',
    ['lost', 'requests'],
    1,
    ...args,
  )(prefix, where, 1);
  return (lost ?? 0) < (requests ?? 0);
}

export const METRICS: Readonly<Record<string, Metric>> = {
  tcp1: tcp(1),
  tcp4: tcp(4),
  /** Payload bytes; 18 make the smallest Ethernet frame. */
  udp18: udp(18),
  udp64: udp(64),
  rtt: {
    values: [value('rtt-p50', 'µs', 'smaller'), value('rtt-p99', 'µs', 'smaller')],
    run: tool('pingpong', ['p50Us', 'p99Us'], 1, '--rate', '0'),
  },
  connections: {
    values: [value('connections', 'k/s')],
    run: async (prefix, where, seconds) => {
      const args = ['--rate', '0', '--length', '64'];
      const [done] = await tool('tcpconn', ['completed'], 1e-3, ...args)(prefix, where, seconds);
      return [(done ?? NaN) / seconds];
    },
  },
  /** No connection has the ports of an earlier one, so that none finds anything left of it. */
  'always-new': {
    values: [value('connections', 'k/s')],
    run: async (prefix, where, seconds) => {
      const args = ['--rate', '0', '--length', '64', '--port', String(freshPort++)];
      const [done] = await tool('tcpconn', ['completed'], 1e-3, ...args)(prefix, where, seconds);
      return [(done ?? NaN) / seconds];
    },
  },
  'new-flows': {
    values: [value('new-flows', 'k/s')],
    run: tool('udpblast', ['rate'], 1e-3, '--spread', '--length', '18'),
  },
};
