// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** NAT Behavioral Requirements for Unicast UDP. */
export const RFC4787 = requirements(4787, [
  [
    'REQ-1',
    'MUST',
    'Mapping is endpoint-independent: one public address and port for an inside address and port, whatever the destination.',
  ],
  [
    'REQ-2',
    'SHOULD',
    'Pooling is paired: all an inside address does is seen from one public address.',
  ],
  ['REQ-3', 'MUST', 'No public port is overloaded: it is one inside address and port at a time.'],
  ['REQ-3a', 'SHOULD', 'The public port is of the inside port’s range: 0-1023 or 1024-65535.'],
  ['REQ-4', 'SHOULD', 'The public port has the inside port’s parity.'],
  ['REQ-5', 'MUST', 'A mapping does not expire within 2 minutes, but for REQ-5a.'],
  [
    'REQ-5a',
    'MAY',
    'Shorter timers for well-known destination ports.',
    { waived: 'All UDP has the VPC’s one timer.' },
  ],
  ['REQ-5b', 'MAY', 'The timer is configurable.'],
  ['REQ-5c', 'SHOULD', 'The timer is 5 minutes or more by default.'],
  ['REQ-6', 'MUST', 'Packets from inside refresh the mapping.'],
  ['REQ-6a', 'MAY', 'Packets from outside refresh the mapping.'],
  [
    'REQ-7',
    'MUST',
    'A translator whose outside address is assigned dynamically copes with an inside network of the same addresses.',
    {
      waived:
        'Outside addresses are configured, never assigned dynamically; addresses of a VPC and of the outside are in separate tables.',
    },
  ],
  [
    'REQ-8',
    'SHOULD',
    'Filtering is endpoint-independent, or address-dependent where strictness counts more.',
  ],
  ['REQ-8a', 'MAY', 'Filtering is configurable.'],
  ['REQ-9', 'MUST', 'Hairpinning: inside hosts reach each other by public address and port.'],
  ['REQ-9a', 'MUST', 'A hairpinned packet’s source is the sender’s public address and port.'],
  ['REQ-10', 'SHOULD', 'Application-level gateways for UDP are off by default.'],
  ['REQ-10a', 'SHOULD', 'Each application-level gateway is switched by itself.'],
  ['REQ-11', 'MUST', 'Mapping and filtering behave the same at any time and under any load.'],
  ['REQ-12', 'MUST', 'No ICMP message ends a mapping.'],
  ['REQ-12a', 'SHOULD', 'ICMP messages are not filtered by their source address.'],
  ['REQ-12b', 'SHOULD', 'ICMP destination unreachable is translated.'],
  [
    'REQ-13',
    'MUST',
    'A packet from inside with DF that is too big is answered with “fragmentation needed”.',
  ],
  [
    'REQ-13a',
    'MUST',
    'A packet from inside without DF that is too big is fragmented.',
    {
      waived:
        'The programs cannot make several packets of one. The sender is told as if DF were set (3/4 with the MTU).',
    },
  ],
  ['REQ-14', 'MUST', 'Fragments are taken in order and out of order.'],
  ['REQ-14a', 'MUST', 'A flood of fragments does not harm other fragments and packets.'],
]);
