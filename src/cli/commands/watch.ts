// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { WatchEvent } from '../../api/index.js';
import { TransitError } from '../../base/errors.js';
import { kindOf, nameText } from '../names.js';
import { formatOption, type Format } from '../output/format.js';
import { stateText } from '../output/objects.js';
import { paint } from '../output/text.js';
import type { Session } from '../session.js';

interface WatchOptions {
  readonly output: Format;
  readonly since?: number;
}

const COLOURS = { ADDED: 'green', MODIFIED: 'yellow', DELETED: 'red' } as const;

function eventText(event: WatchEvent, session: Session, output: Format): string | undefined {
  if (output === 'json') return JSON.stringify(event);
  if (event.type === 'BOOKMARK') return undefined;
  const { kind, metadata } = event.object;
  const name = nameText({ kind, name: metadata.name });
  if (output === 'name') return name;
  const type = paint(event.type.padEnd(8), COLOURS[event.type], session.colours);
  const state = stateText(event.object, session.colours);
  return `${type}  ${String(event.revision).padEnd(8)}  ${name}  ${state}`.trimEnd();
}

/** `transit watch [KIND]`: changes as they happen, until interrupted. */
export function registerWatch(program: Command, session: Session): void {
  program
    .command('watch')
    .description('follow changes of objects')
    .argument('[kind]', 'only this kind')
    .addOption(formatOption(['table', 'json', 'name']))
    .option('--since <revision>', 'changes after this revision only', Number)
    .action(async (word: string | undefined, options: WatchOptions) => {
      const { signal } = session.terminal;
      const kind = word === undefined ? undefined : kindOf(word);
      const query = { kind, sinceRevision: options.since };
      try {
        for await (const event of session.client().stream('watch', { query, signal })) {
          const text = eventText(event, session, options.output);
          if (text !== undefined) session.print(text);
        }
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (!signal.aborted) throw new TransitError('STREAM_ENDED', 'the daemon ended the watch');
    });
}
