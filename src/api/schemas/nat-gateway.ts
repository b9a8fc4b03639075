// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import {
  DETERMINISTIC_DEFAULTS,
  MAX_POOL_ADDRESSES,
  NAT_DEFAULTS,
  parsePoolEntry,
} from '../../model/index.js';
import { doc, nameField, poolEntryField, prefixField } from '../fields.js';

const source = z.strictObject({
  vpc: doc(nameField(), 'Name of the Vpc. It has spec.outside.', { examples: ['blue'] }),
  subnets: doc(
    z.array(nameField()).min(1).max(1024),
    'Names of Subnets of the VPC: endpoints of these are served.',
    { examples: ['blue-a'] },
  ).optional(),
  endpoints: doc(
    z.array(nameField()).min(1).max(4096),
    'Names of Endpoints of the VPC that are served.',
    { examples: ['web-1'] },
  ).optional(),
});

const pool = z
  .array(
    doc(poolEntryField(), 'Public address, range FIRST-LAST, or prefix without host bits.', {
      examples: ['203.0.113.8-203.0.113.15'],
    }),
  )
  .min(1)
  .max(MAX_POOL_ADDRESSES)
  .check((context) => {
    // Not reached while an entry is wrong by itself.
    const count = context.value.reduce((sum, entry) => sum + parsePoolEntry(entry).count, 0n);
    if (count <= BigInt(MAX_POOL_ADDRESSES)) return;
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: `has ${count} addresses in all, must have at most ${MAX_POOL_ADDRESSES}`,
    });
  });

const deterministic = z.strictObject({
  blocks: doc(z.int().min(1).max(64), 'Blocks of each inside address.', {
    default: DETERMINISTIC_DEFAULTS.blocks,
  }).optional(),
  overflow: doc(
    z.int().min(0).max(1007),
    'Blocks of each public address that are not given out by arithmetic: an endpoint whose own are full takes up to blocksPerEndpoint of them.',
    { default: DETERMINISTIC_DEFAULTS.overflow },
  ).optional(),
});

const prefix = z.strictObject({
  vpc: doc(
    nameField(),
    'Name of the Vpc that has the inside prefix, one of the sources. Default: the only source.',
    { examples: ['blue'] },
  ).optional(),
  inside: doc(prefixField(), 'IPv6 prefix of the VPC, /16 to /64.', {
    examples: ['fd00:1::/48'],
  }),
  outside: doc(prefixField(), 'Public IPv6 prefix of the same length that stands for it.', {
    examples: ['2001:db8:1::/48'],
  }),
});

/** Spec of a NatGateway. */
export const natGatewaySpec = z
  .strictObject({
    sources: doc(
      z.array(source).min(1).max(64),
      'Whom the gateway serves, 1 to 64 VPCs of the same spec.outside.host. Without subnets and endpoints: all endpoints of the VPC.',
    ),
    addresses: doc(
      pool,
      `Public addresses that endpoints share, IPv4, IPv6 or both; at most ${MAX_POOL_ADDRESSES} in all.`,
    ).optional(),
    prefixes: doc(
      z.array(prefix).min(1).max(64),
      'IPv6 prefixes that stand for inside ones, address by address, both ways and without state (NPTv6, RFC 6296). Endpoints whose address is in one do not use the pool.',
    ).optional(),
    exempt: doc(
      z.array(prefixField()).max(256),
      'Destinations that are reached without translation. NatGateways of one VPC have the same.',
      { examples: ['198.51.100.0/24'] },
    ).optional(),
    nat64: doc(
      z.strictObject({
        prefix: doc(
          prefixField(),
          'IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (RFC 6052). 64:ff9b::/96 is for global IPv4 addresses only; 64:ff9b:1::/48 and its parts, or a prefix of your own, are for any.',
          { examples: ['64:ff9b::/96'] },
        ),
      }),
      'Endpoints reach IPv4 by IPv6 addresses under the prefix (RFC 6146), with the IPv4 addresses of the pool. NatGateways of one VPC have the same.',
    ).optional(),
    filtering: doc(
      z.enum(['endpoint', 'address', 'address-port']),
      'Who may send to a mapping (RFC 4787 REQ-8): anybody, addresses that were sent to, or addresses and ports that were sent to.',
      { default: NAT_DEFAULTS.filtering },
    ).optional(),
    algs: doc(
      z.array(z.enum(['ftp', 'tftp'])).max(2),
      'Protocols whose packets the daemon reads, so that connections they announce find their way: ftp (TCP port 21), tftp (UDP port 69). None when not given.',
      { examples: ['ftp'] },
    ).optional(),
    blockSize: doc(
      z
        .int()
        .min(64)
        .max(1024)
        .refine((size) => (size & (size - 1)) === 0, {
          error: ({ input }) => `${String(input)} is not a power of two`,
        }),
      'Ports of a block, a power of two 64..1024. Cannot be changed later.',
      { default: NAT_DEFAULTS.blockSize },
    ).optional(),
    blocksPerEndpoint: doc(
      z.int().min(1).max(8),
      'Blocks an endpoint may hold in each family (RFC 6888 REQ-4).',
      { default: NAT_DEFAULTS.blocksPerEndpoint },
    ).optional(),
    quarantine: doc(
      z.int().min(0).max(3600),
      'Seconds until a port that is not used any more goes to another endpoint (RFC 6888 REQ-8).',
      { default: NAT_DEFAULTS.quarantine },
    ).optional(),
    deterministic: doc(
      deterministic,
      'Ports by arithmetic (RFC 7422): every IPv4 address of the subnets has the same public address and ports, known without any state or log. IPv4 only; sources name subnets.',
    ).optional(),
  })
  .check((context) => {
    const { addresses, prefixes } = context.value;
    if (addresses !== undefined || prefixes !== undefined) return;
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: 'a NatGateway has addresses, prefixes or both',
    });
  })
  .meta({ id: 'NatGatewaySpec', description: 'What a NAT gateway shall be.' });
