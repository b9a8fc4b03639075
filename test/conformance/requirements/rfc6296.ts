// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** IPv6-to-IPv6 Network Prefix Translation. */
export const RFC6296 = requirements(6296, [
  [
    's2.6',
    'MUST',
    'Translation has no state, is one-to-one, and leaves the transport’s checksum right without touching it.',
    'unsure',
  ],
  [
    's3.2',
    'MUST',
    'Outward the source prefix is replaced, inward the destination prefix.',
    'unsure',
  ],
  [
    's3.4',
    'MUST',
    'With prefixes of 48 bits or less, bits 48 to 63 take up the difference of sums.',
    'unsure',
  ],
  ['s3.4a', 'MUST', 'A word that would become 0xffff becomes 0.', 'unsure'],
  [
    's3.5',
    'MUST',
    'With longer prefixes the first word of the interface identifier that is not 0xffff takes it up.',
    'unsure',
  ],
  ['s3.5a', 'MUST', 'When all of them are 0xffff, the packet is dropped.', 'unsure'],
  [
    's3.6',
    'MUST',
    'Of prefixes of unequal length the shorter one is filled with zeros.',
    { waived: 'Both are written with one length: the zeros are the operator’s to write.' },
  ],
  ['s3.7', 'MUST', 'Mapping with prefixes of 48 bits is supported.', 'unsure'],
  [
    's4',
    'MUST',
    'Hairpinning: inside hosts reach each other by outside addresses, both of which are translated.',
    'unsure',
  ],
  ['s5', 'MUST', 'ICMPv6 errors are translated, the packet that they quote included.', 'unsure'],
]);
