// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { DiffResponse, PolicyDiffResponse } from '../../api/index.js';
import { UnreachableError } from '../../api/index.js';
import { EXIT, ExitStatus, UsageError, errorLines } from '../exit.js';
import { readObjects } from '../input.js';
import { nameText } from '../names.js';
import { paint } from '../output/text.js';
import type { Session } from '../session.js';
import { cutText } from './cut-connections.js';

interface DiffOptions {
  readonly filename: string[];
  readonly recursive?: boolean;
  readonly vpc?: string;
  readonly connections?: boolean;
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Lines of one object: its name, then a line per field before and after. */
function resultText(result: DiffResponse['results'][number], colours: boolean): string {
  const lines = [paint(`${nameText(result)} would be ${result.action}`, 'bold', colours)];
  for (const change of result.changes) {
    if (change.old !== undefined)
      lines.push(paint(`- ${change.path}: ${valueText(change.old)}`, 'red', colours));
    if (change.new !== undefined)
      lines.push(paint(`+ ${change.path}: ${valueText(change.new)}`, 'green', colours));
  }
  return `${lines.join('\n')}\n`;
}

/** `transit diff -f FILE`: what apply would change; 1 when something. */
export function registerDiff(program: Command, session: Session): void {
  program
    .command('diff')
    .description('show what apply would change')
    .requiredOption('-f, --filename <path...>', 'file, directory or - (standard input)')
    .option('-R, --recursive', 'read directories below, too')
    .option('--vpc <name>', 'VPC of Kubernetes NetworkPolicies without annotation transit/vpc')
    .option('--connections', "say which of this host's connections policies would cut, too")
    .addHelpText(
      'after',
      '\nExit status: 0 nothing would change, 1 something would, 2 failed, 3 not reachable.',
    )
    .action(async (options: DiffOptions) => {
      let different: DiffResponse['results'];
      let cut: PolicyDiffResponse | undefined;
      try {
        const objects = await readObjects(session, options.filename, options);
        const client = session.client();
        const { results } = await client.call('diff', { body: { objects } });
        different = results.filter((result) => result.action !== 'unchanged');
        if (options.connections === true && different.length > 0)
          cut = await client.call('policyDiff', { body: { objects }, query: {} });
      } catch (error) {
        if (error instanceof UnreachableError || error instanceof UsageError) throw error;
        for (const line of errorLines(error)) session.note(line);
        throw new ExitStatus(EXIT.diffFailed);
      }
      if (different.length === 0) return;
      session.print(different.map((result) => resultText(result, session.colours)).join(''));
      if (cut?.truncated === true) session.note('not all connections were judged');
      if (cut !== undefined) session.print(cutText(cut, session.colours));
      throw new ExitStatus(EXIT.differs);
    });
}
