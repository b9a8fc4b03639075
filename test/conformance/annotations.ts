// SPDX-License-Identifier: Apache-2.0
/**
 * Finds what tests say of themselves: lines `// @rfc NUMBER ID` directly above a test, which is the
 * first string after them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Annotation {
  readonly rfc: number;
  readonly id: string;
  /** Path from the root of the tree. */
  readonly file: string;
  readonly line: number;
  /** Title of the test; empty when none follows. */
  readonly title: string;
}

const MARK = /^\s*\/\/ @rfc\b(.*)$/;
const NAMED = /^ (\d{4}) ((?:REQ-\d+|s\d+(?:\.\d+)*)[a-z]?)$/;
/** A test, or a row of a table of tests, begins at most so many lines below. */
const REACH = 4;

/** The first string of some lines; what a template puts in is shown as …. */
function firstString(lines: readonly string[]): string {
  const text = lines.join('\n');
  const found = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/.exec(text);
  const title = found?.[1] ?? found?.[2] ?? found?.[3] ?? '';
  return title.replace(/\$\{[^}]*\}/g, '…').replace(/\\(.)/g, '$1');
}

/** @throws Error when a line is not of the form. */
export function annotationsOf(file: string, text: string): Annotation[] {
  const lines = text.split('\n');
  const out: Annotation[] = [];
  let open: { rfc: number; id: string; line: number }[] = [];
  for (const [i, line] of lines.entries()) {
    const mark = MARK.exec(line);
    if (mark) {
      const named = NAMED.exec(mark[1] ?? '');
      if (!named) throw new Error(`${file}:${i + 1}: not of the form "// @rfc 4787 REQ-1"`);
      open.push({ rfc: Number(named[1]), id: named[2] ?? '', line: i + 1 });
      continue;
    }
    if (open.length === 0) continue;
    const title = firstString(lines.slice(i, i + REACH));
    for (const one of open) out.push({ ...one, file, title });
    open = [];
  }
  for (const one of open) out.push({ ...one, file, title: '' });
  return out;
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** Of all tests of a tree, by file and line. */
export function readAnnotations(folder = 'test'): Annotation[] {
  return testFiles(folder)
    .sort()
    .flatMap((file) => annotationsOf(file, readFileSync(file, 'utf8')));
}
