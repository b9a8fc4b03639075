// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** Updates to NAT Behavioral Requirements. */
export const RFC7857 = requirements(7857, [
  ['s2', 'SHOULD', 'TCP connections are tracked by the state machine of RFC 6146.'],
  [
    's2.1',
    'SHOULD',
    'Opening and closing connections have timeouts of their own, 4 minutes by default.',
    {
      waived:
        'One timeout for both, spec.timeouts.tcpTransitory: 4 minutes by default and at least.',
    },
  ],
  ['s2.2', 'MUST', 'A RST of a mapped connection is translated.'],
  [
    's2.2a',
    'SHOULD',
    'After a RST the connection is kept for 4 minutes, and lives on when packets follow.',
  ],
  [
    's3',
    'MAY',
    'The same public port for TCP connections to different destinations.',
    { waived: 'Ports are never shared: mapping is endpoint-independent.' },
  ],
  ['s4', 'SHOULD', 'Paired pooling holds until the address has no more ports.', 'unsure'],
  [
    's5',
    'SHOULD',
    'Mappings are of a protocol: TCP and UDP of one inside port have one each.',
    'unsure',
  ],
  ['s6', 'SHOULD', 'Filtering is of a protocol: a TCP mapping lets no UDP in.', 'unsure'],
  [
    's7',
    'MAY',
    'With endpoint-independent filtering, whether packets from outside refresh a mapping is configurable.',
    { waived: 'Packets of both directions refresh (RFC 4787 REQ-6a).' },
  ],
  [
    's7.1',
    'SHOULD',
    'ICMP errors that leave as answers to packets from outside do not refresh a mapping.',
  ],
  [
    's7.1a',
    'SHOULD',
    'Nor do RSTs.',
    {
      waived:
        'A RST makes the connection transitory, 4 minutes from then (s2.2a): shorter than what was left of an established one.',
    },
  ],
  ['s8', 'MAY', 'Parity is given up.', { waived: 'It is kept (RFC 4787 REQ-4).' }],
  ['s9', 'SHOULD', 'Public ports are random (RFC 6056 s4).'],
  [
    's10',
    'SHOULD',
    'The IPv4 identification of translated packets is unique (RFC 6864 s5.3.1).',
    {
      waived:
        'It is passed on: two endpoints behind one address may send the same to one destination. A fragment’s would have to be the same in all of a datagram, and what is not a fragment does not use it (RFC 6864 s4.1).',
    },
  ],
  ['s11', 'MAY', 'A query’s mapping goes with its last session.'],
  ['s12', 'SHOULD', 'Hairpinned echo passes, also where ports are translated.', 'unsure'],
]);
