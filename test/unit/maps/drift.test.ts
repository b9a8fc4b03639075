// SPDX-License-Identifier: Apache-2.0
/** The generated files are what the headers say today. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { generate, root } from '../../../tools/gen-abi/generate.js';

test('src/maps/generated is up to date (make abi)', async (t) => {
  for (const { path, text } of await generate()) {
    t.equal(readFileSync(join(root, path), 'utf8'), text, path);
  }
});
