// SPDX-License-Identifier: Apache-2.0
/**
 * Brings the events of port blocks into the log. The ring keeps what happens while no daemon runs;
 * what it could not keep is found by comparing the log with the maps: after the start, when events
 * were lost, and once in a while.
 */
import type { Component } from '../../base/lifecycle.js';
import type { Logger } from '../../base/log.js';
import type { Clock, Timer } from '../../base/time.js';
import {
  ABI,
  decode,
  MAPS,
  NAT_EVENT_KIND,
  natEvent,
  TypedMap,
  type NatEvent,
} from '../../maps/index.js';
import { fixedPlan, type FixedPlan } from '../../model/index.js';
import {
  addressText,
  holderOf,
  listOf,
  natTables,
  UNKNOWN,
  type NatTables,
  type Objects,
  type Programs,
} from '../datapath/index.js';
import type { BpfLoader } from '../ports/bpf.js';
import type { BlockLog } from './block-log.js';
import type { Hold } from './records.js';

export interface BlockEventsDeps {
  readonly loader: Pick<BpfLoader, 'consumeRing'>;
  readonly programs: Pick<Programs, 'map'>;
  readonly objects: Objects;
  readonly blocks: BlockLog;
  readonly clock: Clock;
  readonly log: Logger;
  /** CLOCK_MONOTONIC. */
  readonly monotonicNs: () => bigint;
}

/** Events that waited in the ring are taken first. */
const FIRST_COMPARE_MS = 2000;
const COMPARE_MS = 300_000;
const LOOK_MS = 5000;

export class BlockEvents implements Component {
  #reading: { stop(): Promise<void> } | undefined;
  #timers: Timer[] = [];
  #waiting: NatEvent[] = [];
  #lost = 0n;
  /** Nothing was known of blocks before: the log may have a gap that ends now. */
  #before: string | undefined;

  constructor(
    private readonly deps: BlockEventsDeps,
    private readonly opts: { readonly host: string },
  ) {}

