// SPDX-License-Identifier: Apache-2.0
/**
 * One process in a workload's namespace that answers on TCP and UDP and, when it is asked, talks to
 * others: by a new connection, or by one that is kept and used all the time.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until, type Lab } from './lab.js';

export const TCP_PORTS = [80, 5432, 8080] as const;
export const UDP_PORTS = [53, 5432] as const;

/** Lines in: [number, what, ...arguments]; lines out: [number, answer]. */
const SCRIPT = `
  const [tcpPorts, udpPorts, everyMs] = JSON.parse(process.argv[1]);
  const net = require('node:net'), dgram = require('node:dgram');
  const quiet = (s) => s.on('error', () => {});
  for (const port of tcpPorts)
    net.createServer((s) => quiet(s).on('data', (d) => s.write(d))).listen(port, '::');
  for (const port of udpPorts) {
    const u = quiet(dgram.createSocket('udp6'));
    u.on('message', (m, from) => u.send(m, from.port, from.address));
    u.bind(port, '::');
  }
  const kept = new Map(), ends = new Map();
  const type = (address) => (address.includes(':') ? 'udp6' : 'udp4');
  const does = {
    tcp: (address, port, waitMs) => new Promise((done) => {
      const s = net.connect(port, address, () => s.write('?'));
      const end = (answer) => { clearTimeout(timer); s.destroy(); done(answer); };
      const timer = setTimeout(end, waitMs, false);
      s.on('data', () => end(true)).on('error', () => end(false));
    }),
    udp: (address, port, waitMs) => new Promise((done) => {
      const u = quiet(dgram.createSocket(type(address)));
      const again = setInterval(() => u.send('?', port, address), 100);
      const end = (answer) => { clearTimeout(timer); clearInterval(again); u.close(); done(answer); };
      const timer = setTimeout(end, waitMs, false);
      u.on('message', () => end(true));
    }),
    keep: (name, kind, address, port, ms = everyMs) => {
      const one = { sent: 0, answers: 0, last: 0, gap: 0, gapAt: 0 };
      kept.set(name, one);
      const heard = () => {
        const now = Date.now();
        if (one.last && now - one.last > one.gap) [one.gap, one.gapAt] = [now - one.last, now];
        one.last = now;
        one.answers++;
      };
      if (kind === 'tcp') {
        const s = quiet(net.connect(port, address)).on('data', heard);
        s.setNoDelay();
        const timer = setInterval(() => { one.sent++; s.write('?'); }, ms);
        ends.set(name, () => clearInterval(timer));
        return;
      }
      const open = () => quiet(dgram.createSocket(type(address))).on('message', heard);
      let u = open();
      const timer = setInterval(() => {
        if (kind === 'fresh') {
          const old = u;
          setTimeout(() => old.close(), 2000);
          u = open();
        }
        one.sent++;
        u.send('?', port, address);
      }, ms);
      ends.set(name, () => clearInterval(timer));
    },
    end: (name) => ends.get(name)(),
    kept: (name) => kept.get(name),
    forget: (name) => Object.assign(kept.get(name), { gap: 0, gapAt: 0, last: 0 }),
    ready: () => true,
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
    const [number, what, ...rest] = JSON.parse(line);
    process.stdout.write(JSON.stringify([number, (await does[what](...rest)) ?? null]) + '\\n');
  }).on('close', () => process.exit());
`;

/** A connection that is kept; times are Date.now(). */
export interface Kept {
  readonly sent: number;
  readonly answers: number;
  /** Of the last answer. 0: none yet. */
  readonly last: number;
  /** The longest time between two answers, ms, and when it ended. */
  readonly gap: number;
  readonly gapAt: number;
}

/** ms between two packets of a kept connection. */
export const EVERY_MS = 50;

export class Talker {
  private readonly waiting = new Map<number, (answer: unknown) => void>();
  private readonly write: (line: string) => void;
  private asked = 0;

  private constructor(lab: Lab, ns: string) {
    const about = JSON.stringify([TCP_PORTS, UDP_PORTS, EVERY_MS]);
    const enter = [
      `--net=/run/netns/${lab.netns(ns)}`,
      '--',
      process.execPath,
      '-e',
      SCRIPT,
      about,
    ];
    const child = spawn('nsenter', enter, { stdio: ['pipe', 'pipe', 'inherit'] });
    lab.onDown(() => child.kill('SIGKILL'));
    this.write = (line) => child.stdin.write(`${line}\n`);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [number, answer] = JSON.parse(line) as [number, unknown];
      this.waiting.get(number)?.(answer);
      this.waiting.delete(number);
    });
  }

  /** It ends with the lab. */
  static async in(lab: Lab, ns: string): Promise<Talker> {
    const talker = new Talker(lab, ns);
    await talker.ask('ready');
    await until(`servers of ${ns}`, 10, () => talker.tcp('127.0.0.1', TCP_PORTS[0], 500));
    return talker;
  }

  /** Whether a new connection is answered. */
  async tcp(address: string, port: number, waitMs: number): Promise<boolean> {
    return (await this.ask('tcp', address, port, waitMs)) === true;
  }

  async udp(address: string, port: number, waitMs: number): Promise<boolean> {
    return (await this.ask('udp', address, port, waitMs)) === true;
  }

  /** Talks to a server until it is ended; fresh: each time by UDP from another port. */
  async keep(
    name: string,
    kind: 'tcp' | 'udp' | 'fresh',
    address: string,
    port: number,
    everyMs = EVERY_MS,
  ): Promise<void> {
    await this.ask('keep', name, kind, address, port, everyMs);
  }

  /** Nothing more is sent. */
  async end(name: string): Promise<void> {
    await this.ask('end', name);
  }

  async kept(name: string): Promise<Kept> {
    return (await this.ask('kept', name)) as Kept;
  }

  /** Gaps are measured from now on. */
  async forget(name: string): Promise<void> {
    await this.ask('forget', name);
  }

  private ask(...question: readonly (string | number)[]): Promise<unknown> {
    const number = this.asked++;
    return new Promise((resolve) => {
      this.waiting.set(number, resolve);
      this.write(JSON.stringify([number, ...question]));
    });
  }
}
