// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { ProgramInfo, StatusResponse } from '../../api/index.js';
import { documentText, formatOption, type Format } from '../output/format.js';
import { tableText } from '../output/table.js';
import { durationText } from '../output/text.js';
import type { Session } from '../session.js';
import { mapsTable } from './observed.js';

/** Attached programs as a table. */
export function programsTable(programs: readonly ProgramInfo[]): string {
  return tableText(
    ['DEVICE', 'IFINDEX', 'HOOK', 'ATTACHED', 'PROGRAM', 'TAG', 'LINK'],
    programs.map((program) => [
      program.device,
      String(program.ifindex),
      program.hook,
      program.kind,
      String(program.programId),
      program.programTag,
      program.linkId === null ? '' : String(program.linkId),
    ]),
  );
}

function statusText(status: StatusResponse): string {
  const behind = status.revision - status.appliedRevision;
  const rows = [
    ['Version:', status.version],
    ['Instance:', status.instance],
    ['Host:', status.host],
    ['Up:', durationText(status.uptimeSeconds)],
    ['Revision:', String(status.revision)],
    ['Applied:', `${status.appliedRevision}${behind > 0 ? ` (${behind} behind)` : ''}`],
  ];
  const head = rows.map(([key = '', value = '']) => `${key.padEnd(11)}${value}\n`).join('');
  const programs =
    status.programs.length === 0 ? 'No programs are attached.\n' : programsTable(status.programs);
  return `${head}\n${programs}\n${mapsTable(status.maps)}`;
}

/** `transit status`: the daemon, its programs and maps. */
export function registerStatus(program: Command, session: Session): void {
  program
    .command('status')
    .description('show the state of the daemon')
    .addOption(formatOption(['table', 'json', 'yaml']))
    .action(async ({ output }: { readonly output: Format }) => {
      const status = await session.client().call('status', {});
      session.print(
        output === 'json' || output === 'yaml' ? documentText(status, output) : statusText(status),
      );
    });
}
