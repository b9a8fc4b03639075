// SPDX-License-Identifier: Apache-2.0
/** The command tree, and running one command line. */
import { Command, CommanderError } from 'commander';
import { registerApply } from './commands/apply.js';
import { registerCompletion } from './commands/completion.js';
import { registerDelete } from './commands/delete.js';
import { registerDescribe } from './commands/describe.js';
import { registerDiff } from './commands/diff.js';
import { registerExplain } from './commands/explain.js';
import { registerGet } from './commands/get.js';
import { registerNat } from './commands/nat.js';
import { registerPolicy } from './commands/policy.js';
import { registerReload } from './commands/reload.js';
import { registerStatus } from './commands/status.js';
import { cliVersion, registerVersion } from './commands/version.js';
import { registerWatch } from './commands/watch.js';
import { ExitStatus, errorLines, exitStatus } from './exit.js';
import { Session, type Terminal } from './session.js';

const REGISTER = [
  registerApply,
  registerGet,
  registerDescribe,
  registerDelete,
  registerDiff,
  registerWatch,
  registerNat,
  registerPolicy,
  registerStatus,
  registerExplain,
  registerReload,
  registerCompletion,
  registerVersion,
];

/** The whole command tree; the docs list it. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('transit')
    .description('Configure and inspect a Transit data plane.')
    .version(cliVersion(), '-V, --version')
    .option(
      '--server <socket|url>',
      'socket or URL of the daemon (env TRANSIT_SERVER; default /run/transit/default/api.sock)',
    )
    .option('--instance <name>', 'the daemon behind /run/transit/NAME/api.sock')
    .option('--token-file <path>', 'file with the token for a URL (env TRANSIT_TOKEN_FILE)')
    .helpCommand(true)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .addHelpText('after', '\nExit status: 0 done, 1 failed, 2 usage, 3 not reachable.');
  const session = new Session(terminal, program);
  for (const register of REGISTER) register(program, session);
  return program;
}

/** Runs a command line (without node and script). @returns the exit status. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await buildProgram(terminal).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    // commander has printed its own errors, and an ExitStatus has nothing to say.
    if (!(error instanceof CommanderError) && !(error instanceof ExitStatus))
      for (const line of errorLines(error)) terminal.stderr.write(`${line}\n`);
    return exitStatus(error);
  }
}
