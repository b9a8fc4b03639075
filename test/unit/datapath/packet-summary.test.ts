// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { test } from 'tap';
import { summarise } from '../../../src/daemon/datapath/packet-summary.js';

const frame = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const macs = '020000000002 020000000001';
const ip4 = (protocol: string, rest: string, fragment = '0000'): string =>
  `${macs} 0800 4500 0028 0001 ${fragment} 40 ${protocol} 0000 0a000005 0a000006 ${rest}`;

test('packets in one line', (t) => {
  const cases: readonly [string, string][] = [
    [ip4('06', '1f90 0050 00000000 00000000 5002'), 'IPv4 10.0.0.5.8080 > 10.0.0.6.80: tcp [S]'],
    [ip4('11', '0035 1000'), 'IPv4 10.0.0.5.53 > 10.0.0.6.4096: udp'],
    [ip4('01', '0800'), 'IPv4 10.0.0.5 > 10.0.0.6: icmp type 8 code 0'],
    [ip4('63', '0000'), 'IPv4 10.0.0.5 > 10.0.0.6: protocol 99'],
    [ip4('11', '0035 1000', '0010'), 'IPv4 10.0.0.5 > 10.0.0.6: udp fragment at 128'],
    [
      `${macs} 0806 0001 0800 0604 0001 020000000001 0a000005 000000000000 0a000063`,
      'ARP who-has 10.0.0.99 tell 10.0.0.5',
    ],
    [
      `${macs} 86dd 60000000 0008 3a ff ${'20010db8'.padEnd(31, '0')}1 ${'fe80'.padEnd(31, '0')}2 8700`,
      'IPv6 2001:db8::1 > fe80::2: icmpv6 type 135 code 0',
    ],
    [`${macs} 8100 0064 88cc`, 'vlan 100 02:00:00:00:00:01 > 02:00:00:00:00:02: ethertype 0x88cc'],
  ];
  for (const [hex, text] of cases) t.equal(summarise(frame(hex)), text);
  t.end();
});

test('whatever comes', (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => summarise(bytes).length > 0));
  t.end();
});
