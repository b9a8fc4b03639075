// SPDX-License-Identifier: Apache-2.0
/** The guide's files on their way through the program. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runCli } from '../../../../src/cli/program.js';
import { FakeServer } from '../fake-server.js';

const guide = readFileSync('docs/guide/kubernetes.md', 'utf8');
const [yaml = '', endpoint = ''] = [...guide.matchAll(/^```yaml\n([^]*?)^```/gm)].map(
  ([, text]) => text,
);
const NETWORK = `kind: Vpc
metadata: { name: blue }
spec: { vni: 100 }
---
kind: Subnet
metadata: { name: blue-a }
spec: { vpc: blue, ipv4: { prefix: 10.0.1.0/24 } }
---
`;

const server = new FakeServer();
await server.start();
const dir = mkdtempSync(join(tmpdir(), 'transit-kubernetes-'));
const file = join(dir, 'db.yaml');
writeFileSync(file, yaml);
t.teardown(() => {
  server.stop();
  rmSync(dir, { recursive: true });
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

const applied = /^profile\/kns--shop created\npolicy\/shop--db created\n/m.exec(guide)?.[0];
const refused = /^error: db\.yaml: .*\n/m.exec(guide)?.[0];

await t.test('what the guide shows is what comes of it', async (t) => {
  await cli(['apply', '-f', '-'], NETWORK + endpoint);
  t.same(await cli(['apply', '-f', file]), { status: 0, out: applied, err: '' });
  t.same(await cli(['diff', '-f', file]), { status: 0, out: '', err: '' });
  t.match(
    (await cli(['get', 'pol'])).out,
    /^shop--db +default +1000 .* app == 'db' +ingress,egress +2\/0 /m,
  );
  t.match((await cli(['get', 'prof', '-o', 'wide'])).out, /^kns--shop .*ns\/team=red/m);
});

await t.test('a mistake in one document, and nothing is applied', async (t) => {
  const requests = server.requests.length;
  writeFileSync(file, yaml.replace('port: 5432', 'port: pg, endPort: 5433'));
  const run = await cli(['apply', '-f', file]);
  t.same(run, { status: 1, out: '', err: refused?.replace('db.yaml', file) });
  t.match(await cli(['diff', '-f', file]), { status: 2, err: run.err });
  t.equal(server.requests.length, requests);
});

await t.test('--vpc is for policies that name none', async (t) => {
  const second = yaml.replace(/ +annotations.*\n/, '').replace('name: db', 'name: other');
  const text = [NETWORK.replaceAll('blue', 'red').replace('100', '101'), yaml, '---\n', second];
  t.match(await cli(['apply', '-f', '-', '--vpc', 'red'], text.join('')), { status: 1 });
  const policies = text.join('').replace(/apiVersion: v1\n[^]*?---\n/g, '');
  t.match(await cli(['apply', '-f', '-', '--vpc', 'red'], policies), { status: 0 });
  const { out } = await cli(['get', 'pol', '-o', 'yaml']);
  t.match(out, /name: shop--db\n[^]*?vpc: blue\n/);
  t.match(out, /name: shop--other\n[^]*?vpc: red\n/);
  t.match((await cli(['diff', '-f', '-'], second)).out, /- spec\.vpc: red/);
});

await t.test('delete', async (t) => {
  writeFileSync(file, yaml);
  const run = await cli(['delete', '-f', file]);
  t.same(run, { status: 0, out: applied?.replaceAll('created', 'deleted'), err: '' });
});
