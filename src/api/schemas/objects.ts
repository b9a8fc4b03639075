// SPDX-License-Identifier: Apache-2.0
/** Whole objects: one input and one output schema per kind. */
import { z } from 'zod';
import { KINDS, type Kind } from '../../model/index.js';
import { doc } from '../fields.js';
import { kindNames } from '../kinds.js';
import { dropletSpec } from './droplet.js';
import { endpointSpec } from './endpoint.js';
import { metadataInput, metadataOutput } from './metadata.js';
import { natGatewaySpec } from './nat-gateway.js';
import { networkSetSpec } from './network-set.js';
import { peeringSpec } from './peering.js';
import { policySpec } from './policy.js';
import { portForwardSpec } from './port-forward.js';
import { profileSpec } from './profile.js';
import { publicIpSpec } from './public-ip.js';
import { routeSpec } from './route.js';
import { subnetSpec } from './subnet.js';
import { tierSpec } from './tier.js';
import { virtualServiceSpec } from './virtual-service.js';
import { vpcSpec } from './vpc.js';

/** Spec schemas by kind: the single source of what a field may be. */
export const SPEC_SCHEMAS = {
  Vpc: vpcSpec,
  Subnet: subnetSpec,
  Droplet: dropletSpec,
  Endpoint: endpointSpec,
  Route: routeSpec,
  NatGateway: natGatewaySpec,
  PublicIp: publicIpSpec,
  PortForward: portForwardSpec,
  VirtualService: virtualServiceSpec,
  Peering: peeringSpec,
  Profile: profileSpec,
  Tier: tierSpec,
  Policy: policySpec,
  NetworkSet: networkSetSpec,
} as const satisfies Record<Kind, z.ZodType>;

export const conditionSchema = z
  .object({
    type: doc(
      z.enum(['Accepted', 'Programmed', 'Merging', 'WithinLimits', 'RulesReachable']),
      'Accepted: valid and what it refers to exists. Programmed: in the data path. Merging ' +
        '(a Droplet on tc): the kernel merges TCP inside the tunnel before the program. WithinLimits (an Endpoint ' +
        'or NatGateway): no quota or full pool refused a connection in the last minute. RulesReachable ' +
        '(a Policy or Profile): no rule is behind one of the same list that decides all that it meets.',
    ),
    status: doc(z.enum(['True', 'False', 'Unknown']), 'Whether the condition holds.'),
    reason: doc(z.string(), 'One CamelCase word.'),
    message: doc(z.string(), 'A sentence.'),
    lastTransitionTime: doc(z.string(), 'When status changed last (RFC 3339).'),
  })
  .meta({ id: 'Condition', description: 'One aspect of what was observed of an object.' });

export const statusSchema = z
  .object({
    observedGeneration: doc(z.int(), 'Generation that the status is about.').optional(),
    conditions: doc(z.array(conditionSchema), 'What was observed.'),
    facts: doc(
      z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      'Facts of the kind: device name, ifindex, hook, MTU, MAC.',
    ).optional(),
  })
  .meta({ id: 'ObjectStatus', description: 'What the daemon observed. Ignored on input.' });

function inputOf<K extends Kind, S extends z.ZodType>(kind: K, spec: S) {
  return z
    .strictObject({
      kind: doc(z.literal(kind), 'The kind.'),
      metadata: doc(metadataInput, 'Name and labels.'),
      spec,
      status: doc(
        z.unknown(),
        'Accepted so that what was read can be written, and ignored.',
      ).optional(),
    })
    .meta({ id: kind, description: kindNames(kind).description });
}

function outputOf<K extends Kind, S extends z.ZodType>(kind: K, spec: S) {
  return z
    .object({
      kind: doc(z.literal(kind), 'The kind.'),
      metadata: doc(metadataOutput, 'Name, labels and what the server sets.'),
      spec,
      status: statusSchema.optional(),
    })
    .meta({ id: `${kind}Object`, description: kindNames(kind).description });
}

/** What a client may send. */
export const INPUT_SCHEMAS = {
  Vpc: inputOf('Vpc', vpcSpec),
  Subnet: inputOf('Subnet', subnetSpec),
  Droplet: inputOf('Droplet', dropletSpec),
  Endpoint: inputOf('Endpoint', endpointSpec),
  Route: inputOf('Route', routeSpec),
  NatGateway: inputOf('NatGateway', natGatewaySpec),
  PublicIp: inputOf('PublicIp', publicIpSpec),
  PortForward: inputOf('PortForward', portForwardSpec),
  VirtualService: inputOf('VirtualService', virtualServiceSpec),
  Peering: inputOf('Peering', peeringSpec),
  Profile: inputOf('Profile', profileSpec),
  Tier: inputOf('Tier', tierSpec),
  Policy: inputOf('Policy', policySpec),
  NetworkSet: inputOf('NetworkSet', networkSetSpec),
} as const satisfies Record<Kind, z.ZodType>;

export const inputObjectSchema = z.discriminatedUnion('kind', [
  INPUT_SCHEMAS.Vpc,
  INPUT_SCHEMAS.Subnet,
  INPUT_SCHEMAS.Droplet,
  INPUT_SCHEMAS.Endpoint,
  INPUT_SCHEMAS.Route,
  INPUT_SCHEMAS.NatGateway,
  INPUT_SCHEMAS.PublicIp,
  INPUT_SCHEMAS.PortForward,
  INPUT_SCHEMAS.VirtualService,
  INPUT_SCHEMAS.Peering,
  INPUT_SCHEMAS.Profile,
  INPUT_SCHEMAS.Tier,
  INPUT_SCHEMAS.Policy,
  INPUT_SCHEMAS.NetworkSet,
]);

/** What the server shows. */
export const outputObjectSchema = z
  .discriminatedUnion('kind', [
    outputOf('Vpc', vpcSpec),
    outputOf('Subnet', subnetSpec),
    outputOf('Droplet', dropletSpec),
    outputOf('Endpoint', endpointSpec),
    outputOf('Route', routeSpec),
    outputOf('NatGateway', natGatewaySpec),
    outputOf('PublicIp', publicIpSpec),
    outputOf('PortForward', portForwardSpec),
    outputOf('VirtualService', virtualServiceSpec),
    outputOf('Peering', peeringSpec),
    outputOf('Profile', profileSpec),
    outputOf('Tier', tierSpec),
    outputOf('Policy', policySpec),
    outputOf('NetworkSet', networkSetSpec),
  ])
  .meta({ id: 'Object', description: 'An object of any kind, with its status.' });

export const kindSchema = z.enum(KINDS);
