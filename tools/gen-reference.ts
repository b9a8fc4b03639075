// SPDX-License-Identifier: Apache-2.0
/** `make docs`: writes docs/reference/. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { referencePages } from './reference.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
mkdirSync('docs/reference', { recursive: true });
for (const [path, text] of referencePages(version)) writeFileSync(path, text);
