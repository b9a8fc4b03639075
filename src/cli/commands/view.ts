// SPDX-License-Identifier: Apache-2.0
/** A table of the data path that `get` shows. */
import type { Client } from '../../api/index.js';
import type { Format } from '../output/format.js';

export interface ObservedOptions {
  readonly output: Format;
  readonly vpc?: string;
  readonly limit?: number;
  readonly endpoint?: string;
}

export interface Shown {
  /** As the daemon sent it, for JSON and YAML. */
  readonly value: unknown;
  readonly table: (wide: boolean) => string;
  /** For standard error. */
  readonly note?: string;
}

export type View = (client: Client, options: ObservedOptions) => Promise<Shown>;
