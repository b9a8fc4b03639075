// SPDX-License-Identifier: Apache-2.0
import { requirements } from '../requirement.js';

/** IPv6 Addressing of IPv4/IPv6 Translators. */
export const RFC6052 = requirements(6052, [
  ['s2.2', 'MUST', 'Prefixes are of 32, 40, 48, 56, 64 or 96 bits.'],
  ['s2.2a', 'MUST', 'Bits 64 to 71 of an address are zero.'],
  ['s2.2b', 'SHOULD', 'The suffix is written as zeros, and not looked at when read.'],
  [
    's2.3',
    'MUST',
    'The IPv4 address is put behind the prefix, around bits 64 to 71, and taken from there.',
  ],
  [
    's3.1',
    'MUST',
    'The well-known prefix carries no IPv4 address that is not global; such packets are dropped.',
  ],
  [
    's3.1a',
    'SHOULD',
    'Addresses of IPv6 hosts that look like IPv4 ones are not of the well-known prefix.',
    'unsure',
  ],
]);
