// SPDX-License-Identifier: Apache-2.0
/** Reads the event ring as long as the daemon runs. */
import type { Component } from '../base/lifecycle.js';
import type { Logger } from '../base/log.js';
import type { DropSamples, Programs } from './datapath/index.js';
import type { BpfLoader } from './ports/bpf.js';

export interface EventReaderDeps {
  readonly loader: BpfLoader;
  readonly programs: Programs;
  readonly samples: DropSamples;
  readonly log: Logger;
}

export class EventReader implements Component {
  #reading: { stop(): Promise<void> } | undefined;

  constructor(private readonly deps: EventReaderDeps) {}

  start(_signal: AbortSignal): Promise<void> {
    const { loader, programs, samples, log } = this.deps;
    this.#reading = loader.consumeRing(
      programs.map('event'),
      (record) => {
        samples.add(record);
      },
      (error) => {
        // Samples are for people: the data path does not depend on them.
        log.error({ err: error }, 'events are not read any more');
      },
    );
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#reading?.stop();
  }
}
