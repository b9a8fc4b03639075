// SPDX-License-Identifier: Apache-2.0
/** Writes src/maps/generated from the headers in bpf/include/transit: `make abi`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generate, root } from './gen-abi/generate.js';

for (const { path, text } of await generate()) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
