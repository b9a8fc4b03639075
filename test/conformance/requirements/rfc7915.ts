// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** IP/ICMP Translation Algorithm. */
export const RFC7915 = requirements(7915, [
  [
    's1.4',
    'MUST',
    'It acts as a router: packets too big for the next hop are fragmented or reported.',
  ],
  [
    's4',
    'MUST',
    'IPv4 to IPv6: a packet without DF is made to fit the IPv6 path, in fragments of 1280 bytes at most.',
    {
      waived:
        'Nothing is fragmented here: the threshold is the MTU of the way inside, which is known; above it the sender is told.',
    },
  ],
  ['s4a', 'MUST', 'The lowest IPv6 MTU (1280) can be configured higher.'],
  ['s4b', 'MUST', 'No fragment header where there is no fragment.'],
  [
    's4.1',
    'MUST',
    'IPv4 to IPv6: version, traffic class, length, next header and hop limit as said; options are ignored.',
    'unsure',
  ],
  [
    's4.1a',
    'MUST',
    'A packet with DF larger than the next hop’s MTU less 20 is answered with “fragmentation needed”.',
  ],
  ['s4.1b', 'MUST', 'TTL is decremented, and time exceeded sent at 0.', 'unsure'],
  [
    's4.1c',
    'MUST',
    'Source-routed packets are dropped with “source route failed” (3/5).',
    'unsure',
  ],
  ['s4.2', 'MUST', 'ICMPv4 types and codes are translated, or the message is dropped silently.'],
  [
    's4.2a',
    'MUST',
    'The MTU of “fragmentation needed” becomes that of “packet too big”: 20 more, 1280 at least, by the plateaus of RFC 1191 when it is 0.',
    'unsure',
  ],
  ['s4.2b', 'MUST', 'The length of RFC 4884 extensions is adjusted.'],
  ['s4.3', 'MUST', 'The packet that an error quotes is translated, and the lengths with it.'],
  ['s4.3a', 'MUST', 'Errors whose quote quotes another packet are dropped.'],
  [
    's4.4',
    'SHOULD',
    'A dropped packet is answered with “administratively prohibited” (3/13), unless it is an error.',
  ],
  ['s4.5', 'MUST', 'Checksums of TCP, ICMP and UDP are updated.'],
  ['s4.5a', 'SHOULD', 'UDP without checksum is given one or dropped, as configured.'],
  ['s4.5b', 'MUST', 'Other transports are passed on as they are.'],
  [
    's4.6',
    'MUST',
    'What is addressed to the IPv6 side is translated; a closer route without translation wins.',
  ],
  ['s5', 'MUST', 'IPv6 to IPv4: DF is clear up to 1260 bytes, else set.'],
  [
    's5.1',
    'MUST',
    'IPv6 to IPv4: version, TOS, length, protocol, TTL as said; extension headers are stepped over.',
    'unsure',
  ],
  ['s5.1a', 'MUST', 'Hop limit is decremented, and time exceeded sent at 0.', 'unsure'],
  [
    's5.1b',
    'MUST',
    'A routing header with segments left is answered with parameter problem (4/0) at that field.',
    'unsure',
  ],
  [
    's5.1.1',
    'MUST',
    'A fragment header becomes identification (low 16 bits), offset and MF, with DF clear.',
  ],
  ['s5.2', 'MUST', 'ICMPv6 types and codes are translated, or the message is dropped silently.'],
  [
    's5.2a',
    'MUST',
    'The MTU of “packet too big” becomes that of “fragmentation needed”: 20 less, and no more than the IPv4 next hop’s.',
    'unsure',
  ],
  ['s5.2b', 'MUST', 'The length of RFC 4884 extensions is adjusted.'],
  ['s5.3', 'MUST', 'The packet that an error quotes is translated, and the lengths with it.'],
  ['s5.3a', 'MUST', 'Errors whose quote quotes another packet are dropped.'],
  [
    's5.4',
    'MUST',
    'A dropped packet is answered with ICMPv6 1/1 where no other error is named, unless it is ICMPv6 itself.',
  ],
  ['s5.5', 'MUST', 'Checksums of TCP, UDP and ICMP are updated.'],
  ['s5.5a', 'MUST', 'Other transports are passed on as they are.'],
  [
    's5.6',
    'MUST',
    'What is addressed to the IPv4 side is translated; a closer route without translation wins.',
  ],
]);
