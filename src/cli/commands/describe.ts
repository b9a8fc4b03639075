// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { ApiObject } from '../../api/index.js';
import { UsageError } from '../exit.js';
import { parseNames } from '../names.js';
import { documentText } from '../output/format.js';
import { tableText } from '../output/table.js';
import { ageText, indent, paint } from '../output/text.js';
import type { Session } from '../session.js';

function header(object: ApiObject, nowMs: number): string {
  const { metadata } = object;
  const labels = Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const age = ageText(metadata.createdAt, nowMs);
  const rows = [
    ['Kind:', object.kind],
    ['Name:', metadata.name],
    ['Labels:', labels.length === 0 ? 'none' : labels.join(', ')],
    ['Created:', `${metadata.createdAt}${age === '' ? '' : ` (${age} ago)`}`],
    ['Generation:', String(metadata.generation)],
    ['Version:', String(metadata.resourceVersion)],
  ];
  return rows.map(([key = '', value = '']) => `${key.padEnd(13)}${value}\n`).join('');
}

function statusText(object: ApiObject, colours: boolean, nowMs: number): string {
  const { status } = object;
  if (status === undefined) return 'Status:      not observed yet\n';
  const conditions = tableText(
    ['TYPE', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'],
    status.conditions.map((condition) => [
      condition.type,
      paint(condition.status, condition.status === 'True' ? 'green' : 'red', colours),
      condition.reason,
      ageText(condition.lastTransitionTime, nowMs),
      condition.message,
    ]),
  );
  const facts = status.facts ?? {};
  const behind =
    status.observedGeneration !== undefined &&
    status.observedGeneration < object.metadata.generation
      ? `Observed:    generation ${status.observedGeneration}, an older one\n`
      : '';
  return [
    behind,
    `Conditions:\n${indent(conditions, 2)}`,
    Object.keys(facts).length === 0 ? '' : `Facts:\n${indent(documentText(facts, 'yaml'), 2)}`,
  ].join('');
}

/** Everything about an object, for people. */
export function describeText(object: ApiObject, colours: boolean, nowMs: number): string {
  const spec = indent(documentText(object.spec, 'yaml'), 2);
  return `${header(object, nowMs)}Spec:\n${spec}${statusText(object, colours, nowMs)}`;
}

/** `transit describe KIND NAME…` */
export function registerDescribe(program: Command, session: Session): void {
  program
    .command('describe')
    .description('show all about objects, with conditions and facts')
    .argument('<kind-and-names...>', 'KIND NAME... or KIND/NAME...')
    .action(async (words: string[]) => {
      const names = parseNames(words);
      if (names.length === 0) throw new UsageError('describe takes KIND NAME or KIND/NAME');
      const texts: string[] = [];
      for (const params of names) {
        const object = await session.client().call('get', { params });
        texts.push(describeText(object, session.colours, session.terminal.now()));
      }
      session.print(texts.join('\n'));
    });
}
