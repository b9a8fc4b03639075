// SPDX-License-Identifier: Apache-2.0
/** What every command works with: the terminal, the environment, the daemon. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Client, parseTarget } from '../api/index.js';
import { errorText } from '../base/errors.js';
import { UsageError } from './exit.js';

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** The process as the CLI sees it; tests give their own. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Aborted by SIGINT and SIGTERM: ends `watch`. */
  readonly signal: AbortSignal;
}

export interface GlobalOptions {
  readonly server?: string;
  readonly instance?: string;
  readonly tokenFile?: string;
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`the token file cannot be read: ${errorText(error)}`);
  }
}

export class Session {
  readonly terminal: Terminal;
  readonly #program: Command;

  constructor(terminal: Terminal, program: Command) {
    this.terminal = terminal;
    this.#program = program;
  }

  /** Client of the daemon that options and environment name. */
  client(): Client {
    const options: GlobalOptions = this.#program.opts();
    const { env } = this.terminal;
    const instance = options.instance ?? 'default';
    if (!/^[A-Za-z0-9][-._A-Za-z0-9]*$/.test(instance))
      throw new UsageError(`"${instance}" is not the name of an instance`);
    const given = options.instance === undefined ? env['TRANSIT_SERVER'] : undefined;
    const server = options.server ?? (given === '' ? undefined : given);
    const tokenFile = options.tokenFile ?? env['TRANSIT_TOKEN_FILE'];
    const token = tokenFile === undefined ? undefined : readToken(tokenFile);
    return new Client(parseTarget(server ?? `/run/transit/${instance}/api.sock`, token));
  }

  print(text: string): void {
    this.terminal.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  note(text: string): void {
    this.terminal.stderr.write(`${text}\n`);
  }

  /** Whether standard output may be coloured (https://no-color.org). */
  get colours(): boolean {
    const { stdout, env } = this.terminal;
    return stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  }
}
