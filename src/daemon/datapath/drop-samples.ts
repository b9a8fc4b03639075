// SPDX-License-Identifier: Apache-2.0
/** The last dropped packets that the programs reported through the event ring. */
import type { DropsResponse } from '../../api/index.js';
import {
  decode,
  event as eventCodec,
  nodeName,
  NODE,
  reasonName,
  EVENT_KIND,
} from '../../maps/index.js';
import type { Clock } from '../../base/time.js';
import { hookLabel } from './labels.js';
import type { Names } from './names.js';
import { summarise } from './packet-summary.js';

export type DropSample = DropsResponse['samples'][number];

const NS_PER_MS = 1_000_000n;

export interface DropSamplesDeps {
  readonly clock: Clock;
  readonly names: Names;
  /** CLOCK_MONOTONIC, ns: what the programs stamp events with. */
  readonly monotonicNs: () => bigint;
}

export class DropSamples {
  readonly #ring: DropSample[] = [];

  constructor(
    private readonly deps: DropSamplesDeps,
    private readonly opts: { readonly keep: number } = { keep: 64 },
  ) {}

  /** Takes a record of the event ring. Names are those of now: later the device may be gone. */
  add(record: Uint8Array): void {
    if (record.length < eventCodec.size) return;
    const event = decode(eventCodec, record);
    if (event.kind !== EVENT_KIND.DROP) return;
    const { names, clock } = this.deps;
    const now = clock.now();
    const ageMs = Number((this.deps.monotonicNs() - event.time_ns) / NS_PER_MS);
    // A stamp that no Date can hold is no stamp: the record is shown with the time it was read.
    const time = Math.abs(ageMs) < now ? now - ageMs : now;
    const frame = event.data.subarray(0, Math.min(event.captured, event.data.length));
    const device = names.device(event.ifindex);
    const endpoint = names.endpoint(event.ifindex)?.name;
    const vpc = event.vni === 0 ? undefined : names.vpcs().get(event.vni);
    this.#ring.push({
      time: new Date(time).toISOString(),
      hook: hookLabel(event.hook),
      reason: reasonName(event.reason),
      ...(event.node === NODE.NONE ? {} : { node: nodeName(event.node) }),
      ...(device === undefined ? {} : { device }),
      ifindex: event.ifindex,
      ...(event.vni === 0 ? {} : { vni: event.vni }),
      ...(vpc === undefined ? {} : { vpc }),
      ...(endpoint === undefined ? {} : { endpoint }),
      length: event.length,
      summary: summarise(frame),
      data: Array.from(frame, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    });
    if (this.#ring.length > this.opts.keep) this.#ring.shift();
  }

  /** Newest first. */
  list(): DropSample[] {
    return [...this.#ring].reverse();
  }
}
