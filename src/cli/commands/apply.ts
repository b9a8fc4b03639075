// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { readObjects } from '../input.js';
import { nameText } from '../names.js';
import { countText } from '../output/text.js';
import { Progress } from '../progress.js';
import type { Session } from '../session.js';

interface ApplyOptions {
  readonly filename: string[];
  readonly recursive?: boolean;
  readonly vpc?: string;
  readonly dryRun?: boolean;
}

/** `transit apply -f FILE`: all objects of the files, or none. */
export function registerApply(program: Command, session: Session): void {
  program
    .command('apply')
    .description('create and update objects, all or none')
    .requiredOption('-f, --filename <path...>', 'file, directory or - (standard input)')
    .option('-R, --recursive', 'read directories below, too')
    .option('--vpc <name>', 'VPC of Kubernetes NetworkPolicies without annotation transit/vpc')
    .option('--dry-run', 'judge and report, but change nothing')
    .action(async (options: ApplyOptions) => {
      const objects = await readObjects(session, options.filename, options);
      const dryRun = options.dryRun === true;
      const { results } = await new Progress(session).during(
        `applying ${countText(objects.length)} objects`,
        session.client().call('apply', {
          body: { objects },
          query: { dryRun },
          signal: session.terminal.signal,
        }),
      );
      const suffix = dryRun ? ' (dry run)' : '';
      session.print(
        results.map((result) => `${nameText(result)} ${result.action}${suffix}\n`).join(''),
      );
    });
}
