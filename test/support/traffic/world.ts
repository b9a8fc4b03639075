// SPDX-License-Identifier: Apache-2.0
/**
 * The world outside of a lab with topology nat: servers there, and what workloads are seen as. Also
 * for workloads that serve something to the outside or to each other.
 */
import { until, type Lab } from './lab.js';

/** Namespaces o and w (one hop and another MTU further) have these addresses. */
export const HOST = { 4: '198.51.100.7', 6: '2001:db8:5::7' } as const;
export const OTHER = { 4: '198.51.100.8', 6: '2001:db8:5::8' } as const;
export const BEYOND = { 4: '198.51.100.130', 6: '2001:db8:6::2' } as const;
/** Of the way from o to w. */
export const BEYOND_MTU = 1400;
/** The next hop outside, seen from the gateway. */
export const ROUTER = { 4: '192.0.2.254', 6: '2001:db8:2::fe' } as const;

/** Answers with its name and the address and port that it sees. */
const SERVER = `
  const [name, tcp, udp] = process.argv.slice(1);
  if (Number(tcp))
    require('node:http').createServer((q, r) =>
    r.end([name, q.socket.remoteAddress.replace('::ffff:', ''), q.socket.remotePort].join(' ')),
  ).listen(Number(tcp), '::');
  const u = require('node:dgram').createSocket('udp6');
  u.on('message', (m, from) =>
    u.send([name, from.address.replace('::ffff:', ''), from.port].join(' '), from.port, from.address));
  u.bind(Number(udp));
`;
/** Asks a server by UDP from a port, again until it answers, prints the answer. */
const ASK = `
  const [address, port, from] = process.argv.slice(1);
  const u = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const ask = () => u.send('?', Number(port), address);
  u.on('message', (m) => { console.log(String(m)); process.exit(); });
  u.bind(Number(from), () => { ask(); setInterval(ask, 400); });
  setTimeout(() => process.exit(1), 4000);
`;

export interface Seen {
  /** Of the server that answered. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Starts a server that ends with the lab; returns when it listens. TCP port 0: none. */
export async function serve(lab: Lab, ns: string, { tcp = 80, udp = 9999 } = {}): Promise<void> {
  lab.background(ns, process.execPath, '-e', SERVER, ns, String(tcp), String(udp));
  await until(`the server of ${ns}`, 30, async () => {
    const listening = (await lab.inNs(ns, 'ss', '-Hltun')).stdout;
    return listening.includes(`:${udp} `) && (tcp === 0 || listening.includes(`:${tcp} `));
  });
}

function seen(text: string): Seen | undefined {
  const [name, address, port] = text.trim().split(' ');
  if (name === undefined || address === undefined) return undefined;
  return { name, address, port: Number(port) };
}

/** By curl. undefined: no answer. */
export async function get(lab: Lab, from: string, url: string): Promise<Seen | undefined> {
  return seen((await lab.inNs(from, 'curl', '-gs', '--max-time', '5', url)).stdout);
}

/** By UDP, from a port. undefined: no answer. */
export async function ask(
  lab: Lab,
  from: string,
  address: string,
  sport: number,
  port = 9999,
): Promise<Seen | undefined> {
  const args = ['-e', ASK, address, String(port), String(sport)];
  return seen((await lab.inNs(from, process.execPath, ...args)).stdout);
}

/** The addresses of the hops, from the first on. */
export async function traceroute(
  lab: Lab,
  from: string,
  to: string,
  ...how: readonly string[]
): Promise<string[]> {
  const args = ['-n', '-q', '1', '-w', '2', '-m', '6', ...how, to];
  const { stdout } = await lab.inNs(from, 'traceroute', ...args);
  return stdout
    .split('\n')
    .slice(1)
    .flatMap((line) => /^\s*\d+\s+(\S+)/.exec(line)?.[1] ?? []);
}

/** One echo that may not be fragmented, of a packet of so many bytes; what ping printed. */
export async function pingWhole(
  lab: Lab,
  from: string,
  to: string,
  length: number,
): Promise<string> {
  const size = length - (to.includes(':') ? 48 : 28);
  const args = ['-c', '1', '-W', '2', '-M', 'do', '-s', String(size), to];
  return (await lab.inNs(from, 'ping', ...args)).stdout;
}

/** Path MTUs that hosts have learned. */
export async function forget(lab: Lab, ...namespaces: readonly string[]): Promise<void> {
  for (const ns of namespaces) {
    await lab.inNs(ns, 'ip', 'route', 'flush', 'cache');
    await lab.inNs(ns, 'ip', '-6', 'route', 'flush', 'cache');
  }
}

/** The path MTU that a host has learned; undefined: none. */
export async function learned(lab: Lab, ns: string, to: string): Promise<number | undefined> {
  const { stdout } = await lab.inNs(ns, 'ip', 'route', 'get', to);
  const mtu = /\bmtu (\d+)/.exec(stdout)?.[1];
  return mtu === undefined ? undefined : Number(mtu);
}

/** Runs jobs, some at a time, and answers in their order. */
export async function each<T, R>(
  items: readonly T[],
  atATime: number,
  job: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      results[i] = await job(items[i]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}
