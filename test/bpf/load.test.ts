// SPDX-License-Identifier: Apache-2.0
/**
 * Every object passes the verifier, with all settings at their ends. Every combination of those
 * that change code is loaded by test/vm, on this kernel and on others.
 */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { Programs } from '../support/programs.js';
import { isolate, objectPath, OBJECTS } from '../support/rig.js';

isolate();

const ENTRIES: Readonly<Record<(typeof OBJECTS)[number], string>> = {
  transit_xdp: 'xdp_transit',
  transit_tc: 'tc_transit',
  agent_xdp: 'xdp_agent',
  agent_tc: 'tc_agent',
  alg: 'alg',
  age: 'age_start',
  judge: 'judge',
};
/** What each program may cost the verifier, on any kernel; at 1,000,000 it gives up. */
const { programs: BUDGET } = JSON.parse(
  readFileSync(new URL('../vm/budget.json', import.meta.url), 'utf8'),
) as { readonly programs: Readonly<Record<string, { readonly verifiedInsns: number }>> };

const config = readFileSync(new URL('../../bpf/include/transit/config.h', import.meta.url), 'utf8');
const settings = [...config.matchAll(/const volatile __u(8|16|32) (cfg_\w+)/g)].map((m) => ({
  name: m[2] ?? '',
  largest: 2 ** Number(m[1]) - 1,
}));

/** Switches have no larger value than one. */
const largest = (s: (typeof settings)[number]): number =>
  s.name.includes('events') ? 1 : s.largest;
const variants: readonly Readonly<Record<string, number>>[] = [
  {},
  Object.fromEntries(settings.map((s) => [s.name, 0])),
  Object.fromEntries(settings.map((s) => [s.name, largest(s)])),
];

test('settings are found in config.h', (t) => {
  t.ok(settings.length >= 8, `${settings.length} settings`);
  t.end();
});

for (const object of OBJECTS) {
  test(`${object} passes the verifier with ${variants.length} settings`, (t) => {
    const most = new Map<string, number>();
    for (const rodata of variants) {
      const programs = new Programs();
      const what = JSON.stringify(rodata);
      let names: string[] = [];
      t.doesNotThrow(() => {
        names = programs.load(objectPath(object), { rodata });
      }, what);
      t.ok(names.includes(ENTRIES[object]), `has ${ENTRIES[object]}`);
      for (const name of names) {
        const insns = programs.programs.get(name)!.verifiedInsns();
        most.set(name, Math.max(insns, most.get(name) ?? 0));
      }
      programs.close();
    }
    for (const [name, insns] of most) {
      t.comment(`${name}: ${insns} instructions verified`);
      const limit = BUDGET[`${object}/${name}`]?.verifiedInsns ?? 0;
      t.ok(insns > 0 && insns <= limit, `${name} is within its budget of ${limit}`);
    }
    t.end();
  });
}
