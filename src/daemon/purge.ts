// SPDX-License-Identifier: Apache-2.0
/**
 * transitd --purge: takes everything of an instance out of the kernel: links, pins, devices with
 * our alias, changes to others. The store stays.
 */
import { createLogger } from '../base/log.js';
import { systemClock } from '../base/time.js';
import type { Settings } from './config/index.js';
import { Attachments, Programs } from './datapath/index.js';
import { InterfaceManager, RestoreBook, restoreUnused } from './interfaces/index.js';
import { LibbpfLoader } from './kernel/libbpf/index.js';
import { KernelNetlink } from './kernel/netlink/index.js';
import { openLmdbStore } from './store/index.js';
import { restoreBookPath } from './compose.js';

/** @throws StoreError STORE_LOCKED while the instance's daemon runs */
export async function purge(settings: Settings): Promise<void> {
  const log = createLogger({ level: 'warn', instance: settings.instance });
  // The store's lock is what tells that no daemon of this instance runs.
  const store = await openLmdbStore({ log }, { dataDir: settings.dataDir });
  const loader = new LibbpfLoader();
  const netlink = new KernelNetlink({ log });
  const { pinDir } = settings.datapath;
  try {
    const book = new RestoreBook({ path: restoreBookPath(settings) });
    const programs = new Programs({ loader, log }, settings.datapath);
    const links = await netlink.links();
    new Attachments({ loader, programs, log }, { pinDir }).purge(links.map((link) => link.ifindex));
    const ignore = (): void => undefined;
    const interfaces = new InterfaceManager(
      { netlink, clock: systemClock, log, book, onFact: ignore, onState: ignore },
      { instance: settings.instance },
    );
    await interfaces.sweep();
    await restoreUnused({ netlink, book }, new Set());
    loader.unpin(pinDir);
  } finally {
    await netlink.close();
    await store.close();
  }
  process.stdout.write(`instance ${settings.instance}: removed from this host\n`);
}
