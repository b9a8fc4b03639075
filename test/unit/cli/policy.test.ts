// SPDX-License-Identifier: Apache-2.0
/** The guide's policies on their way through the program: apply, get, describe, diff, delete. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { runCli } from '../../../src/cli/program.js';
import { FakeServer } from './fake-server.js';

const guide = readFileSync('docs/guide/policy.md', 'utf8');
/** What the guide's objects refer to. */
const NETWORK = `kind: Vpc
metadata: {name: blue}
spec: {vni: 100}
---
kind: Subnet
metadata: {name: blue-a}
spec: {vpc: blue, ipv4: {prefix: 10.0.1.0/24}}
`;
const examples = [...guide.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text]) => text);
const yaml = [NETWORK, ...examples].join('---\n');
const ID = /^(?:endpoint|policy|networkset|tier|profile)\/[-a-z0-9]+ /gm;

const server = new FakeServer({
  policyDiff: ({ body }) => ({
    revision: 1,
    truncated: body.objects.length > 1,
    connections: JSON.stringify(body.objects).includes('closed')
      ? [
          {
            endpoint: 'db-1',
            direction: 'ingress',
            vpc: 'blue',
            proto: 'tcp',
            source: '10.0.1.7',
            sourcePort: 40000,
            destination: '10.0.1.11',
            destinationPort: 5432,
            idleSeconds: 75,
            rule: 'Tier/default/ingress',
          },
        ]
      : [],
  }),
});
await server.start();
t.teardown(() => {
  server.stop();
});

async function cli(args: readonly string[], stdin = '') {
  let out = '';
  let err = '';
  const status = await runCli(['--server', server.socket, ...args], {
    stdout: { write: (text) => (out += text), isTTY: false },
    stderr: { write: (text) => (err += text) },
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream is async by nature
    stdin: (async function* () {
      yield stdin;
    })(),
    env: {},
    now: () => Date.parse('2026-01-01T05:12:00Z'),
    signal: new AbortController().signal,
  });
  return { status, out, err };
}

await t.test(
  'what the guide shows can be applied, and is the same when applied again',
  async (t) => {
    const applied = await cli(['apply', '-f', '-'], yaml);
    t.match(applied, { status: 0, err: '' });
    t.equal(applied.out.match(ID)?.length, 7);
    t.match((await cli(['apply', '-f', '-'], yaml)).out, /^policy\/db unchanged$/m);
    t.same(await cli(['diff', '-f', '-'], yaml), { status: 0, out: '', err: '' });
  },
);

await t.test('tables, by short names', async (t) => {
  t.match((await cli(['get', 'pol'])).out, /^db +default +- +role == 'db' +ingress,egress +2\/0 /m);
  t.match((await cli(['get', 'tier'])).out, /^security +10 +pass /m);
  t.match((await cli(['get', 'ns', '-o', 'wide'])).out, /203\.0\.113\.7\/32 +3 .* zone=office$/m);
  t.match((await cli(['get', 'prof'])).out, /^open +exposed=yes +1\/1 /m);
  t.match((await cli(['get', 'all', '-o', 'name'])).out, /^networkset\/offices$/m);
});

await t.test('describe, diff, delete', async (t) => {
  t.match((await cli(['describe', 'policy', 'db'])).out, /ingress:[^]*ports:[^]*postgres/);
  const changed = yaml.replace('ports: [80, 443]', 'ports: [80, 8443]');
  t.match(await cli(['diff', '-f', '-'], changed), {
    status: 1,
    out: /- spec\.ingress\[0\]\.destination\.ports\[1\]: 443\n\+ .*: 8443/,
  });
  t.match(await cli(['delete', 'ns/offices']), { status: 0, out: 'networkset/offices deleted\n' });
});

await t.test('the message of the guide is the message', async (t) => {
  const message = /^error: Policy\/db: .*$/m.exec(guide)?.[0] ?? '';
  const ingress =
    '[{action: allow}, {action: allow}, {action: deny, source: {selector: role = 1}}]';
  const bad = `kind: Policy\nmetadata: {name: db}\nspec: {ingress: ${ingress}}\n`;
  t.same(await cli(['apply', '-f', '-'], bad), { status: 1, out: '', err: `${message}\n` });
});

await t.test(
  'diff says which connections would be cut, when asked and when any could',
  async (t) => {
    const closed = 'kind: Policy\nmetadata: {name: closed}\nspec: {}\n';
    const diff = ['diff', '-f', '-', '--connections'];
    const shown = await cli(diff, closed);
    t.match(shown, { status: 1, err: '' });
    t.match(
      shown.out,
      /^connections on this host that would be cut\nENDPOINT .*\ndb-1 +ingress +tcp +10\.0\.1\.7:40000 +10\.0\.1\.11:5432 +1m15s +Tier\/default\/ingress *$/m,
    );
    const none = await cli(
      diff,
      `${closed.replace('closed', 'p')}---\n${closed.replace('closed', 'q')}`,
    );
    t.match(none.out, /^no connections on this host would be cut$/m);
    t.equal(none.err, 'not all connections were judged\n');
    t.notMatch((await cli(diff.slice(0, 3), closed)).out, /connections/);
    t.same(await cli(diff, NETWORK), { status: 0, out: '', err: '' });
  },
);
