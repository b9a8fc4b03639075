// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { fieldAt, kindInfo, kindNames, type FieldInfo } from '../../api/index.js';
import { UsageError } from '../exit.js';
import { kindOf } from '../names.js';
import { indent } from '../output/text.js';
import type { Session } from '../session.js';

const WIDTH = 76;

function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return `${[...lines, line].join('\n')}\n`;
}

function typeText(field: FieldInfo): string {
  const notes = [
    field.required ? 'required' : '',
    field.default === undefined ? '' : `default ${field.default}`,
  ].filter((note) => note !== '');
  return `<${field.type}>${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

function tree(fields: readonly FieldInfo[], depth: number): string {
  return fields
    .map(
      (field) =>
        `${'  '.repeat(depth)}${field.name} ${typeText(field)}\n${tree(field.fields, depth + 1)}`,
    )
    .join('');
}

function fieldsText(fields: readonly FieldInfo[]): string {
  return fields
    .map((field) => `${field.name} ${typeText(field)}\n${indent(wrap(field.description), 2)}`)
    .join('\n');
}

/** What `explain` prints of a field. */
export function explainText(path: string, field: FieldInfo, recursive: boolean): string {
  const examples =
    field.examples.length === 0 ? '' : `Example:      ${field.examples.join(', ')}\n`;
  const head = `Field:        ${path} ${typeText(field)}\n${examples}\n${wrap(field.description)}`;
  if (field.fields.length === 0) return head;
  const body = recursive ? tree(field.fields, 0) : fieldsText(field.fields);
  return `${head}\nFields:\n${indent(body, 2)}`;
}

/** `transit explain KIND[.field…]`: from the schema that judges objects. */
export function registerExplain(program: Command, session: Session): void {
  program
    .command('explain')
    .description('explain a kind or one of its fields')
    .argument('<path>', 'KIND or KIND.FIELD..., as in endpoint.spec.mtu')
    .option('-r, --recursive', 'list the fields of fields, too')
    .action((path: string, options: { readonly recursive?: boolean }) => {
      const [word = '', ...names] = path.replace(/\[\d*\]/g, '').split('.');
      const kind = kindOf(word);
      const field = fieldAt(kindInfo(kind), names);
      const { singular } = kindNames(kind);
      if (field === undefined) throw new UsageError(`${singular} has no field ${names.join('.')}`);
      const full = [singular, ...names].join('.');
      session.print(explainText(full, field, options.recursive === true));
    });
}
