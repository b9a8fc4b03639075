// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { UnreachableError } from '../../api/index.js';
import type { Session } from '../session.js';

/** Version of this program, from package.json, which lies as far from dist/ as from src/. */
export function cliVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const data: unknown = JSON.parse(text);
  return typeof data === 'object' && data !== null && 'version' in data
    ? String(data.version)
    : 'unknown';
}

/** `transit version`: of the CLI, and of the daemon when there is one. */
export function registerVersion(program: Command, session: Session): void {
  program
    .command('version')
    .description('show the versions of the CLI and of the daemon')
    .option('--client', 'of the CLI only')
    .action(async (options: { readonly client?: boolean }) => {
      session.print(`transit ${cliVersion()}`);
      if (options.client === true) return;
      try {
        const { version, instance, host } = await session.client().call('status', {});
        session.print(`transitd ${version} (instance ${instance} on ${host})`);
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        session.print('transitd not reachable');
      }
    });
}
