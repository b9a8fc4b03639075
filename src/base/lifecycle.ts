// SPDX-License-Identifier: Apache-2.0
/** Parts with a life, and the runner that starts them in order and stops them in reverse. */
import { errorText, TransitError } from './errors.js';
import type { Logger } from './log.js';

/** Something that is started once and stopped once. */
export interface Component {
  /** Resolves when it does its work. The signal aborts when the start is given up. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when it has let go of everything. Called only after a start that succeeded. */
  stop(): Promise<void>;
}

export interface NamedComponent {
  readonly name: string;
  readonly component: Component;
}

/**
 * Starts components in the order given and stops those that started in reverse. A start that
 * fails stops what had started before and is reported; a stop that fails is logged and the
 * others are stopped all the same.
 */
export class Runner {
  private readonly started: NamedComponent[] = [];

  constructor(
    private readonly deps: { readonly log: Logger },
    private readonly opts: { readonly components: readonly NamedComponent[] },
  ) {}

  /** @throws TransitError START_FAILED naming the component. */
  async start(signal: AbortSignal): Promise<void> {
    for (const entry of this.opts.components) {
      try {
        signal.throwIfAborted();
        await entry.component.start(signal);
      } catch (error) {
        await this.stop();
        throw new TransitError(
          'START_FAILED',
          `${entry.name} did not start: ${errorText(error)}`,
          { object: entry.name },
          error,
        );
      }
      this.started.push(entry);
      this.deps.log.debug({ component: entry.name }, 'component started');
    }
  }

  /** Stops what was started, in reverse. Calling it again does nothing. */
  async stop(): Promise<void> {
    for (let entry = this.started.pop(); entry !== undefined; entry = this.started.pop()) {
      try {
        await entry.component.stop();
        this.deps.log.debug({ component: entry.name }, 'component stopped');
      } catch (error) {
        this.deps.log.error({ component: entry.name, err: error }, 'component did not stop');
      }
    }
  }
}
