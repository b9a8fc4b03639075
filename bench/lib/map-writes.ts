// SPDX-License-Identifier: Apache-2.0
/**
 * Filling a map: by the driver's own way from decided entries to batch calls, and by a C program
 * that does nothing but batch calls of entries of the same size (bench/c/mapwrite.c).
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Upsert } from '../../src/daemon/calc/output.js';
import { DeltaTracker } from '../../src/daemon/datapath/delta-tracker.js';
import { encodeValue } from '../../src/daemon/datapath/encode.js';
import { encodeKey } from '../../src/daemon/datapath/keys.js';
import { LibbpfLoader } from '../../src/daemon/kernel/libbpf/index.js';
import { ip4At } from './daemon.js';

export type Table = 'addr' | 'route';

const PIN_DIR = '/sys/fs/bpf/transit/bench-maps';
const BATCH = 4096;
const C_MAP: Readonly<Record<Table, readonly [string, number, number]>> = {
  addr: ['hash', 20, 24],
  route: ['lpm', 24, 24],
};
/** Routes of /28 and addresses, counted from here. */
export const ROUTE_BASE = 11 << 24;
export const ROUTE_STRIDE = 16;
export const ADDRESS_BASE = 12 << 24;
let loads = 0;

/** ms. */
export function writeByC(table: Table, rows: number): number {
  const args = [...C_MAP[table], rows, BATCH].map(String);
  const out = execFileSync('build/bench/mapwrite', args);
  return (JSON.parse(out.toString()) as { ns: number }).ns / 1e6;
}

/** The i-th row of a table; nh: the next hop's index. */
export function upsert(table: Table, i: number, nh = 1): Upsert {
  const mac = '0a:00:00:00:00:01';
  return table === 'addr'
    ? { table, key: `100/${ip4At(ADDRESS_BASE, i)}`, value: { kind: 'remote', mac, nh, sub: 0 } }
    : {
        table,
        key: `100/${ip4At(ROUTE_BASE, i * ROUTE_STRIDE)}/28`,
        value: { kind: 'remote', mac, nh, group: false, sub: 0 },
      };
}

/** The driver's way, into a fresh map, ms. */
export async function writeByDriver(table: Table, rows: number): Promise<number> {
  const pinDir = `${PIN_DIR}-${loads++}`;
  const small = { addr: 16, route: 16, flow: 1024, age_node: 2048 };
  const object = new LibbpfLoader().load({
    path: 'build/bpf/agent_tc.o',
    pinDir,
    privateMaps: ['stages', 'scratch', 'scratch_walk'],
    maxEntries: { ...small, [table]: Math.max(rows * 2, 16) },
  });
  try {
    const map = object.maps.get(table);
    if (!map) throw new Error(`no map ${table}`);
    const tracker = new DeltaTracker({ map, pause: () => Promise.resolve() }, { array: false });
    for (let i = 0; i < rows; i++) {
      const entry = upsert(table, i);
      tracker.set(encodeKey(table, entry.key), encodeValue(entry));
    }
    const start = performance.now();
    await tracker.writeUpserts();
    return performance.now() - start;
  } finally {
    object.close();
    rmSync(pinDir, { recursive: true, force: true });
  }
}
