// SPDX-License-Identifier: Apache-2.0
/** Prefixes that stand for others without state, as far as this host has them. */
import type { NatResponse } from '../../api/index.js';
import { MAPS, type RawMap } from '../../maps/index.js';
import { isMasqueraded, visiblePrefix, vpcOfPrefix } from '../../model/index.js';
import { exposedKeys, natPrefixKeys } from '../calc/index.js';
import { encodeKey } from './keys.js';
import { listOf, type Objects } from './nat-tables.js';

type Prefix = NatResponse['prefixes'][number];

export function natPrefixes(map: (name: string) => RawMap, objects: Objects): Prefix[] {
  const prefixes = map(MAPS.nat_prefix.name);
  const vnis = new Map(
    listOf(objects, 'Vpc').map(({ metadata, spec }) => [metadata.name, spec.vni]),
  );
  // a key that is longer or shorter than what is there finds another entry, of the same direction
  const isThere = (source: string): boolean =>
    prefixes.lookup(encodeKey('nat_prefix', source)) !== undefined;
  const out: Prefix[] = [];
  for (const { metadata, spec } of listOf(objects, 'NatGateway'))
    for (const prefix of spec.prefixes ?? []) {
      const vpc = vpcOfPrefix(spec, prefix) ?? '';
      if (!isThere(natPrefixKeys(vnis.get(vpc) ?? 0, prefix).source)) continue;
      const by = `NatGateway/${metadata.name}`;
      out.push({ by, vpc, prefix: prefix.inside, as: prefix.outside, seenBy: '' });
    }
  for (const { metadata, spec } of listOf(objects, 'Peering'))
    for (const [i, { vpc, expose }] of spec.sides.entries()) {
      const seenBy = spec.sides[1 - i]?.vpc ?? '';
      for (const exposed of expose) {
        if (isMasqueraded(exposed)) continue;
        const { prefix } = exposed;
        const as = visiblePrefix(exposed);
        const keys = exposedKeys(vnis.get(vpc) ?? 0, vnis.get(seenBy) ?? 0, prefix, as);
        if (isThere(keys.source))
          out.push({ by: `Peering/${metadata.name}`, vpc, prefix, as, seenBy });
      }
    }
  return out;
}
