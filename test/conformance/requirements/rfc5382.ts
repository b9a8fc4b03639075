// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** NAT Behavioral Requirements for TCP. */
export const RFC5382 = requirements(5382, [
  ['REQ-1', 'MUST', 'Mapping is endpoint-independent for TCP.'],
  ['REQ-2', 'MUST', 'All valid sequences of TCP packets pass, whichever side opens.'],
  ['REQ-2a', 'MUST', 'Simultaneous open passes.'],
  [
    'REQ-3',
    'SHOULD',
    'Filtering is endpoint-independent, or address-dependent where strictness counts more.',
  ],
  ['REQ-3a', 'MAY', 'Filtering is configurable.'],
  [
    'REQ-3b',
    'MAY',
    'Filtering of TCP is independent of UDP’s.',
    { waived: 'A NatGateway has one filtering for all protocols.' },
  ],
  [
    'REQ-4',
    'MUST',
    'An unsolicited SYN from outside is not answered for 6 seconds, and dropped silently if meanwhile one leaves for its connection.',
  ],
  [
    'REQ-4a',
    'MUST',
    'Where policy forbids an answer to an unsolicited SYN, it is dropped silently.',
  ],
  [
    'REQ-4b',
    'SHOULD',
    'After 6 seconds an unsolicited SYN is answered with port unreachable (3/3), unless policy forbids.',
    {
      waived:
        'Silence is the policy: a port that nobody has does not say that the address is a translator’s (REQ-4a).',
    },
  ],
  [
    'REQ-5',
    'MUST',
    'An established connection is kept idle for 2 hours 4 minutes, a transitory one for 4 minutes.',
  ],
  ['REQ-5a', 'MAY', 'Both timeouts are configurable.'],
  [
    'REQ-6',
    'SHOULD',
    'Application-level gateways that touch TCP are off by default, but for FTP’s.',
  ],
  ['REQ-7', 'MUST', 'No public TCP port is overloaded.'],
  ['REQ-8', 'MUST', 'Hairpinning for TCP.'],
  ['REQ-8a', 'MUST', 'A hairpinned packet’s source is the sender’s public address and port.'],
  ['REQ-9', 'SHOULD', 'ICMP destination unreachable is translated.'],
  ['REQ-10', 'MUST', 'No ICMP message ends a mapping or connection.'],
]);
