// SPDX-License-Identifier: Apache-2.0
/**
 * A mark that stands while maps are being written. A daemon killed between the writes and the
 * raised generations leaves it: the next one then finds maps that are right and flow records
 * that are not, and raises them all. A file, not synced: it need not survive the machine, as
 * the maps do not.
 */
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';

export interface FlushMark {
  /** Whether an earlier run left it. */
  readonly left: boolean;
  set(): void;
  clear(): void;
}

export class FlushMarkFile implements FlushMark {
  readonly left: boolean;

  constructor(private readonly opts: { readonly path: string }) {
    this.left = existsSync(opts.path);
  }

  set(): void {
    closeSync(openSync(this.opts.path, 'w'));
  }

  clear(): void {
    rmSync(this.opts.path, { force: true });
  }
}
