// SPDX-License-Identifier: Apache-2.0
/** What BTF does not carry: the texts and comments of the headers. */
import { readFileSync } from 'node:fs';
import type { NamedNumber } from '../../src/maps/layout.js';

/** The comment as one line of text. */
function plain(comment: string): string {
  return comment
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Entries of an X-macro list: REASON(NAME, number, "text"). */
export function namedNumbers(path: string, macro: string): NamedNumber[] {
  const pattern = new RegExp(`\\b${macro}\\((\\w+),\\s*(\\d+),[\\s\\\\]*"([^"]*)"\\)`, 'g');
  return Array.from(readFileSync(path, 'utf8').matchAll(pattern), ([, name, number, text]) => ({
    number: Number(number),
    name: name ?? '',
    text: text ?? '',
  }));
}

/** Comments above the maps of maps.h, by name. */
export function mapComments(path: string): ReadonlyMap<string, string> {
  const pattern = /\/\*((?:(?!\*\/)[^])*)\*\/\nstruct \{[^}]*\} (\w+) SEC\("\.maps"\)/g;
  return new Map(
    Array.from(readFileSync(path, 'utf8').matchAll(pattern), ([, text, name]) => [
      name ?? '',
      plain(text ?? ''),
    ]),
  );
}

/** Comments of structures ("flow_key") and of their members ("flow_key.scope"). */
export function structComments(...paths: string[]): ReadonlyMap<string, string> {
  const comments = new Map<string, string>();
  const structs = /(?:\/\*((?:(?!\*\/)[^])*)\*\/\n)?struct (\w+) \{\n([^}]*)\}/g;
  const members = /(\w+)(?:\[\w+\])?; \/\*((?:(?!\*\/)[^])*)\*\//g;
  for (const path of paths) {
    for (const [, above, name = '', body = ''] of readFileSync(path, 'utf8').matchAll(structs)) {
      if (above !== undefined) comments.set(name, plain(above));
      for (const [, member = '', text = ''] of body.matchAll(members)) {
        comments.set(`${name}.${member}`, plain(text));
      }
    }
  }
  return comments;
}
