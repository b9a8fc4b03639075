// SPDX-License-Identifier: Apache-2.0
/** However packets are cut, lost, repeated and reordered, each end gets the other's stream, changed. */
import fc from 'fast-check';
import { test } from 'tap';
import { AlgEngine } from '../../../src/daemon/slowpath/alg-engine.js';
import { ALG_COUNTS, bytesOf, SharedCounts } from '../../../src/daemon/slowpath/counts.js';
import { bytes, CLIENT, FakeKernel, NODE, PUBLIC, publicPort, REPLY, SERVER } from './frames.js';
import { Random } from '../../fuzz/random.js';
import { simulate } from './simulation.js';

const RUNS = Number(process.env.TRANSIT_STREAMS ?? 150);
const SERVER_PUBLIC = '203.0.113.9';

interface Line {
  readonly sent: string;
  readonly received: string;
}
const same = (text: string): Line => ({ sent: text, received: text });
const comma = (address: string, port: number): string =>
  [address.replaceAll('.', ','), port >> 8, port & 255].join(',');

const port = fc.integer({ min: 1024, max: 65_535 });
const end = fc.constantFrom('\r\n', '\n');
const clientLine: fc.Arbitrary<Line> = fc.oneof(
  fc
    .constantFrom('USER anonymous', 'PASV', 'NOOP', 'P', 'PO', 'PORT', 'EPSV', 'RETR big', '')
    .map((text) => same(`${text}\r\n`)),
  fc.tuple(port, fc.constantFrom('PORT', 'port', 'Port'), end).map(([n, word, crlf]) => ({
    sent: `${word} ${comma(CLIENT, n)}${crlf}`,
    received: `${word} ${comma(PUBLIC, publicPort(n))}${crlf}`,
  })),
  fc.tuple(port, end).map(([n, crlf]) => ({
    sent: `EPRT |1|${CLIENT}|${n}|${crlf}`,
    received: `EPRT |1|${PUBLIC}|${publicPort(n)}|${crlf}`,
  })),
  // another host's address, a service's port
  port.map((n) => same(`PORT ${comma('10.0.1.12', n)}\r\n`)),
  fc.constant(same(`PORT ${comma(CLIENT, 22)}\r\n`)),
  fc.string({ maxLength: 700 }).map((text) => same(`X${text.replaceAll('\n', '')}\r\n`)),
  fc.string({ maxLength: 700 }).map((text) => same(`PORT ${text.replaceAll(/[\n\d]/g, '')}\r\n`)),
);
const serverLine: fc.Arbitrary<Line> = fc.oneof(
  fc
    .constantFrom('220 hello', '200-many', '2', '22', '226 done', '', '500 no')
    .map((text) => same(`${text}\r\n`)),
  port.map((n) => ({
    sent: `227 Entering Passive Mode (${comma(SERVER, n)}).\r\n`,
    received: `227 Entering Passive Mode (${comma(SERVER_PUBLIC, publicPort(n))}).\r\n`,
  })),
  port.map((n) => ({
    sent: `229 Entering Extended Passive Mode (|||${n}|)\r\n`,
    received: `229 Entering Extended Passive Mode (|||${publicPort(n)}|)\r\n`,
  })),
);
/** The last line may lack its end. */
const stream = (line: fc.Arbitrary<Line>): fc.Arbitrary<readonly Line[]> =>
  fc
    .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('', '', 'PORT 10,0', '22', 'EP'))
    .map(([lines, rest]) => [...lines, same(rest)]);

const text = (lines: readonly Line[], what: keyof Line): Uint8Array =>
  Buffer.from(lines.map((line) => line[what]).join(''), 'latin1');
const start = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.integer({ min: 2 ** 32 - 300, max: 2 ** 32 - 1 }),
  fc.integer({ min: 2 ** 31 - 300, max: 2 ** 31 }),
);

test(`${RUNS} pairs of streams arrive as they should`, { timeout: 300_000 }, (t) => {
  fc.assert(
    fc.property(
      stream(clientLine),
      stream(serverLine),
      fc.tuple(start, start),
      fc.boolean(),
      fc.integer(),
      (client, server, starts, nagle, seed) => {
        const kernel = new FakeKernel();
        // both ends are translated
        const known = kernel.known.get(NODE)!;
        kernel.known.set(NODE, {
          ...known,
          reply: { ...REPLY, outSource: bytes(SERVER_PUBLIC) },
        });
        const counts = new SharedCounts(new ArrayBuffer(bytesOf(ALG_COUNTS)), ALG_COUNTS);
        const engine = new AlgEngine({ kernel, counts });
        let now = 0;
        const got = simulate(
          { client: text(client, 'sent'), server: text(server, 'sent'), starts, nagle },
          (frame) => engine.take(frame, (now += 0.5)),
          new Random(seed),
        );
        return (
          Buffer.compare(got.server, text(client, 'received')) === 0 &&
          Buffer.compare(got.client, text(server, 'received')) === 0
        );
      },
    ),
    { numRuns: RUNS, endOnFailure: true },
  );
  t.pass('all of them');
  t.end();
});
