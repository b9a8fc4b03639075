// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { addressField, doc, macField, nameField, prefixField } from '../fields.js';

const nexthop = z.strictObject({
  vtep: doc(addressField(), 'Underlay address of the tunnel endpoint.', {
    examples: ['192.0.2.20'],
  }),
  mac: doc(
    macField(),
    "Inner destination MAC, the remote router's (RMAC). Default: the VPC's gateway MAC.",
  ).optional(),
});

/** Spec of a Route. */
export const routeSpec = z
  .strictObject({
    vpc: doc(nameField(), 'Name of the Vpc.', { examples: ['blue'] }),
    prefix: doc(prefixField(), 'Destination, without host bits.', { examples: ['0.0.0.0/0'] }),
    nexthops: doc(
      z.array(nexthop).min(1).max(16),
      'Next hops, 1 to 16; flows are spread over them (ECMP).',
    ).optional(),
    endpoint: doc(nameField(), 'Name of the Endpoint that is the next hop.').optional(),
    blackhole: doc(z.boolean(), 'Drop packets to the prefix.', { default: false }).optional(),
  })
  .check((context) => {
    const { nexthops, endpoint, blackhole } = context.value;
    const given = [nexthops !== undefined, endpoint !== undefined, blackhole === true];
    if (given.filter(Boolean).length === 1) return;
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: 'a route has exactly one of nexthops, endpoint and blackhole: true',
    });
  })
  .meta({
    id: 'RouteSpec',
    description: 'What a route shall be. It has exactly one of nexthops, endpoint and blackhole.',
  });
