// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** NAT Behavioral Requirements for ICMP. */
export const RFC5508 = requirements(5508, [
  ['REQ-1', 'MUST', 'ICMP queries from inside and their responses pass.'],
  ['REQ-1a', 'SHOULD', 'Mapping of query identifiers does not depend on the outside host.'],
  ['REQ-2', 'MUST', 'A query’s session is kept for 60 seconds.'],
  ['REQ-2a', 'SHOULD', 'That timer is configurable.'],
  ['REQ-3', 'SHOULD', 'An ICMP error whose checksum is wrong is dropped silently.'],
  [
    'REQ-3a',
    'SHOULD',
    'An ICMP error is dropped silently when the quoted IP header’s checksum is wrong.',
  ],
  ['REQ-3b', 'MUST', 'IP options of the quoted packet are stepped over.'],
  ['REQ-3c', 'SHOULD', 'The quoted transport checksum is not validated.'],
  [
    'REQ-3d',
    'MUST',
    'Extensions (RFC 4884) are left out when a quoted transport checksum is evaluated.',
    {
      waived:
        'It is never evaluated (REQ-3c): it is changed by differences, which what follows the quote does not enter.',
    },
  ],
  ['REQ-4', 'SHOULD', 'An ICMP error from outside about nothing mapped is dropped silently.'],
  [
    'REQ-4a',
    'MUST',
    'Of an error from outside the quoted IP and transport headers become what the inside host had sent.',
  ],
  ['REQ-4b', 'MUST', 'Type and code of an error from outside stay.'],
  [
    'REQ-4c',
    'MUST',
    'An error from outside is addressed to the source of the quoted packet after translation.',
  ],
  ['REQ-5', 'SHOULD', 'An ICMP error from inside about nothing mapped is dropped silently.'],
  [
    'REQ-5a',
    'MUST',
    'Of an error from inside the quoted headers become what the outside host had sent.',
  ],
  ['REQ-5b', 'MUST', 'Type and code of an error from inside stay.'],
  ['REQ-5c', 'MUST', 'An error from inside has a public source address.'],
  ['REQ-6', 'MUST', 'An ICMP error about a query refreshes and ends nothing.'],
  ['REQ-7', 'MUST', 'Hairpinned ICMP errors pass, and queries where translation is one-to-one.'],
  [
    'REQ-7a',
    'MUST',
    'A hairpinned error is addressed to the source of the quoted packet after translation.',
  ],
  [
    'REQ-8',
    'SHOULD',
    'When no session can be made, the packet is dropped and answered with “administratively prohibited” (3/13).',
  ],
  [
    'REQ-9',
    'MAY',
    'Policy keeps ICMP messages from certain interfaces.',
    { waived: 'There is no such policy; Vpc.spec.icmp limits their rate.' },
  ],
  [
    'REQ-10a',
    'MUST',
    'Destination unreachable, time exceeded and echo are supported as a router does (RFC 1812 s4.3).',
  ],
  [
    'REQ-10b',
    'MAY',
    'Redirect, timestamp, source route, address mask, parameter problem and router discovery.',
    { waived: 'Of these only parameter problem is translated, as an error.' },
  ],
  ['REQ-10c', 'SHOULD', 'No source quench, no information request and reply.', 'unsure'],
  [
    'REQ-10d',
    'SHOULD',
    'The DS field of ICMP messages as RFC 1812 asks.',
    { waived: 'Our errors have DS field 0; messages that are translated keep theirs.' },
  ],
  [
    'REQ-10e',
    'SHOULD',
    'No error about ICMP errors, multicast, broadcast, later fragments and impossible sources.',
    'unsure',
  ],
  ['REQ-10f', 'SHOULD', 'Errors are limited in rate.', 'unsure'],
  ['REQ-11', 'MAY', 'ICMP messages that are neither queries nor errors are dropped.'],
]);
