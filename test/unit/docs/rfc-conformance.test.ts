// SPDX-License-Identifier: Apache-2.0
/** docs/rfc-conformance.md is what tests say now, and no MUST is left out. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { annotationsOf, readAnnotations } from '../../conformance/annotations.js';
import { conformancePage, conformanceProblems, PAGE } from '../../conformance/page.js';

const annotations = readAnnotations();

test('every MUST has a test or a reason, every annotation a requirement', (t) => {
  t.same(conformanceProblems(annotations), []);
  t.end();
});

test('the page is up to date', (t) => {
  t.equal(readFileSync(PAGE, 'utf8'), conformancePage(annotations), 'else run "make docs"');
  t.end();
});

test('problems are seen', (t) => {
  const one = { rfc: 4787, file: 'test/x.ts', line: 3, title: 'a test' };
  const unknown = conformanceProblems([...annotations, { ...one, id: 'REQ-99' }]);
  t.same(unknown, ['test/x.ts:3: unknown requirement 4787 REQ-99']);
  const untitled = conformanceProblems([...annotations, { ...one, id: 'REQ-1', title: '' }]);
  t.same(untitled, ['test/x.ts:3: no test follows']);
  const without = annotations.filter(({ rfc, id }) => rfc !== 4787 || id !== 'REQ-1');
  t.same(conformanceProblems(without), ['4787 REQ-1 is a MUST with neither test nor waiver']);
  t.end();
});

/** Kept out of this file's own lines, where it would be one. */
const MARK = ['//', '@rfc'].join(' ');

test('annotations belong to the first string below them', (t) => {
  const text = [
    `  ${MARK} 4787 REQ-1`,
    `${MARK} 6146 s3.5.2a`,
    'story(',
    '  `${f.layer}: a \\`name\\``,',
    ');',
    `${MARK} 5382 REQ-2`,
  ].join('\n');
  t.match(annotationsOf('f.ts', text), [
    { rfc: 4787, id: 'REQ-1', line: 1, title: '…: a `name`' },
    { rfc: 6146, id: 's3.5.2a', line: 2, title: '…: a `name`' },
    { rfc: 5382, id: 'REQ-2', line: 6, title: '' },
  ]);
  for (const wrong of ['4787', '4787 REQ1', 'REQ-1', '4787 REQ-1 because'])
    t.throws(() => annotationsOf('f.ts', `${MARK} ${wrong}`), /f\.ts:1: not of the form/, wrong);
  t.end();
});
