// SPDX-License-Identifier: Apache-2.0
/**
 * A running transitd whose socket gets what nobody should send: broken HTTP, hostile JSON,
 * bodies that never end. It stays the same process, goes on to answer, says what is wrong, and
 * changes nothing. TRANSIT_SEED repeats a run, TRANSIT_INPUTS changes its length.
 */
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import suite, { test } from 'tap';
import { Daemon, object } from '../topo/daemon-support.js';
import { isolated, run } from '../topo/netlink-support.js';
import { Random } from './random.js';
import { ALIAS_BOMB, damagedText, deepJson, DOCUMENT } from './text.js';

const INPUTS = Number(process.env.TRANSIT_INPUTS ?? 300);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const SOCKET = '/run/t/run/api.sock';
/** Inputs between looks at the daemon. */
const ROUND = 25;
const ANSWER_MS = 3000;
suite.setTimeout(0);

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Writes bytes as they are and takes what comes until the daemon closes, or a moment passed. */
function send(parts: readonly (string | Uint8Array)[], waitMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(SOCKET);
    const got: Buffer[] = [];
    const done = (): void => {
      socket.destroy();
      const text = Buffer.concat(got).toString('latin1');
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text });
    };
    const timer = setTimeout(done, waitMs);
    socket.on('data', (data) => {
      got.push(data);
      // every answer of the API has a length: enough when it is there
      const text = Buffer.concat(got).toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? NaN);
      if (text.length - text.indexOf('\r\n\r\n') - 4 >= length) {
        clearTimeout(timer);
        done();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      done();
    });
    for (const part of parts) socket.write(part);
  });
}

const head = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>>,
): string =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n');

const post = (
  path: string,
  body: string | Uint8Array,
  type = 'application/json',
  more = {},
): Uint8Array =>
  Buffer.concat([
    Buffer.from(
      head('POST', path, {
        'Content-Type': type,
        'Content-Length': Buffer.byteLength(body),
        ...more,
      }),
    ),
    typeof body === 'string' ? Buffer.from(body) : body,
  ]);

/** A request that is damaged so that it cannot be accepted: its objects refer to nothing. */
const OBJECTS = JSON.stringify({
  objects: [
    {
      kind: 'Subnet',
      metadata: { name: 'lost' },
      spec: { vpc: 'missing', ipv4: { prefix: '10.9.0.0/24' } },
    },
    { kind: 'Vpc', metadata: { name: 'twice' }, spec: { vni: 1000 } },
  ],
});

/** Bodies for /v1/apply that no parser likes. */
function body(r: Random): string | Uint8Array {
  return r.pick<() => string | Uint8Array>([
    () => damagedText(r, OBJECTS),
    () => damagedText(r, OBJECTS),
    () => OBJECTS,
    () => r.bytes(r.below(400)),
    () => '',
    () => deepJson(r.pick([10, 1000, 50_000])),
    () => `{"objects":${deepJson(20_000)}}`,
    () => `{"objects":[${'{},'.repeat(r.pick([10, 5000]))}{}]}`,
    () => `{"objects":["${'a'.repeat(r.pick([10, 1_000_000]))}"]}`,
    () =>
      '{"__proto__":{"polluted":1},"objects":[{"__proto__":{"kind":"Vpc"},"kind":"__proto__"}]}',
    () =>
      '{"objects":[{"kind":"constructor","metadata":{"name":"x","__proto__":{"polluted":1}},"spec":{}}]}',
    () =>
      '{"objects":[{"kind":"Vpc","metadata":{"name":"toString"},"spec":{"vni":1000,"__proto__":null}}]}',
    () => '{"objects":[{"kind":"Vpc","metadata":{"name":"\\ud800"},"spec":{"vni":1e400}}]}',
    () => Buffer.from('{"objects":[{"kind":"\xff\xfe\xc3\x28"}]}', 'latin1'),
    () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(OBJECTS)]),
    () => DOCUMENT,
    () => ALIAS_BOMB,
    () => 'null',
    () => '[]',
    () => '"objects"',
    () => '{"objects":{"length":4294967295}}',
    () => '{"objects":null}',
  ])();
}

const TYPES = [
  'application/json', 'application/json', 'application/json', 'application/yaml', 'text/plain',
  'application/x-ndjson', 'multipart/form-data; boundary=', 'application/json; charset=utf-16',
  'application/json; charset=nonsense', 'a', '',
]; // prettier-ignore
const PATHS = [
  '/v1/apply', '/v1/apply', '/v1/apply', '/v1/delete', '/v1/apply?dryRun=%', '/v1/vpcs',
  '/v1/programs', '/v1/../v1/apply', '/v1/vpcs/%00', '/v1/vpcs/%ff', '/v1/vpcs/__proto__',
  '/v1/constructor', `/v1/vpcs/${'a'.repeat(5000)}`, '/%', '//', '/v1/vpcs?labelSelector=%3D%3D,(', '/v1/watch?from=-1',
]; // prettier-ignore

