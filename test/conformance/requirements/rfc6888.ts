// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** Common Requirements for Carrier-Grade NATs. A subscriber is an Endpoint. */
export const RFC6888 = requirements(6888, [
  [
    'REQ-1',
    'MUST',
    'The behavioural requirements of each protocol that is forwarded are met (RFC 4787, 5382, 5508).',
    {
      waived: 'Shown by the tests of those RFCs, above; the exceptions are the ones listed there.',
    },
  ],
  ['REQ-2', 'MUST', 'Pooling is paired by default.'],
  ['REQ-3', 'MUST', 'The pool may be of any size, contiguous or not.'],
  ['REQ-4', 'MUST', 'Public ports of a subscriber can be limited.'],
  ['REQ-4a', 'MUST', 'The limit is configurable.'],
  [
    'REQ-4b',
    'MAY',
    'Limits by transport protocol.',
    { waived: 'A block serves all protocols, each port once for each of them.' },
  ],
  ['REQ-4c', 'SHOULD', 'The rate at which a subscriber makes new mappings can be limited.'],
  ['REQ-5', 'SHOULD', 'Memory of state can be limited for each subscriber.'],
  ['REQ-6', 'MUST', 'Translation can be turned off for destinations.'],
  ['REQ-7', 'SHOULD', 'Filtering is endpoint-independent.'],
  ['REQ-8', 'SHOULD', 'A port that was given back goes to nobody else for 120 seconds.'],
  ['REQ-8a', 'MUST', 'That time is configurable.', 'unsure'],
  [
    'REQ-9',
    'MUST',
    'Subscribers control mappings by a protocol, PCP best (RFC 6887).',
    { waived: 'PCP is not implemented yet. An operator does it by PublicIp and PortForward.' },
  ],
  ['REQ-10', 'SHOULD', 'It is manageable, by standards best (RFC 4008).'],
  ['REQ-11a', 'MUST', 'Without resources for a mapping the packet is dropped.'],
  [
    'REQ-11b',
    'SHOULD',
    'And the sender is told: host unreachable (3/1).',
    {
      waived:
        'It is told 3/13, as RFC 5508 REQ-8 has it: 3/1 says that the far host is gone, which it is not.',
    },
  ],
  ['REQ-11c', 'SHOULD', 'And the management system is told.'],
  ['REQ-11d', 'MUST', 'And no mapping is deleted to make room.'],
  ['REQ-12', 'SHOULD', 'Destinations are not logged.'],
  ['REQ-13', 'SHOULD', 'Ports of the pool are used as far as possible.'],
  ['REQ-14', 'SHOULD', 'There is little to log: ports are given out in blocks.'],
  ['REQ-15', 'SHOULD', 'Port numbers are hard to guess.'],
]);
