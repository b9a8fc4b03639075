// SPDX-License-Identifier: Apache-2.0
/**
 * Two states of policies, A and B, as much apart as can be, that agree on who is never and who is
 * always let in to the databases. Half of one and half of the other would let in those that never
 * are, and shut out those that always are: whom the gate admits changes together with who is what.
 */
import { ENDPOINTS, policy, type Name, type Stored } from './policy-lab.js';

export type StateName = 'A' | 'B';

/** What the gate admits in a state; the others are the other. */
const ZONE: Readonly<Record<StateName, string>> = { A: 'red', B: 'blue' };
const other = (state: StateName): StateName => (state === 'A' ? 'B' : 'A');

export const ALWAYS: readonly (readonly [Name, Name])[] = [
  ['web-a', 'db-a'],
  ['web-a', 'db-b'],
  ['db-a', 'db-b'], // by a NetworkSet
];
export const NEVER: readonly (readonly [Name, Name])[] = [
  ['client-a', 'db-a'],
  ['client-a', 'db-b'],
  ['db-b', 'db-a'], // by a NetworkSet
];
/** Let in in this state only. */
export const ONLY: Readonly<Record<StateName, readonly (readonly [Name, Name])[]>> = {
  A: [
    ['web-b', 'db-a'],
    ['web-b', 'db-b'],
  ],
  B: [
    ['client-b', 'db-a'],
    ['client-b', 'db-b'],
  ],
};

const SETS = 40;
const NETS = 125;
const POLICIES = 50;

/** Endpoints' specs do not change: as the lab has them. */
export type Specs = Readonly<Record<Name, object>>;

/** What a change from one state to the other writes and removes: entries of nets in the maps. */
export const CHANGES = 2 * SETS * NETS;

export function stateOf(state: StateName, specs: Specs): Stored[] {
  const [mine, others] = [ZONE[state], ZONE[other(state)]];
  const endpoint = (name: Name, labels: Readonly<Record<string, string>>): Stored => ({
    kind: 'Endpoint',
    metadata: { name, labels },
    spec: specs[name],
  });
  const set = (name: string, zone: string, nets: readonly string[]): Stored => ({
    kind: 'NetworkSet',
    metadata: { name, labels: { zone } },
    spec: { vpc: 'shop', nets },
  });
  const gate = policy('gate', {
    selector: "role == 'db'",
    order: 100,
    ingress: [
      { action: 'allow', source: { selector: `zone == '${mine}'` } },
      // so that all sets matter
      { action: 'deny', source: { selector: `zone == '${others}'` } },
    ],
  });
  // nets of their own in each state, members of what the gate admits
  const nets = (i: number): string[] =>
    Array.from({ length: NETS }, (_, n) => `${state === 'A' ? 100 : 101}.${i}.${n}.0/24`);
  return [
    endpoint('web-a', { role: 'web', zone: mine }),
    endpoint('client-a', { role: 'client', zone: others }),
    endpoint('web-b', { role: 'web', zone: ZONE.A }),
    endpoint('client-b', { role: 'client', zone: ZONE.B }),
    set('db-a', mine, Object.values(ENDPOINTS['db-a'])),
    set('db-b', others, Object.values(ENDPOINTS['db-b'])),
    ...Array.from({ length: SETS }, (_, i) =>
      set(`fill-${i}`, i % 2 === 0 ? mine : others, nets(i)),
    ),
    ...Array.from({ length: POLICIES }, (_, i) =>
      policy(`p${i}`, {
        selector: "role == 'db'",
        order: i,
        ingress: [
          {
            action: state === 'A' ? 'allow' : 'deny',
            protocol: 'tcp',
            source: { nets: [`${state === 'A' ? 102 : 103}.${i}.0.0/16`] },
            destination: { ports: [1000 + i] },
          },
        ],
      }),
    ),
    gate,
  ];
}

/** Which state a gate is of. */
export function stateOfGate(gate: unknown): StateName {
  const [first] = (gate as { spec: { ingress: { source: { selector: string } }[] } }).spec.ingress;
  return first?.source.selector === `zone == '${ZONE.A}'` ? 'A' : 'B';
}
