// SPDX-License-Identifier: Apache-2.0
/** The tables whose entries have two values, and the one epoch that they share. */
import type { TableName } from '../calc/output.js';
import type { BpfMap } from '../ports/bpf.js';
import { NetCover } from './net-cover.js';
import { PolicyEpoch } from './policy-epoch.js';
import { TwoValues, type TwoValuesOptions } from './two-values.js';

const TABLES = ['pol_host', 'pol_net', 'pol_named', 'pol_ep'] as const satisfies TableName[];

export type TwoValueTable = (typeof TABLES)[number];

/** The last of them in the order of writing: the epoch is turned behind it. */
export const TURNS_AFTER: TwoValueTable = 'pol_ep';

export function hasTwoValues(table: TableName): table is TwoValueTable {
  return (TABLES as readonly TableName[]).includes(table);
}

export interface TwoValueTablesDeps {
  readonly maps: Readonly<Record<TwoValueTable | 'pol_epoch', BpfMap>>;
  readonly pause: () => Promise<void>;
}

export class TwoValueTables {
  readonly tables: Readonly<Record<TwoValueTable, TwoValues>>;
  readonly #epoch: PolicyEpoch;

  constructor({ maps, pause }: TwoValueTablesDeps) {
    const epoch = new PolicyEpoch({ map: maps.pol_epoch });
    const cover = new NetCover();
    const table = (name: TwoValueTable, opts: TwoValuesOptions): TwoValues =>
      new TwoValues({ map: maps[name], pause, epoch }, opts);
    const before = (key: Uint8Array): Uint8Array | undefined => net.inForce(key);
    const after = (key: Uint8Array): Uint8Array | undefined => net.coming(key);
    const net: TwoValues = table('pol_net', {
      array: false,
      absent: cover.nets(before, after),
      onKey: (key) => {
        cover.note(key);
      },
    });
    this.#epoch = epoch;
    this.tables = {
      pol_host: table('pol_host', { array: false, absent: cover.hosts(before, after) }),
      pol_net: net,
      pol_named: table('pol_named', { array: false }),
      // An endpoint that goes is judged until its device is no longer anyone's.
      pol_ep: table('pol_ep', { array: true, goesLate: true }),
    };
  }

  /** Before the tables are read. */
  readEpoch(): void {
    this.#epoch.read();
  }

  /** All that was written is in force. @returns whether that makes a difference */
  turn(): boolean {
    const turns = TABLES.some((name) => this.tables[name].turns);
    if (turns) this.#epoch.turn();
    return turns;
  }

  /** After the turn: both values alike. */
  async settle(): Promise<void> {
    for (const name of TABLES) await this.tables[name].settle();
  }
}
