// SPDX-License-Identifier: Apache-2.0
/** Programs of policies of some sizes, in the maps; which of them endpoint a has can be changed. */
import { IndexAllocator, INDEX_SPACES, type IndexLimits } from '../../src/daemon/calc/index.js';
import { PolicyTables, type ClassChanges } from '../../src/daemon/calc/policy/tables.js';
import type { ResolvedRule, ResolvedSide } from '../../src/daemon/calc/policy/types.js';
import { encodeValue } from '../../src/daemon/datapath/encode.js';
import { encodeKey } from '../../src/daemon/datapath/keys.js';
import type { Loops } from './loops.js';
import { VNI } from './world.js';

/** What tells a program's rules apart. Only the last one is met. */
export const VARIETIES = ['nets', 'ports'] as const;
export type Variety = (typeof VARIETIES)[number];

const UDP = 17;
/** Ports of rules: no packet of the loops goes there. */
const FIRST_PORT = 20_000;
const HOME = '10.1.0.0/24';
/** More than there are programs, blocks, classes and rules of one bench. */
const LIMIT = 100_000;
const ANY: ResolvedSide = { sets: [], notSets: [] };
const setOf = (net: string): string => `${VNI} n ${net}`;
const netOf = (i: number): string => `172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`;

function rule(variety: Variety, i: number, last: boolean): ResolvedRule {
  const to = (net: string): ResolvedSide => ({ ...ANY, sets: [setOf(net)] });
  const port = FIRST_PORT + i;
  const ports = { ranges: [{ from: port, to: port }], named: [] };
  const other = variety === 'nets' ? to(netOf(i)) : { ...to(HOME), ports };
  return {
    action: last ? 'allow' : 'deny',
    identity: `Policy/${variety}/egress/${i}`,
    protocol: UDP,
    source: ANY,
    destination: last ? to(HOME) : other,
  };
}

/** Writes them all. @returns what gives endpoint a one of them; 0: none */
export function policies(
  loops: Loops,
  variety: Variety,
  sizes: readonly number[],
): (size: number) => void {
  const limits = Object.fromEntries(INDEX_SPACES.map((space) => [space, LIMIT])) as unknown;
  const indexes = new IndexAllocator({ limits: limits as IndexLimits });
  const tables = new PolicyTables({ indexes }, { closed: LIMIT });
  const most = Math.max(...sizes);
  const nets = [HOME, ...Array.from({ length: most }, (_, i) => netOf(i))];
  const appeared = nets.map((net) => {
    const key = `${VNI}|${setOf(net)}`;
    return { key, sets: [setOf(net)], id: tables.classIndex(key) };
  });
  const classes: ClassChanges = {
    ...{ appeared, vanished: [], hosts: [], named: [] },
    nets: nets.map((prefix, i) => ({ vni: VNI, prefix, class: appeared[i]!.id })),
  };
  const endpoints = new Map(
    sizes.map((size, i) => {
      const rules = Array.from({ length: size }, (_, n) => rule(variety, n, n === size - 1));
      return [`${size}`, { vni: VNI, index: i + 1, ingress: undefined, egress: [rules] }];
    }),
  );
  const { upserts, findings } = tables.flush({ endpoints, classes });
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
  /** By size; 0: no program. */
  const programs = new Map([[0, 0]]);
  for (const upsert of upserts) {
    // these would be those of other endpoints
    if (upsert.table === 'pol_ep')
      programs.set(sizes[Number(upsert.key) - 1]!, upsert.value.egress);
    else
      loops.rig.map(upsert.table).update(encodeKey(upsert.table, upsert.key), encodeValue(upsert));
  }
  const key = `${loops.rig.index.endpoints.get('a') ?? 0}`;
  return (size) => {
    const value = { ingress: 0, egress: programs.get(size)! };
    const bytes = encodeValue({ table: 'pol_ep', key, value });
    loops.rig.map('pol_ep').update(encodeKey('pol_ep', key), bytes);
  };
}
