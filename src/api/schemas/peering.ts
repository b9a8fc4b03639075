// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { NAT_DEFAULTS, PEERING_POOL_DEFAULTS } from '../../model/index.js';
import { doc, hostField, nameField, prefixField } from '../fields.js';

const pool = z.strictObject({
  filtering: doc(
    z.enum(['endpoint', 'address', 'address-port']),
    'Who of the peer may send to a mapping (RFC 4787 REQ-8): anybody, addresses that were sent to, or only what answers.',
    { default: PEERING_POOL_DEFAULTS.filtering },
  ).optional(),
  blocksPerEndpoint: doc(
    z.int().min(1).max(8),
    `Blocks of ${NAT_DEFAULTS.blockSize} ports that an endpoint may hold (RFC 6888 REQ-4).`,
    { default: NAT_DEFAULTS.blocksPerEndpoint },
  ).optional(),
  quarantine: doc(
    z.int().min(0).max(3600),
    'Seconds until a port that is not used any more goes to another endpoint (RFC 6888 REQ-8).',
    { default: NAT_DEFAULTS.quarantine },
  ).optional(),
});

const exposed = z.strictObject({
  prefix: doc(prefixField(), 'Prefix of the VPC, without host bits.', {
    examples: ['10.0.0.0/24'],
  }),
  as: doc(
    prefixField(),
    'Prefix of the same length that the other VPC sees instead, address by address. With nat masquerade: the addresses that endpoints share there, at most 256. Default: the same prefix.',
    { examples: ['100.64.1.0/24'] },
  ).optional(),
  nat: doc(
    z.enum(['static', 'masquerade']),
    'static: address by address, without state, and either side opens connections. masquerade: source addresses and ports are translated into those of `as`, with state on spec.host; only this side opens connections.',
    { default: 'static' },
  ).optional(),
  pool: doc(pool, 'How addresses and ports of `as` are used; with nat masquerade.').optional(),
});

const side = z.strictObject({
  vpc: doc(nameField(), 'Name of the Vpc.', { examples: ['blue'] }),
  expose: doc(
    z.array(exposed).min(1).max(256),
    'What the other VPC may reach, and whence this VPC may reach the other; 1 to 256 prefixes.',
  ),
});

/** Spec of a Peering. */
export const peeringSpec = z
  .strictObject({
    sides: doc(
      z.array(side).length(2),
      'The two VPCs. Each reaches what the other exposes, from what it exposes itself.',
    ),
    host: doc(
      hostField(),
      'Host that translates with state, and which packets between the two VPCs go through for it. Needed with nat masquerade.',
      { examples: ['node-1'] },
    ).optional(),
  })
  .meta({ id: 'PeeringSpec', description: 'Which VPCs shall reach each other, and how.' });
