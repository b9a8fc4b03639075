// SPDX-License-Identifier: Apache-2.0
/** A store that forgets everything with the process: for tests and trials. */
import { silentLogger, type Logger } from '../../../base/log.js';
import type { Store } from '../../ports/store.js';
import { RevisionedStore } from '../revisioned-store.js';

export interface MemoryStoreOptions {
  readonly historyLimit?: number;
}

const nothing = (): Promise<void> => Promise.resolve();

/** An empty store at revision 0. */
export function createMemoryStore(
  deps: { readonly log?: Logger } = {},
  opts: MemoryStoreOptions = {},
): Store {
  return new RevisionedStore(
    {
      persistence: {
        write: nothing,
        stage: nothing,
        writeStaged: nothing,
        unstage: nothing,
        settle: nothing,
        close: nothing,
      },
      log: deps.log ?? silentLogger(),
    },
    { ...opts, state: { revision: 0, objects: [], history: [], historyFloor: 0 } },
  );
}
