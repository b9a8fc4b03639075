// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Session } from '../session.js';
import { programsTable } from './status.js';

/** `transit reload`: the programs on disk replace those attached. */
export function registerReload(program: Command, session: Session): void {
  program
    .command('reload')
    .description('replace the attached programs by the files on disk, keeping flows')
    .action(async () => {
      const { replaced } = await session.client().call('reload', {});
      session.print(replaced.length === 0 ? 'no programs are attached' : programsTable(replaced));
    });
}
