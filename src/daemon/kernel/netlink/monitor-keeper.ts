// SPDX-License-Identifier: Apache-2.0
/** Keeps a monitor running: one that fails is replaced, and its listener told to read again. */
import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '../../../base/errors.js';
import type { Logger } from '../../../base/log.js';
import type { NetlinkEvent } from '../../ports/netlink.js';
import type { Libc } from './libc.js';
import { LinkMonitor } from './monitor.js';

const RESTART_AFTER_MS = 1000;

export class MonitorKeeper {
  private readonly running = new Set<LinkMonitor>();
  private readonly closing = new AbortController();

  constructor(
    private readonly deps: { readonly libc: Libc; readonly log: Logger },
    private readonly opts: { readonly bufferBytes: number },
  ) {}

  /** Resolves when changes from now on are reported. @throws NetlinkError */
  async follow(onEvent: (event: NetlinkEvent) => void): Promise<void> {
    const monitor: LinkMonitor = new LinkMonitor(
      {
        ...this.deps,
        onEvent,
        onFailure: (error) => {
          void this.replace(monitor, onEvent, error);
        },
      },
      this.opts,
    );
    this.running.add(monitor);
    try {
      await monitor.start();
      // Closed meanwhile, when there was nothing to stop yet.
      if (this.closing.signal.aborted) await monitor.stop();
    } catch (error) {
      this.running.delete(monitor);
      throw error;
    }
  }

  /** Resolves when none runs any more. */
  async close(): Promise<void> {
    this.closing.abort();
    const monitors = [...this.running];
    this.running.clear();
    await Promise.all(monitors.map((monitor) => monitor.stop()));
  }

  private async replace(
    failed: LinkMonitor,
    onEvent: (event: NetlinkEvent) => void,
    cause: unknown,
  ): Promise<void> {
    const { signal } = this.closing;
    this.deps.log.error({ err: cause }, 'the netlink monitor failed');
    this.running.delete(failed);
    await failed.stop();
    for (;;) {
      try {
        await delay(RESTART_AFTER_MS, undefined, { signal });
        await this.follow(onEvent);
        if (!signal.aborted) onEvent({ type: 'overrun' });
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.deps.log.error({ reason: errorText(error) }, 'the netlink monitor did not restart');
      }
    }
  }
}
