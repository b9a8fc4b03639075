// SPDX-License-Identifier: Apache-2.0
/** What `get` and `explain` show of policies and what belongs to them. */
import t from 'tap';
import { fieldAt, kindByWord, kindInfo, type ApiObject } from '../../../src/api/index.js';
import { explainText } from '../../../src/cli/commands/explain.js';
import { objectTable } from '../../../src/cli/output/objects.js';
import type { Kind } from '../../../src/model/index.js';
import { make } from '../model/fixtures.js';

function table(kind: Kind, specs: Readonly<Record<string, unknown>>, wide = false): string {
  const objects = Object.entries(specs).map(
    ([name, spec]) => make(kind, name, spec) as unknown as ApiObject,
  );
  const text = objectTable(kind, objects, { wide, colours: false, nowMs: 0 });
  return text.replace(/ +(STATE|-) +(AGE|-)[^\n]*/g, '');
}

const allow = { action: 'allow' };

t.equal(
  table('Policy', {
    all: {},
    db: {
      tier: 'app',
      order: 20,
      vpc: 'blue',
      selector: "role ==\n  'db'",
      ingress: [allow, allow],
      egress: [{ action: 'deny', protocol: 'udp', destination: { ports: [53] } }],
    },
    out: { types: ['egress'], order: -1.5 },
  }),
  'NAME   TIER      ORDER   SELECTOR       TYPES            RULES\n' +
    'all    default   -       all()          ingress          0/0\n' +
    "db     app       20      role == 'db'   ingress,egress   2/1\n" +
    'out    default   -1.5    all()          egress           0/0\n',
);
t.match(table('Policy', { db: { vpc: 'blue' } }, true), /NAME +VPC +TIER[^]*db +blue +default/);
t.equal(
  table('Tier', { default: {}, security: { order: 10, defaultAction: 'pass' } }),
  'NAME       ORDER   DEFAULT\ndefault    -       deny\nsecurity   10      pass\n',
);
const sets = {
  few: { vpc: 'blue', nets: ['10.0.0.1', 'fd00::/8'] },
  many: { nets: Array.from({ length: 9 }, (_, i) => `10.${i}.0.0/16`) },
};
t.equal(
  table('NetworkSet', sets),
  'NAME   VPC    NETS\n' +
    'few    blue   10.0.0.1/32,fd00::/8\n' +
    'many   each   10.0.0.0/16,10.1.0.0/16,10.2.0.0/16 and 6 more\n',
);
t.match(table('NetworkSet', sets, true), /NETS +COUNT[^]*many .* 9/);
t.equal(
  table('Profile', { web: { labels: { role: 'web', env: 'live' }, ingress: [allow] }, none: {} }),
  'NAME   LABELS              RULES\nweb    role=web,env=live   1/0\nnone   -                   0/0\n',
);

const names: [string, Kind][] = [
  ['pol', 'Policy'],
  ['policies', 'Policy'],
  ['prof', 'Profile'],
  ['profiles', 'Profile'],
  ['tier', 'Tier'],
  ['tiers', 'Tier'],
  ['ns', 'NetworkSet'],
  ['networksets', 'NetworkSet'],
];
for (const [word, kind] of names) t.equal(kindByWord(word), kind, word);

void t.test('explain goes down to the fields of a rule', (t) => {
  const field = fieldAt(kindInfo('Policy'), ['spec', 'ingress', 'destination', 'ports']);
  t.match(field, { type: '[]string | integer', required: false });
  t.match(
    explainText('policy.spec.ingress', fieldAt(kindInfo('Policy'), ['spec', 'ingress'])!, false),
    /action <allow \| deny \| pass \| log> \(required\)/,
  );
  t.equal(
    fieldAt(kindInfo('Profile'), ['spec', 'egress', 'action'])?.type,
    'allow | deny | log',
    'nothing comes behind a profile',
  );
  t.equal(fieldAt(kindInfo('Policy'), ['spec', 'tier'])?.default, 'default');
  t.equal(fieldAt(kindInfo('Endpoint'), ['spec', 'ports', 'port'])?.type, 'integer 1..65535');
  t.end();
});
