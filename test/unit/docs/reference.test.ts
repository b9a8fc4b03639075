// SPDX-License-Identifier: Apache-2.0
/** The committed reference is what its sources say now. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { referencePages } from '../../../tools/reference.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
for (const [path, text] of referencePages(version)) {
  t.equal(readFileSync(path, 'utf8'), text, `${path}: else run "make docs"`);
}
