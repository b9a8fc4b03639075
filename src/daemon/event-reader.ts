// SPDX-License-Identifier: Apache-2.0
/** Reads the event ring as long as the daemon runs, and hands each event to whom it concerns. */
import type { Component } from '../base/lifecycle.js';
import type { Logger } from '../base/log.js';
import { addressFromBytes, formatAddress } from '../base/net.js';
import { decode, event, EVENT_KIND } from '../maps/index.js';
import type { DropSamples, Programs } from './datapath/index.js';
import type { BpfLoader } from './ports/bpf.js';

export interface EventReaderDeps {
  readonly loader: BpfLoader;
  readonly programs: Programs;
  readonly samples: DropSamples;
  readonly log: Logger;
  /** A neighbour outside is asked for. */
  readonly onPunt: (address: string) => void;
}

export class EventReader implements Component {
  #reading: { stop(): Promise<void> } | undefined;

  constructor(private readonly deps: EventReaderDeps) {}

  start(_signal: AbortSignal): Promise<void> {
    const { loader, programs, log } = this.deps;
    this.#reading = loader.consumeRing(
      programs.map('event'),
      (record) => {
        this.#take(record);
      },
      (error) => {
        // Samples are for people. Neighbours are resolved late, or by other traffic.
        log.error({ err: error }, 'events are not read any more');
      },
    );
    return Promise.resolve();
  }

  #take(record: Uint8Array): void {
    // Of other programs than ours, or not complete.
    if (record.length < event.size) return;
    const { kind, resolve } = decode(event, record);
    if (kind === EVENT_KIND.PUNT) this.deps.onPunt(formatAddress(addressFromBytes(resolve)));
    else this.deps.samples.add(record);
  }

  async stop(): Promise<void> {
    await this.#reading?.stop();
  }
}
