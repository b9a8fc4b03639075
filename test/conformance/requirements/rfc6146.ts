// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** Stateful NAT64. BIB: the table of mappings. */
export const RFC6146 = requirements(6146, [
  [
    's3.1',
    'MUST',
    'What is seen from outside is as if there were BIBs and session tables for UDP, TCP and ICMP queries.',
    'unsure',
  ],
  ['s3.4', 'MUST', 'Fragments are handled, in order and out of order.'],
  [
    's3.4a',
    'MUST',
    'Resources for fragments are limited, and they are kept for FRAGMENT_MIN (2 s) at least.',
    'unsure',
  ],
  [
    's3.4b',
    'MUST',
    'A fragmented IPv4 UDP datagram without checksum is put together to compute one, or dropped.',
    'unsure',
  ],
  [
    's3.4c',
    'SHOULD',
    'IPv6 packets of protocols other than TCP, UDP and ICMPv6 are dropped and answered with port unreachable (1/4).',
    {
      waived:
        'They are translated, as RFC 7915 s5.5 asks of translators: one endpoint at a time for each public and remote address, since they have no ports.',
    },
  ],
  ['s3.5', 'MUST', 'IPv6 packets with a source of the prefix are dropped silently.'],
  [
    's3.5a',
    'MUST',
    'IPv6 packets are translated only to destinations of the prefix, IPv4 ones only to addresses of the pool.',
  ],
  ['s3.5b', 'SHOULD', 'Filtering may be endpoint-independent or address-dependent.', 'unsure'],
  ['s3.5.1', 'MUST', 'A UDP session is kept for UDP_MIN (2 minutes) at least.'],
  ['s3.5.1a', 'SHOULD', 'A UDP session is kept for UDP_DEFAULT (5 minutes) by default.'],
  ['s3.5.1b', 'MUST', 'An IPv4 UDP packet without a mapping is dropped.'],
  ['s3.5.1.1', 'SHOULD', 'One IPv4 address for all sessions of an IPv6 address.', 'unsure'],
  ['s3.5.1.1a', 'SHOULD', 'Port range and parity are kept.'],
  ['s3.5.1.1b', 'MUST', 'An IPv4 address and port is of one mapping.'],
  ['s3.5.1.1c', 'SHOULD', 'Without a port the sender is told (ICMPv6 1/3 or 1/1).', 'unsure'],
  ['s3.5.2', 'MUST', 'TCP connections pass, whichever side opens, simultaneous open included.'],
  ['s3.5.2.2', 'MUST', 'TCP state follows the SYN, FIN and RST of both sides.'],
  [
    's3.5.2.2a',
    'MUST',
    'An established connection is kept for TCP_EST (2 hours 4 minutes), a transitory one for TCP_TRANS (4 minutes) at least.',
  ],
  [
    's3.5.2.2b',
    'SHOULD',
    'A SYN from IPv4 without a mapping is kept for TCP_INCOMING_SYN (6 s), within bounds, then answered with port unreachable.',
    {
      waived:
        'Nothing is kept of it, so that nobody outside can fill anything; it is dropped without a word. A simultaneous open works: the sender’s next SYN finds the mapping.',
    },
  ],
  ['s3.5.3', 'MUST', 'ICMP queries are mapped by identifier.'],
  ['s3.5.3a', 'MUST', 'A query’s session is kept for ICMP_DEFAULT (60 s).', 'unsure'],
  ['s3.5.3b', 'SHOULD', 'A query’s time is configurable.'],
  [
    's3.5.4',
    'MUST',
    'Addresses are made by a reversible algorithm of prefix and IPv4 address alone, RFC 6052’s among them.',
  ],
  ['s3.6', 'MUST', 'ICMP errors are translated by the connection that they quote.'],
  ['s3.7', 'MUST', 'Packets are translated as RFC 7915 says.'],
  ['s3.8', 'MUST', 'Hairpinning: a translated packet to an address of the pool is taken in again.'],
  ['s5.2', 'MUST', 'Mapping is endpoint-independent.'],
  ['s5.3', 'MUST', 'State and stored fragments are limited against attacks.'],
]);
