// SPDX-License-Identifier: Apache-2.0
import { createMemoryStore } from '../../src/daemon/store/index.js';
import { storeContract } from './store.js';

storeContract('memory', () => ({
  open: (opts = {}) => Promise.resolve(createMemoryStore({}, opts)),
  reopen: undefined,
}));
