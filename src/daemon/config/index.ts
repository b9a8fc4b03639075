// SPDX-License-Identifier: Apache-2.0
/** transitd's own settings: command line and file. */
export { parseArguments, USAGE, type Invocation } from './arguments.js';
export { ConfigError, type ConfigErrorCode } from './errors.js';
export { loadSettings, parseSettings, type ConfigProblem } from './load.js';
export { settingsJsonSchema } from './schema.js';
export {
  INSTALLED_BPF_DIR,
  type DatapathSettings,
  type Settings,
  type TcpSettings,
} from './settings.js';
