// SPDX-License-Identifier: Apache-2.0
/**
 * The log of port blocks: segments that are only appended to, named by when they begin. Each begins
 * with all that is held then, so that a question about a time reads one segment, however many there
 * are; whole segments go when they are too old or too many. A line is written when its event is
 * known, so that a killed daemon loses none; the disk has it within a second.
 */
import {
  closeSync,
  fdatasync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../base/time.js';
import type { FixedPlan } from '../../model/index.js';
import { holdOf, parseRecord, type BlockRecord, type Hold } from './records.js';

export interface BlockLogOptions {
  /** Directory of the segments. */
  readonly dir: string;
  /** Segments older than this go, days. */
  readonly days: number;
  /** All segments together, bytes; the oldest go. */
  readonly maxBytes: number;
  /** A segment ends when it is this large, bytes. */
  readonly segmentBytes: number;
}

/** Who had a port at a time. */
export interface Answer {
  readonly hold: Hold;
  /** When it was taken; with `after`: at some time between the two. */
  readonly since: string;
  readonly after?: string;
}

/** What is so at a time. */
interface State {
  readonly holds: Map<number, Answer>;
  readonly plans: Map<string, FixedPlan>;
}

const SYNC_MS = 1000;
const DAY_MS = 86_400_000;
const NAME = /^([0-9]{15})\.jsonl$/;

function segmentName(time: number): string {
  return `${String(time).padStart(15, '0')}.jsonl`;
}

function apply({ holds, plans }: State, record: BlockRecord): void {
  switch (record.event) {
    case 'taken':
    case 'held': {
      const since = record.event === 'held' ? record.since : record.time;
      const { after } = record;
      holds.set(record.block, { hold: holdOf(record), since, ...(after ? { after } : {}) });
      return;
    }
    case 'given-back': {
      // An event may come behind that of the next holder.
      const held = holds.get(record.block);
      if (held?.hold.sub === record.sub && record.time >= held.since) holds.delete(record.block);
      return;
    }
    case 'plan':
      if (record.plan) plans.set(record.gateway, record.plan);
      else plans.delete(record.gateway);
      return;
    case 'lost':
      return;
  }
}

export class BlockLog {
  #state: State = { holds: new Map(), plans: new Map() };
  #fd: number | undefined;
  #size = 0;
  #dirty = false;
  #timer: Timer | undefined;
  /** Time of the last line. */
  #last: string | undefined;

  constructor(
    private readonly deps: { readonly clock: Clock },
    private readonly opts: BlockLogOptions,
  ) {}

  /** Reads what is so at the end of the log, and goes on there. */
  open(): void {
    const { dir } = this.opts;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const newest = this.#segments().at(-1);
    if (newest !== undefined) {
      for (const record of this.#read(newest)) {
        apply(this.#state, record);
        this.#last = record.time;
      }
      const path = join(dir, segmentName(newest));
      this.#size = statSync(path).size;
      this.#fd = openSync(path, 'a', 0o600);
      // A line that a crash of the machine cut short ends here.
      if (this.#size > 0 && readFileSync(path).at(-1) !== 0x0a) this.#write('\n');
    }
    this.#timer = this.deps.clock.every(SYNC_MS, () => {
      this.#sync();
    });
  }

  close(): void {
    this.#timer?.cancel();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Time of the last line; undefined: there is none. */
  get last(): string | undefined {
    return this.#last;
  }

  /** When the log begins. */
  get from(): string | undefined {
    const [oldest] = this.#segments();
    return oldest === undefined ? undefined : new Date(oldest).toISOString();
  }

  /** By index of nat_block. */
  get holds(): ReadonlyMap<number, Answer> {
    return this.#state.holds;
  }

  /** Ports by arithmetic, by name of the NatGateway. */
  get plans(): ReadonlyMap<string, FixedPlan> {
    return this.#state.plans;
  }

  append(record: BlockRecord): void {
    if (this.#fd === undefined || this.#size >= this.opts.segmentBytes) this.#begin(record.time);
    apply(this.#state, record);
    this.#last = record.time;
    this.#write(`${JSON.stringify(record)}\n`);
  }

  /** Who had a public port at a time (milliseconds); plans as they were then. */
  at(address: string, port: number, time: number): { holds: Answer[]; plans: State['plans'] } {
    const segment = this.#segments().findLast((start) => start <= time);
    const state: State = { holds: new Map(), plans: new Map() };
    const uncertain: Answer[] = [];
    for (const record of segment === undefined ? [] : this.#read(segment)) {
      if (Date.parse(record.time) <= time) {
        apply(state, record);
        continue;
      }
      if (record.event !== 'taken' || record.after === undefined) continue;
      // Found later: it may have been so already.
      if (Date.parse(record.after) > time || !covers(record, address, port)) continue;
      uncertain.push({ hold: holdOf(record), since: record.time, after: record.after });
    }
    const holds = [...state.holds.values()].filter(({ hold }) => covers(hold, address, port));
    return { holds: [...holds, ...uncertain], plans: state.plans };
  }

  /** Records of a time, the newest first. */
  *records(since: number, until: number): Generator<BlockRecord> {
    for (const start of this.#segments().reverse()) {
      if (start > until) continue;
      for (const record of [...this.#read(start)].reverse()) {
        const time = Date.parse(record.time);
        if (record.event !== 'held' && time >= since && time <= until) yield record;
      }
      if (start <= since) return;
    }
  }

  /** Starts of the segments there are, ascending. */
  #segments(): number[] {
    return readdirSync(this.opts.dir)
      .flatMap((name) => {
        const start = NAME.exec(name)?.[1];
        return start === undefined ? [] : [Number(start)];
      })
      .sort((a, b) => a - b);
  }

  *#read(segment: number): Generator<BlockRecord> {
    const text = readFileSync(join(this.opts.dir, segmentName(segment)), 'utf8');
    for (const line of text.split('\n')) {
      const record = line === '' ? undefined : parseRecord(line);
      if (record !== undefined) yield record;
    }
  }

  /** A new segment, with all that is so when it begins. */
  #begin(time: string): void {
    this.#sync();
    if (this.#fd !== undefined) closeSync(this.#fd);
    const newest = this.#segments().at(-1) ?? 0;
    const start = Math.max(Date.parse(time), newest + 1);
    this.#fd = openSync(join(this.opts.dir, segmentName(start)), 'a', 0o600);
    this.#size = 0;
    for (const { hold, since, after } of this.#state.holds.values()) {
      const held: BlockRecord = {
        time,
        event: 'held',
        since,
        ...(after ? { after } : {}),
        ...hold,
      };
      this.#write(`${JSON.stringify(held)}\n`);
    }
    for (const [gateway, plan] of this.#state.plans)
      this.#write(`${JSON.stringify({ time, event: 'plan', gateway, plan })}\n`);
    this.#expire(Date.parse(time));
  }

  #expire(now: number): void {
    const segments = this.#segments();
    const size = (start: number): number => statSync(join(this.opts.dir, segmentName(start))).size;
    let total = segments.reduce((sum, start) => sum + size(start), 0);
    for (const [i, start] of segments.entries()) {
      const next = segments[i + 1];
      // The last one is being written.
      if (next === undefined) return;
      if (next >= now - this.opts.days * DAY_MS && total <= this.opts.maxBytes) return;
      total -= size(start);
      rmSync(join(this.opts.dir, segmentName(start)));
    }
  }

  #write(text: string): void {
    if (this.#fd === undefined) return;
    this.#size += writeSync(this.#fd, text);
    this.#dirty = true;
  }

  #sync(): void {
    if (!this.#dirty || this.#fd === undefined) return;
    this.#dirty = false;
    fdatasync(this.#fd, () => {
      // What the disk cannot take is lost only if the machine fails, too.
    });
  }
}

function covers(hold: Hold, address: string, port: number): boolean {
  return hold.address === address && port >= hold.first && port <= hold.last;
}
