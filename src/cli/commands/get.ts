// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { KIND_TABLE, kindByWord, kindNames, type ApiObject } from '../../api/index.js';
import { KINDS, type Kind } from '../../model/index.js';
import { UsageError } from '../exit.js';
import { kindOf, nameText, parseNames, type ObjectName } from '../names.js';
import { documentText, formatOption, type Format } from '../output/format.js';
import { objectTable } from '../output/objects.js';
import type { Session } from '../session.js';
import { OBSERVED, observedTable } from './observed.js';
import { endpointPolicies } from './endpoint-policies.js';
import type { ObservedOptions, View } from './view.js';

interface GetOptions extends ObservedOptions {
  readonly output: Format;
  readonly selector?: string;
  readonly headers: boolean;
}

interface Fetched {
  readonly objects: readonly ApiObject[];
  /** One object was asked for by name: it is printed bare, not in a List. */
  readonly single: boolean;
}

async function fetchNamed(session: Session, names: readonly ObjectName[]): Promise<Fetched> {
  const objects: ApiObject[] = [];
  for (const params of names) objects.push(await session.client().call('get', { params }));
  return { objects, single: names.length === 1 };
}

async function fetchKinds(
  session: Session,
  kinds: readonly Kind[],
  labelSelector: string | undefined,
): Promise<Fetched> {
  const objects: ApiObject[] = [];
  for (const kind of kinds) {
    const list = await session
      .client()
      .call('list', { params: { kind }, query: { labelSelector } });
    for (const item of list.items) objects.push(item);
  }
  return { objects, single: false };
}

function kindsOf(words: string): Kind[] {
  if (words.toLowerCase() === 'all') return [...KINDS];
  return words.split(',').map(kindOf);
}

async function fetchObjects(
  session: Session,
  words: readonly string[],
  options: GetOptions,
): Promise<Fetched> {
  const [first = '', ...rest] = words;
  if (rest.length === 0 && !first.includes('/'))
    return fetchKinds(session, kindsOf(first), options.selector);
  if (options.selector !== undefined) throw new UsageError('give either names or a selector');
  return fetchNamed(session, parseNames(words));
}

function tables(session: Session, objects: readonly ApiObject[], options: GetOptions): string {
  const kinds = KINDS.filter((kind) => objects.some((object) => object.kind === kind));
  return kinds
    .map((kind) =>
      objectTable(
        kind,
        objects.filter((object) => object.kind === kind),
        {
          wide: options.output === 'wide',
          colours: session.colours,
          nowMs: session.terminal.now(),
          headers: options.headers,
          prefix: kinds.length > 1 ? `${kindNames(kind).singular}/` : '',
        },
      ),
    )
    .join('\n');
}

function printObjects(session: Session, fetched: Fetched, options: GetOptions): void {
  const { objects, single } = fetched;
  const { output } = options;
  if (output === 'json' || output === 'yaml') {
    session.print(documentText(single ? objects[0] : { kind: 'List', items: objects }, output));
  } else if (objects.length === 0) {
    session.note('no objects found');
  } else if (output === 'name') {
    const lines = objects.map(({ kind, metadata: { name } }) => `${nameText({ kind, name })}\n`);
    session.print(lines.join(''));
  } else {
    session.print(tables(session, objects, options));
  }
}

/** Undefined: objects are asked for. @throws UsageError */
function viewOf(what: string, { endpoint }: GetOptions): View | undefined {
  const kind = kindByWord(what);
  if (endpoint !== undefined) {
    if (kind === 'Policy') return endpointPolicies;
    throw new UsageError('--endpoint belongs to get policies');
  }
  return kind === undefined ? OBSERVED[what.toLowerCase()] : undefined;
}

/** `transit get KIND [NAME…]`, `get all`, and what the data path shows: `get flows`. */
export function registerGet(program: Command, session: Session): void {
  const observed = Object.keys(OBSERVED).join(', ');
  program
    .command('get')
    .description('show objects, flows, translation, drops, nodes, maps or counters')
    .argument('<what>', `KIND, KIND/NAME, all, ${observed}`)
    .argument('[names...]', 'names of objects')
    .addOption(formatOption())
    .option('-l, --selector <selector>', 'only objects with these labels: a=b,c!=d')
    .option('--no-headers', 'leave the line of headings out')
    .option('--vpc <name>', 'flows: only those of a VPC')
    .option('--endpoint <name>', 'policies: what applies to an endpoint, in order, and its counts')
    .option('--limit <count>', 'flows, nat-events: at most so many', Number)
    .addHelpText(
      'after',
      `\nKinds: ${KIND_TABLE.map((k) => (k.short === k.singular ? k.plural : `${k.plural} (${k.short})`)).join(', ')}`,
    )
    .action(async (what: string, names: string[], options: GetOptions) => {
      const view = viewOf(what, options);
      if (view === undefined) {
        const words = [what, ...names];
        printObjects(session, await fetchObjects(session, words, options), options);
        return;
      }
      if (names.length > 0) throw new UsageError(`get ${what} takes no names`);
      if (options.output === 'name') throw new UsageError(`get ${what} has no -o name`);
      session.print(await observedTable(session, view, options));
    });
}
