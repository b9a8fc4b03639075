// SPDX-License-Identifier: Apache-2.0
/** Values of the tables of policies (indexes, bits) as the maps carry them (bytes). */
import { ABI, encode, MAPS, POL_ACTION } from '../../maps/index.js';
import type { Tables, Upsert } from '../calc/output.js';
import type { PolicyTable } from '../calc/policy/entries.js';

type PolicyUpsert = Extract<Upsert, { table: PolicyTable }>;

const ACTION = {
  allow: POL_ACTION.ALLOW,
  deny: POL_ACTION.DENY,
  pass: POL_ACTION.PASS,
  log: POL_ACTION.LOG,
} as const;

/** Words of 64 bits from those of 32: place 0 is the lowest bit of the first. */
function words(bits: Uint32Array): bigint[] {
  return Array.from(
    { length: ABI.POL_WORDS },
    (_, i) => BigInt(bits[2 * i] ?? 0) | (BigInt(bits[2 * i + 1] ?? 0) << 32n),
  );
}

function progValue({ vni, blocks }: Tables['pol_prog']): Uint8Array {
  const block = Array.from({ length: ABI.POL_BLOCKS }, (_, i) => {
    const at = blocks[i];
    return at === undefined ? 0 : (at.block | (at.first ? ABI.POL_TIER : 0)) >>> 0;
  });
  return encode(MAPS.pol_prog.value, { vni, count: blocks.length, block });
}

/** Both of what has two values say the same: two-values.ts writes them apart. */
export function encodePolicyValue(upsert: PolicyUpsert): Uint8Array {
  switch (upsert.table) {
    case 'pol_block': {
      const { dims, other } = upsert.value;
      return encode(MAPS.pol_block.value, { dims, other: other.flatMap(words) });
    }
    case 'pol_row':
      return encode(MAPS.pol_row.value, { w: words(upsert.value.bits) });
    case 'pol_port':
      return encode(MAPS.pol_port.value, { class: upsert.value.class });
    case 'pol_rule': {
      const { action, hit } = upsert.value;
      return encode(MAPS.pol_rule.value, { action: ACTION[action], hit });
    }
    case 'pol_prog':
      return progValue(upsert.value);
    case 'pol_host':
    case 'pol_net':
    case 'pol_named': {
      const { class: number } = upsert.value;
      return encode(MAPS[upsert.table].value, { class: [number, number] });
    }
    case 'pol_ep': {
      const { ingress, egress } = upsert.value;
      const both = BigInt(ingress) | (BigInt(egress) << 32n);
      return encode(MAPS.pol_ep.value, { of: [both, both] });
    }
  }
}
