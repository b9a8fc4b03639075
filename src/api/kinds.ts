// SPDX-License-Identifier: Apache-2.0
/** What the kinds are called in URLs and on the command line. */
import type { Kind } from '../model/index.js';

export interface KindNames {
  readonly kind: Kind;
  /** In URLs: /v1/endpoints. */
  readonly plural: string;
  readonly singular: string;
  readonly short: string;
  /** One sentence for OpenAPI and `explain`. */
  readonly description: string;
}

export const KIND_TABLE = [
  {
    kind: 'Vpc',
    plural: 'vpcs',
    singular: 'vpc',
    short: 'vpc',
    description: "One tenant's isolated network, with a VNI. Addresses may overlap between VPCs.",
  },
  {
    kind: 'Subnet',
    plural: 'subnets',
    singular: 'subnet',
    short: 'sn',
    description: 'An address range of a VPC, with a gateway in each family it has.',
  },
  {
    kind: 'Droplet',
    plural: 'droplets',
    singular: 'droplet',
    short: 'dr',
    description: 'An underlay interface of a host with its underlay addresses.',
  },
  {
    kind: 'Endpoint',
    plural: 'endpoints',
    singular: 'endpoint',
    short: 'ep',
    description: "A workload's interface in a VPC.",
  },
  {
    kind: 'Route',
    plural: 'routes',
    singular: 'route',
    short: 'rt',
    description: 'Where a prefix of a VPC leads: to VTEPs, to an endpoint, or nowhere.',
  },
  {
    kind: 'NatGateway',
    plural: 'natgateways',
    singular: 'natgateway',
    short: 'ng',
    description: 'Public addresses that endpoints of one VPC or more share towards the outside.',
  },
  {
    kind: 'PublicIp',
    plural: 'publicips',
    singular: 'publicip',
    short: 'pip',
    description: 'A public address that stands for one address of an endpoint, both ways.',
  },
  {
    kind: 'PortForward',
    plural: 'portforwards',
    singular: 'portforward',
    short: 'pf',
    description: "Ports of a public address that lead to an endpoint's.",
  },
  {
    kind: 'VirtualService',
    plural: 'virtualservices',
    singular: 'virtualservice',
    short: 'vs',
    description: "An address and port of VPCs that are really a server's in the underlay.",
  },
  {
    kind: 'Peering',
    plural: 'peerings',
    singular: 'peering',
    short: 'peer',
    description:
      'Two VPCs that reach each other: which prefixes each exposes, and as what the other sees them.',
  },
  {
    kind: 'Profile',
    plural: 'profiles',
    singular: 'profile',
    short: 'prof',
    description: 'Labels and rules that endpoints have by naming it; its rules are the last ones.',
  },
  {
    kind: 'Tier',
    plural: 'tiers',
    singular: 'tier',
    short: 'tier',
    description: 'Policies that are asked together, and when: the order of tiers.',
  },
  {
    kind: 'Policy',
    plural: 'policies',
    singular: 'policy',
    short: 'pol',
    description: 'Who may open connections to endpoints, and to whom they may: rules, by labels.',
  },
  {
    kind: 'NetworkSet',
    plural: 'networksets',
    singular: 'networkset',
    short: 'ns',
    description: 'Addresses that rules find by labels, as they find endpoints.',
  },
] as const satisfies readonly KindNames[];

/** Names of a kind. */
export function kindNames(kind: Kind): KindNames {
  const found = KIND_TABLE.find((entry) => entry.kind === kind);
  if (found === undefined) throw new RangeError(`no such kind: ${kind}`);
  return found;
}

/** Kind by plural, singular or short name in any case; undefined when there is none. */
export function kindByWord(word: string): Kind | undefined {
  const text = word.toLowerCase();
  return KIND_TABLE.find(
    (entry) => entry.plural === text || entry.singular === text || entry.short === text,
  )?.kind;
}
