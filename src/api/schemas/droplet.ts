// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { DEFAULT_TTL } from '../../model/index.js';
import { addressField, deviceField, doc, hostField } from '../fields.js';

const dscpRule = 'dscp is "copy" or a number 0..63';

/** Spec of a Droplet. */
export const dropletSpec = z
  .strictObject({
    host: doc(hostField(), 'Name of the host that has the interface.', { examples: ['host-a'] }),
    device: doc(deviceField(), 'Name of the interface on that host.', { examples: ['eth0'] }),
    addresses: doc(
      z
        .array(doc(addressField(), 'Underlay address (VTEP).', { examples: ['192.0.2.10'] }))
        .min(1)
        .max(2)
        .check((context) => {
          const [first, second] = context.value;
          if (first === undefined || second === undefined) return;
          if (first.includes(':') !== second.includes(':')) return;
          context.issues.push({
            code: 'custom',
            path: [1],
            input: second,
            message: 'a droplet has one address, or one of each family',
          });
        }),
      'Underlay addresses: one, or one of each family.',
    ),
    hook: doc(z.enum(['auto', 'xdp', 'tc']), 'Where the program is attached; auto is xdp.', {
      default: 'auto',
    }).optional(),
    allowGeneric: doc(
      z.boolean(),
      'Use generic XDP where the driver has no native XDP. It is slow.',
      { default: false },
    ).optional(),
    dscp: doc(
      z.union([z.literal('copy'), z.int().min(0).max(63)], { error: dscpRule }),
      "DSCP of the outer header: copy takes the inner packet's, 0..63 sets one.",
      { default: 'copy' },
    ).optional(),
    ttl: doc(z.int().min(1).max(255), 'TTL or hop limit of the outer header.', {
      default: DEFAULT_TTL,
    }).optional(),
    outside: doc(
      z.boolean(),
      "The interface leads to the outside: the kernel's routes over it are those of the outside.",
      { default: false },
    ).optional(),
  })
  .meta({ id: 'DropletSpec', description: 'What a droplet shall be.' });
