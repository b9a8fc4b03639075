// SPDX-License-Identifier: Apache-2.0
/** The condition RulesReachable of policies and profiles. */
import t from 'tap';
import { describeText } from '../../../src/cli/commands/describe.js';
import { StatusBoard } from '../../../src/daemon/datapath/index.js';
import type { ApiObject } from '../../../src/api/index.js';
import type { Kind, StoredObject } from '../../../src/model/index.js';
import { FakeClock } from '../interfaces/fake-clock.js';
import { make } from '../model/fixtures.js';

const stored = new Map<string, StoredObject>();
function put(kind: Kind, name: string, spec: unknown, generation = 1): StoredObject {
  const object = make(kind, name, spec);
  const now = { ...object, metadata: { ...object.metadata, generation } };
  stored.set(`${kind}/${name}`, now);
  return now;
}
const board = new StatusBoard(
  {
    store: { get: (kind: Kind, name: string) => stored.get(`${kind}/${name}`) },
    attachments: { get: () => undefined },
    clock: new FakeClock(),
  },
  { host: 'h1' },
);
const condition = (kind: Kind, name: string) =>
  board.get(kind, name)?.conditions.find(({ type }) => type === 'RulesReachable');

const allow = { action: 'allow' };
put('Policy', 'web', { ingress: [allow, { action: 'deny', protocol: 'tcp' }], egress: [allow] });
board.applied('Policy', 'web', 1);
t.match(condition('Policy', 'web'), {
  status: 'False',
  reason: 'UnreachableRules',
  message:
    'can never decide, as an earlier rule decides all that they meet: spec.ingress[1] (behind [0])',
});
const object = stored.get('Policy/web')!;
t.match(
  describeText({ ...object, status: board.get('Policy', 'web') } as ApiObject, false, 0),
  /RulesReachable +False +UnreachableRules +.*spec\.ingress\[1\]/,
  'describe shows it',
);
put('Policy', 'web', { ingress: [{ action: 'deny', protocol: 'tcp' }, allow] }, 2);
t.match(condition('Policy', 'web'), { status: 'True', message: '' }, 'another generation');
put('Profile', 'many', { egress: [allow, allow, allow, allow, allow] });
t.match(condition('Profile', 'many')?.message, /egress\[3\] \(behind \[0\]\) and 1 more$/);
put('Tier', 'none', {});
t.equal(condition('Tier', 'none'), undefined);
board.applied('Policy', 'web', undefined);
put('Policy', 'web', { ingress: [allow, allow] }, 2);
t.match(condition('Policy', 'web'), { status: 'False' }, 'another object of the same name');