/** One hostile conversation. */
function conversation(r: Random): (string | Uint8Array)[] {
  const whole = (): Uint8Array => post(r.pick(PATHS), body(r), r.pick(TYPES));
  return r.pick<() => (string | Uint8Array)[]>([
    () => [whole()],
    () => [whole()],
    () => [whole()],
    () => [r.bytes(1 + r.below(300))],
    () => [
      head(
        r.pick(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'HEAD', 'CONNECT', 'BREW']),
        r.pick(PATHS),
        {},
      ),
    ],
    () => [`GET ${'/'.repeat(r.pick([10, 100_000]))} HTTP/1.1\r\n\r\n`],
    () => [`GET / HTTP/${r.pick(['0.9', '1.0', '2.0', '9', ''])}\r\n\r\n`],
    () => [
      head(
        'GET',
        '/healthz',
        Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`X-${i}`, 'y'])),
      ),
    ],
    () => [`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'b'.repeat(100_000)}\r\n\r\n`],
    () => [
      `POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: ${r.pick(['-1', '1e3', '99999999999999999999', 'x', '5, 6'])}\r\n\r\n{}`,
    ],
    () => [
      'POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    ],
    () => [
      `POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${r.pick(['zz', 'ffffffffffffffff', '-1', '5;x=y'])}\r\n{"a":\r\n`,
    ],
    () => [head('GET', '/healthz', {}), r.bytes(200), head('GET', '/healthz', {})],
    () => [head('GET', '/healthz', {}).repeat(50)],
    () => {
      const request = whole();
      return [request.subarray(0, r.below(request.length))];
    },
    () => [
      post('/v1/apply', gzipSync(Buffer.alloc(r.pick([10, 50_000_000]), 32)), 'application/json', {
        'Content-Encoding': 'gzip',
      }),
    ],
    () => [
      post('/v1/apply', r.bytes(60), 'application/json', {
        'Content-Encoding': r.pick(['gzip', 'br', 'deflate', 'x']),
      }),
    ],
  ])();
}

if (isolated(import.meta.url)) {
  run('mount -t bpf bpf /sys/fs/bpf');
  const daemon = new Daemon();
  const healthy = async (): Promise<number> => {
    const started = Date.now();
    const { status } = await send([head('GET', '/healthz', { Connection: 'close' })], ANSWER_MS);
    return status === 200 ? Date.now() - started : NaN;
  };
  const state = async (): Promise<string> =>
    JSON.stringify([
      (await daemon.get<{ revision: number }>('/v1/status'))?.revision,
      await daemon.get('/v1/vpcs'),
      daemon.map('vpc_gen'),
    ]);

  test(`${INPUTS} hostile conversations, TRANSIT_SEED=${SEED}`, { timeout: 0 }, async (t) => {
    t.teardown(async () => {
      await daemon.end('SIGKILL');
    });
    await daemon.start();
    await daemon.post('/v1/apply', { objects: [object('Vpc', 'v1', { vni: 1000 })] });
    await daemon.until(
      'programmed',
      async () => (await daemon.programmed('/v1/vpcs/v1')) === 'True',
    );
    const before = await state();
    const r = new Random(SEED);
    const statuses = new Map<number, number>();
    let slowest = 0;
    for (let i = 0; i < INPUTS; i += ROUND) {
      const round = Array.from({ length: ROUND }, () => conversation(r));
      const answers = await Promise.all(round.map((parts) => send(parts, 150)));
      for (const [at, { status, text }] of answers.entries()) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const shown = Buffer.concat(round[at]!.map((p) => Buffer.from(p)))
          .subarray(0, 600)
          .toString('latin1');
        if (status >= 500)
          t.fail(`answered ${status} to ${JSON.stringify(shown)}: ${text.slice(0, 500)}`);
        const problem = /problem\+json/.test(text) && !shown.startsWith('HEAD');
        if (problem && !/"(title|detail)":"[^"]/.test(text))
          t.fail(`no problem is named: ${text.slice(0, 500)}`);
        if (
          [400, 404, 405, 409, 413, 415, 422].includes(status) &&
          !problem &&
          /\r\n\r\n(?!0\r\n\r\n$)./.test(text)
        ) {
          t.fail(`an error in no known form: ${text.slice(0, 500)}`);
        }
      }
      const ms = await healthy();
      if (Number.isNaN(ms)) {
        t.fail(`not healthy any more:\n${daemon.log().slice(-3000)}`);
        break;
      }
      slowest = Math.max(slowest, ms);
    }
    t.comment(`statuses: ${JSON.stringify([...statuses].sort())}, slowest /healthz ${slowest} ms`);
    t.ok((statuses.get(400) ?? 0) > INPUTS / 10, 'requests were refused');
    t.equal(await state(), before, 'nothing has changed');
    t.notMatch(daemon.log(), /uncaught|unhandled|"level":60/i);
  });

  test('bodies that never end', { timeout: 0 }, async (t) => {
    await daemon.start();
    const before = await state();
    const sockets: Socket[] = [];
    for (let i = 0; i < 100; i++) {
      const socket = connect(SOCKET);
      socket.on('error', () => undefined);
      const start = head('POST', '/v1/apply', {
        'Content-Type': 'application/json',
        'Content-Length': 100_000,
      });
      socket.write(i % 2 ? start : start.slice(0, 40 + i));
      sockets.push(socket);
    }
    for (let i = 0; i < 10; i++) {
      for (const socket of sockets) socket.write('{');
      t.ok((await healthy()) < ANSWER_MS, 'others are answered meanwhile');
    }
    for (const socket of sockets) socket.destroy();
    t.equal(await state(), before, 'nothing has changed');
    t.equal(await daemon.end('SIGTERM'), 0, 'it ends in order');
  });
}
