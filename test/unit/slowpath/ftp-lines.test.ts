// SPDX-License-Identifier: Apache-2.0
/** Which lines of FTP name a place, what it is, and how they look with another. */
import fc from 'fast-check';
import { test } from 'tap';
import { formatAddress, parseAddress } from '../../../src/base/net.js';
import {
  CLIENT_LINES,
  mayBecome,
  readAnnouncement,
  SERVER_LINES,
  startsTls,
} from '../../../src/daemon/slowpath/ftp-lines.js';

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const NEW4 = parseAddress('203.0.113.1');
const NEW6 = parseAddress('2001:db8:f::1');

interface Row {
  readonly line: string;
  readonly address?: string;
  readonly port: number;
  /** With 203.0.113.1 (2001:db8:f::1) and port 513. */
  readonly becomes: string;
}

const ANNOUNCEMENTS: readonly Row[] = [
  {
    line: 'PORT 10,0,1,11,195,80\r\n',
    address: '10.0.1.11',
    port: 50_000,
    becomes: 'PORT 203,0,113,1,2,1\r\n',
  },
  { line: 'port 1,2,3,4,5,6\n', address: '1.2.3.4', port: 1286, becomes: 'port 203,0,113,1,2,1\n' },
  {
    line: 'PORT  1,2,3,4,5,6 \r\n',
    address: '1.2.3.4',
    port: 1286,
    becomes: 'PORT  203,0,113,1,2,1 \r\n',
  },
  {
    line: 'EPRT |1|10.0.1.11|2121|\r\n',
    address: '10.0.1.11',
    port: 2121,
    becomes: 'EPRT |1|203.0.113.1|513|\r\n',
  },
  {
    line: 'EPRT !2!fd00:1::11!2121!\r\n',
    address: 'fd00:1::11',
    port: 2121,
    becomes: 'EPRT |2|2001:db8:f::1|513|\r\n',
  },
  {
    line: '227 Entering Passive Mode (10,0,1,11,4,1).\r\n',
    address: '10.0.1.11',
    port: 1025,
    becomes: '227 Entering Passive Mode (203,0,113,1,2,1).\r\n',
  },
  // servers have it without parentheses, too (RFC 1123 s4.1.2.6)
  {
    line: '227 =10,0,1,11,4,1\r\n',
    address: '10.0.1.11',
    port: 1025,
    becomes: '227 =203,0,113,1,2,1\r\n',
  },
  {
    line: '229 Entering Extended Passive Mode (|||2121|)\r\n',
    port: 2121,
    becomes: '229 Entering Extended Passive Mode (|||513|)\r\n',
  },
];

const OTHERS = [
  'PORT\r\n',
  'PORT 10,0,1,11,195\r\n',
  'PORT 10,0,1,11,195,80,1\r\n',
  'PORT 10,0,1,256,195,80\r\n',
  'PORT 1000,0,1,2,195,80\r\n',
  'PORT 10,0,1,11,195,80 and more\r\n',
  'PORT 10.0.1.11,195,80\r\n',
  'PORT 10,0,1,11,195,80',
  'PORTS 10,0,1,11,195,80\r\n',
  'EPRT |1|10.0.1.11|65536|\r\n',
  'EPRT |1|10.0.1.11||\r\n',
  'EPRT |2|10.0.1.11|2121|\r\n',
  'EPRT |1|fd00:1::11|2121|\r\n',
  'EPRT |1|10.0.1.011|2121|\r\n',
  'EPRT |1|10.0.1.11|2121\r\n',
  'EPRT 1 10.0.1.11 2121 \r\n',
  'EPRT |3|x|1|\r\n',
  '227 Entering Passive Mode\r\n',
  '229 Entering Extended Passive Mode (|1|10.0.1.11|2121|)\r\n',
  '229 Entering Extended Passive Mode |||2121|\r\n',
  '229 (|||99999|)\r\n',
  '2270,0,1,11,4,1\r\n',
  '220 10,0,1,11,4,1\r\n',
  '',
];

test('lines that name a place', (t) => {
  for (const { line, address, port, becomes } of ANNOUNCEMENTS) {
    const said = readAnnouncement(latin1(line));
    t.equal(said?.port, port, line);
    t.equal(said?.address && formatAddress(said.address), address, line);
    const to = address?.includes(':') ? NEW6 : NEW4;
    t.equal(Buffer.from(said?.rewrite(to, 513) ?? []).toString('latin1'), becomes, line);
    const lines = /^\d/.test(line) ? SERVER_LINES : CLIENT_LINES;
    for (let i = 0; i <= line.length; i++)
      t.ok(mayBecome(latin1(line.slice(0, i)), lines), `held from its first byte: ${line}`);
  }
  t.end();
});

test('lines that do not', (t) => {
  for (const line of OTHERS) t.equal(readAnnouncement(latin1(line)), undefined, line);
  for (const start of ['X', 'PA', 'PORTS', '226', '220', ' PORT', 'QUIT'])
    t.notOk(mayBecome(latin1(start), [...CLIENT_LINES, ...SERVER_LINES]), `not held: ${start}`);
  t.ok(startsTls(latin1('234 AUTH TLS successful.\r\n')));
  t.notOk(startsTls(latin1('2341\r\n')));
  t.end();
});

test('any bytes are read or left, and what is read is written back', (t) => {
  const part = fc.constantFrom(
    'PORT ',
    'EPRT ',
    '227 ',
    '229 ',
    '|',
    '(',
    ')',
    ',',
    '1',
    '\r\n',
    ':',
  );
  const noise = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(fc.array(fc.oneof(part, noise), { maxLength: 20 }), (parts) => {
      const said = readAnnouncement(latin1(parts.join('')));
      if (said === undefined) return true;
      const { address, port } = said;
      const again = readAnnouncement(said.rewrite(address ?? NEW4, port));
      return again?.port === port && (port & ~0xffff) === 0;
    }),
    { numRuns: 5000 },
  );
  t.pass('nothing is thrown');
  t.end();
});
