// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { addressField, doc, nameField, prefixField } from '../fields.js';

function family(version: 4 | 6, prefix: string, gateway: string) {
  return z
    .strictObject({
      prefix: doc(
        prefixField(),
        `IPv${version} prefix, at most /${version === 4 ? 30 : 126}, without host bits.`,
        { examples: [prefix] },
      ),
      gateway: doc(
        addressField(),
        'Gateway, an address of the prefix. Default: the first address behind the network address.',
        { examples: [gateway] },
      ).optional(),
    })
    .check((context) => {
      for (const field of ['prefix', 'gateway'] as const) {
        const value = context.value[field];
        if (value === undefined || value.includes(':') === (version === 6)) continue;
        context.issues.push({
          code: 'custom',
          path: [field],
          input: value,
          message: `${value} is not IPv${version}`,
        });
      }
    });
}

/** Spec of a Subnet. */
export const subnetSpec = z
  .strictObject({
    vpc: doc(nameField(), 'Name of the Vpc.', { examples: ['blue'] }),
    ipv4: doc(family(4, '10.0.0.0/24', '10.0.0.1'), 'The IPv4 range.').optional(),
    ipv6: doc(family(6, '2001:db8::/64', '2001:db8::1'), 'The IPv6 range.').optional(),
  })
  .check((context) => {
    if (context.value.ipv4 !== undefined || context.value.ipv6 !== undefined) return;
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: 'a subnet has ipv4, ipv6 or both',
    });
  })
  .meta({ id: 'SubnetSpec', description: 'What a subnet shall be. It has ipv4, ipv6 or both.' });
