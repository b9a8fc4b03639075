// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { ApiError, parseObject, type Client } from '../../api/index.js';
import { problemText } from '../../model/index.js';
import { UsageError } from '../exit.js';
import { InputError } from '../input-error.js';
import { readObjects } from '../input.js';
import { nameText, parseNames, type ObjectName } from '../names.js';
import type { Session } from '../session.js';

interface DeleteOptions {
  readonly filename?: string[];
  readonly recursive?: boolean;
  readonly dryRun?: boolean;
  readonly ignoreNotFound?: boolean;
}

function nameOf(input: unknown): ObjectName {
  const parsed = parseObject(input);
  if (parsed.ok) return { kind: parsed.value.object.kind, name: parsed.value.object.metadata.name };
  const [problem] = parsed.problems;
  throw new InputError(problem === undefined ? 'not an object' : problemText(problem));
}

async function existing(client: Client, names: readonly ObjectName[]): Promise<ObjectName[]> {
  const found: ObjectName[] = [];
  for (const name of names) {
    try {
      await client.call('get', { params: name });
      found.push(name);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'NOT_FOUND')) throw error;
    }
  }
  return found;
}

/** `transit delete KIND NAME…` or `-f FILE`: all or none. */
export function registerDelete(program: Command, session: Session): void {
  program
    .command('delete')
    .description('delete objects, all or none')
    .argument('[kind-and-names...]', 'KIND NAME... or KIND/NAME...')
    .option('-f, --filename <path...>', 'the objects of a file, directory or - (standard input)')
    .option('-R, --recursive', 'read directories below, too')
    .option('--dry-run', 'judge and report, but change nothing')
    .option('--ignore-not-found', 'succeed when an object is not there')
    .action(async (words: string[], options: DeleteOptions) => {
      const paths = options.filename ?? [];
      const named = parseNames(words);
      if (named.length === 0 && paths.length === 0)
        throw new UsageError('say what to delete: KIND NAME..., KIND/NAME... or -f FILE');
      const read = paths.length === 0 ? [] : await readObjects(session, paths, options);
      const wanted = [...named, ...read.map(nameOf)];
      const client = session.client();
      const objects = options.ignoreNotFound === true ? await existing(client, wanted) : wanted;
      if (objects.length === 0) return;
      const dryRun = options.dryRun === true;
      const { results } = await client.call('deleteMany', { body: { objects }, query: { dryRun } });
      const suffix = dryRun ? ' (dry run)' : '';
      session.print(results.map((result) => `${nameText(result)} deleted${suffix}\n`).join(''));
    });
}
