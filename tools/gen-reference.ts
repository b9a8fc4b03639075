// SPDX-License-Identifier: Apache-2.0
/** `make docs`: writes docs/reference/ and docs/rfc-conformance.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readAnnotations } from '../test/conformance/annotations.js';
import { conformancePage, PAGE } from '../test/conformance/page.js';
import { referencePages } from './reference.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
mkdirSync('docs/reference', { recursive: true });
for (const [path, text] of referencePages(version)) writeFileSync(path, text);
writeFileSync(PAGE, conformancePage(readAnnotations()));
