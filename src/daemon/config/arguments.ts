// SPDX-License-Identifier: Apache-2.0
/** transitd's command line. It names the file; settings themselves have one place, the file. */
import { parseArgs } from 'node:util';
import { errorText } from '../../base/errors.js';
import { ConfigError } from './errors.js';

export type Invocation =
  | { readonly mode: 'run' | 'check' | 'purge'; readonly config: string }
  | { readonly mode: 'version' | 'help' };

export const USAGE = `usage: transitd --config FILE [--check | --purge]
       transitd --version | --help

  --config FILE  settings, YAML
  --check        validate the settings and exit
  --purge        take programs, maps and devices of the instance out of the kernel and exit
  --version      print the version and exit
`;

/** From the words behind the program's name. @throws ConfigError USAGE. */
export function parseArguments(words: readonly string[]): Invocation {
  let values: {
    config?: string;
    check?: boolean;
    purge?: boolean;
    version?: boolean;
    help?: boolean;
  };
  try {
    values = parseArgs({
      args: [...words],
      options: {
        config: { type: 'string' },
        check: { type: 'boolean' },
        purge: { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      strict: true,
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new ConfigError('USAGE', `${errorText(error)}\n${USAGE}`, {}, error);
  }
  if (values.help === true) return { mode: 'help' };
  if (values.version === true) return { mode: 'version' };
  if (values.config === undefined) {
    throw new ConfigError('USAGE', `--config FILE is missing\n${USAGE}`);
  }
  const mode = values.check === true ? 'check' : values.purge === true ? 'purge' : 'run';
  return { mode, config: values.config };
}
