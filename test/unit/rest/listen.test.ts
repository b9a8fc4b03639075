// SPDX-License-Identifier: Apache-2.0
/** Addresses and tokens. */
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t as tap, test } from 'tap';
import { startFixture } from './fixture.js';

const dir = mkdtempSync(join(tmpdir(), 'transit-listen-'));
tap.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

const TOKEN = 'a-token-of-enough-length';
const tokenFile = join(dir, 'token');
writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });

test('the socket is its owner’s, and goes with the server', async (t) => {
  const socket = join(dir, 'deep', 'er', 'api.sock');
  const f = await startFixture({ socket });
  t.equal(statSync(socket).mode & 0o777, 0o600);
  t.equal((await f.send({ path: '/healthz' })).status, 200);
  await f.stop();
  t.notOk(existsSync(socket));
});

test('a socket in use is left alone, a stale one is taken over', async (t) => {
  const socket = join(dir, 'a.sock');
  const f = await startFixture({ socket });
  await t.rejects(startFixture({ socket }), {
    code: 'REST_ADDRESS_IN_USE',
    message: new RegExp(`rest\\.socket.*${socket}`),
  });
  t.equal((await f.send({ path: '/healthz' })).status, 200, 'the first one goes on');
  await f.stop();
  // A process that dies without closing leaves its socket behind.
  spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  t.ok(existsSync(socket), 'stale');
  const again = await startFixture({ socket });
  t.equal((await again.send({ path: '/healthz' })).status, 200);
  await again.stop();
});

test('a file is never removed', async (t) => {
  const socket = join(dir, 'file');
  writeFileSync(socket, 'precious');
  await t.rejects(startFixture({ socket }), { code: 'REST_LISTEN_FAILED', message: /no socket/ });
  t.ok(existsSync(socket));
});

test('TCP takes the token and nothing else', async (t) => {
  const f = await startFixture({ tcp: { address: '127.0.0.1', port: 0, tokenFile } });
  t.teardown(() => f.stop());
  const port = f.server.tcpPort();
  const call = (authorization?: string, path = '/v1/vpcs') =>
    f.send({ path, port, headers: authorization === undefined ? {} : { authorization } });
  t.equal((await call(`Bearer ${TOKEN}`)).status, 200);
  t.equal((await call(`bearer ${TOKEN}`)).status, 200, 'the scheme has no case');
  for (const wrong of [undefined, '', 'Bearer', 'Bearer x', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    const answer = await call(wrong);
    t.equal(answer.status, 401, wrong ?? 'none');
    t.match(answer.headers['www-authenticate'], /^Bearer/);
    t.match(answer.text, 'UNAUTHORIZED');
  }
  t.equal((await call(undefined, '/healthz')).status, 200, 'probes need none');
  t.equal((await call(undefined, '/metrics')).status, 401);
  t.equal((await f.send({ path: '/v1/vpcs' })).status, 200, 'nor does the socket');
});

test('a port in use', async (t) => {
  const other = createServer().listen({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => other.once('listening', resolve));
  t.teardown(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address!.port : 0;
  const socket = join(dir, 'b.sock');
  await t.rejects(startFixture({ socket, tcp: { address: '127.0.0.1', port, tokenFile } }), {
    code: 'REST_ADDRESS_IN_USE',
    message: new RegExp(`rest\\.tcp\\.port.*127\\.0\\.0\\.1:${port}`),
  });
  t.notOk(existsSync(socket), 'what was opened before is closed');
  await t.rejects(startFixture({ socket, tcp: { address: '192.0.2.1', port: 1234, tokenFile } }), {
    code: 'REST_LISTEN_FAILED',
  });
});

test('token files', async (t) => {
  const bad = join(dir, 'bad');
  const start = () =>
    startFixture({
      socket: join(dir, 'c.sock'),
      tcp: { address: '127.0.0.1', port: 0, tokenFile: bad },
    });
  const refused = (rule: RegExp) => ({ code: 'REST_BAD_TOKEN', message: rule });
  await t.rejects(start(), refused(/rest\.tcp\.tokenFile: .*cannot be read/));
  writeFileSync(bad, 'short\n', { mode: 0o600 });
  await t.rejects(start(), refused(/at least 16/));
  writeFileSync(bad, TOKEN);
  chmodSync(bad, 0o644);
  await t.rejects(start(), refused(/read by everyone/));
});