  start(_signal: AbortSignal): Promise<void> {
    const { loader, programs, blocks, clock, log } = this.deps;
    blocks.open();
    this.#before = blocks.last;
    this.#lost = this.#lostEvents();
    this.#reading = loader.consumeRing(
      programs.map('nat_event'),
      (record) => {
        if (record.length < natEvent.size) return;
        if (this.#waiting.push(decode(natEvent, record)) === 1)
          setImmediate(() => {
            this.#take();
          });
      },
      (error) => {
        log.error({ err: error }, 'events of port blocks are not read any more');
      },
    );
    this.#timers = [
      clock.after(FIRST_COMPARE_MS, () => {
        this.compare();
      }),
      clock.every(LOOK_MS, () => {
        this.look();
      }),
      clock.every(COMPARE_MS, () => {
        this.compare();
      }),
    ];
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#reading?.stop();
    this.#take();
    this.deps.blocks.close();
  }

  /** What has to be noticed without an event: losses, and arithmetic that changed. */
  look(): void {
    this.#plans();
    const lost = this.#lostEvents();
    if (lost === this.#lost) return;
    const count = Number(lost - this.#lost);
    this.#lost = lost;
    this.deps.log.warn({ count }, 'events of port blocks were lost');
    this.deps.blocks.append({ time: this.#now(), event: 'lost', count });
    this.compare();
  }

  /** Writes down what the maps say and the log does not, with what is known of the time. */
  compare(): void {
    this.#take();
    this.#plans();
    const { blocks } = this.deps;
    const tables = this.#tables();
    const after = this.#before ?? blocks.last;
    const time = this.#now();
    const found = after === undefined ? { time } : { time, after };
    const held = new Map(this.#held(tables).map((hold) => [hold.block, hold]));
    for (const { hold } of [...blocks.holds.values()]) {
      const now = held.get(hold.block);
      if (now?.sub === hold.sub && now.address === hold.address) continue;
      blocks.append({ ...found, event: 'given-back', ...hold });
    }
    for (const hold of held.values()) {
      if (blocks.holds.has(hold.block)) continue;
      // Of a log that begins now nothing is known of the time before.
      blocks.append({ after: after ?? new Date(0).toISOString(), time, event: 'taken', ...hold });
    }
    this.#before = undefined;
  }

  #tables(): NatTables {
    return natTables((name) => this.deps.programs.map(name), this.deps.objects);
  }

  #now(): string {
    return new Date(this.deps.clock.now()).toISOString();
  }

  #lostEvents(): bigint {
    return new TypedMap(this.deps.programs.map('nat_lost'), MAPS.nat_lost).get(0)?.events ?? 0n;
  }

  /** Blocks that endpoints hold, those by arithmetic left out. */
  #held(tables: NatTables): Hold[] {
    const subs = new TypedMap(this.deps.programs.map('nat_sub'), MAPS.nat_sub);
    const out: Hold[] = [];
    for (const member of tables.members) {
      const gateway = tables.gateways.get(member.gw);
      if (gateway === undefined) continue;
      for (let number = 0; number < 65536 / gateway.blockSize; number++) {
        const value = tables.block(member, number);
        const sub = value === undefined ? 0 : holderOf(value);
        if (sub === 0) continue;
        const block = 1 + (member.index - 1) * ABI.NAT_EXT_BLOCKS + number;
        const own = subs.get(sub);
        if (own && own.fixed !== 0 && block >= own.fixed && block < own.fixed + own.fixed_count)
          continue;
        const first = number * gateway.blockSize;
        out.push({
          block,
          sub,
          address: member.address,
          first,
          last: first + gateway.blockSize - 1,
          ...(tables.subscribers().get(sub) ?? UNKNOWN),
          inside: '',
          gateway: gateway.name,
          owner: this.opts.host,
        });
      }
    }
    return out;
  }

  /** Arithmetic as it is now: a question about a time needs that of then (RFC 7422 s3). */
  #plans(): void {
    const { blocks, objects } = this.deps;
    const now = new Map<string, FixedPlan>();
    for (const { metadata, spec } of listOf(objects, 'NatGateway')) {
      const plan = fixedPlan(spec, (name) => {
        const subnet = objects.get('Subnet', name);
        return subnet?.kind === 'Subnet' ? subnet.spec.ipv4?.prefix : undefined;
      });
      if (plan !== undefined) now.set(metadata.name, plan);
    }
    const time = this.#now();
    for (const [gateway, plan] of now)
      if (JSON.stringify(blocks.plans.get(gateway)) !== JSON.stringify(plan))
        blocks.append({ time, event: 'plan', gateway, plan });
    for (const gateway of [...blocks.plans.keys()])
      if (!now.has(gateway)) blocks.append({ time, event: 'plan', gateway });
  }

  #take(): void {
    const events = this.#waiting.splice(0);
    if (events.length === 0) return;
    const { blocks, clock, monotonicNs } = this.deps;
    const tables = this.#tables();
    // Both clocks at once: what the events' one says, in the other's terms.
    const offsetMs = clock.now() - Number(monotonicNs() / 1_000_000n);
    for (const event of events) {
      const time = new Date(offsetMs + Number(event.time_ns / 1_000_000n)).toISOString();
      if (event.kind === NAT_EVENT_KIND.GIVEN_BACK) {
        const held = blocks.holds.get(event.block)?.hold;
        if (held?.sub === event.sub) blocks.append({ time, event: 'given-back', ...held });
        continue;
      }
      const address = addressText(event.addr);
      const member = tables.members.find((one) => one.address === address);
      const known = tables.subscribers().get(event.sub);
      blocks.append({
        time,
        event: 'taken',
        block: event.block,
        sub: event.sub,
        address,
        first: event.first,
        last: event.last,
        vpc: known?.vpc ?? tables.vpcName(event.vni),
        endpoint: known?.endpoint ?? '',
        inside: addressText(event.inside),
        gateway: (member && tables.gateways.get(member.gw)?.name) ?? '',
        owner: this.opts.host,
      });
    }
  }
}
