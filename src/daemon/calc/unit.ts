// SPDX-License-Identifier: Apache-2.0
/** What one object contributes, and what the computations of all kinds share. */
import { TransitError } from '../../base/errors.js';
import type {
  ConnectionLimits,
  EndpointSpec,
  FixedPlan,
  NatGatewaySpec,
  VpcSpec,
} from '../../model/index.js';
import type { IndexUse, IndexUses } from './index-uses.js';
import type { IndexSpace } from './indexes.js';
import type { Inputs } from './inputs.js';
import type {
  AddrEntry,
  DesiredDevice,
  DesiredDroplet,
  Finding,
  TableName,
  Tables,
  Upsert,
} from './output.js';
import type { References } from './references.js';
import type { Underlay } from './underlay.js';

export type Problem = NonNullable<Finding['problem']>;

/** Where an endpoint is, for routes via it. */
export interface Target {
  readonly entry: Extract<AddrEntry, { kind: 'local' | 'remote' }>;
  /** The VTEP of a remote one. */
  readonly vtep: string | undefined;
}

/** An object's contributions. */
export interface Output {
  readonly entries: readonly Upsert[];
  readonly uses: readonly IndexUse[];
  readonly problem: Problem | undefined;
  readonly device?: DesiredDevice;
  readonly droplet?: DesiredDroplet;
  readonly target?: Target;
  /** What it lets reach the outside: "VPC name/4" or "/6". */
  readonly reach?: readonly string[];
  readonly gateway?: ProgrammedGateway;
  /** Indexes of VPCs whose records may hold what another of them says. */
  readonly peers?: readonly number[];
  /** Of a Peering whose connections are kept on this host. */
  readonly pools?: readonly PeeringPools[];
}

/** A prefix whose endpoints share addresses in a peered VPC. */
export interface PeeringPools {
  /** Name of the VPC that has the prefix. */
  readonly vpc: string;
  /** VNI of the other. */
  readonly peer: number;
  readonly prefix: string;
  /** Index of nat_gw. */
  readonly gw: number;
}

/** A NatGateway as the endpoints it serves see it. */
export interface ProgrammedGateway {
  /** undefined: it has no pool on this host. */
  readonly index: number | undefined;
  readonly sources: NatGatewaySpec['sources'];
  /** Ports by arithmetic. */
  readonly fixed?: {
    readonly plan: FixedPlan;
    /** Indexes of nat_ext, as plan.addresses. */
    readonly exts: readonly number[];
  };
  /** Prefix under which its VPCs find IPv4. */
  readonly nat64: string | undefined;
}

/** A Vpc that is programmed. */
export interface ProgrammedVpc {
  readonly vni: number;
  readonly index: number;
  readonly gwMac: string;
  readonly underlay: NonNullable<VpcSpec['underlay']>;
  /** Where it meets the outside. */
  readonly outsideHost: string | undefined;
  readonly limits: ConnectionLimits | undefined;
}

/** What the computations read. */
export interface Context {
  readonly host: string;
  readonly vxlanPort: number;
  /** The host's. */
  readonly limits: Required<ConnectionLimits>;
  readonly inputs: Inputs;
  readonly underlay: Underlay;
  readonly uses: IndexUses;
  readonly vpcs: ReadonlyMap<string, ProgrammedVpc>;
  readonly targets: ReadonlyMap<string, Target>;
  readonly gateways: ReadonlyMap<string, ProgrammedGateway>;
  /** By name of the Peering. */
  readonly pools: ReadonlyMap<string, readonly PeeringPools[]>;
  /** "VPC name/family" → what lets it reach the outside. */
  readonly reach: References;
  /** Derived MACs cost a hash: computed once per spec. */
  readonly macs: WeakMap<EndpointSpec, string>;
}

export function entry<T extends TableName>(
  table: T,
  key: string | number,
  value: Tables[T],
): Upsert {
  // The compiler does not see that T ties table and value together as Upsert does.
  return { table, key: String(key), value } as Upsert;
}

export function problem(reason: string, field: string, message: string): Problem {
  return { reason, field, message };
}

/** An object that has no effect. */
export function refused(why: Problem): Output {
  return { entries: [], uses: [], problem: why };
}

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'reason' in value;
}

/** The reason of an object that has to be tried again: an index may have become free. */
export const INDEX_EXHAUSTED_REASON = 'IndexExhausted';

/** An index, or why there is none. */
export function indexFor(
  ctx: Context,
  space: IndexSpace,
  key: string,
  field: string,
): number | Problem {
  try {
    return ctx.uses.index(space, key);
  } catch (error) {
    if (error instanceof TransitError && error.code === 'INDEX_EXHAUSTED')
      return problem(INDEX_EXHAUSTED_REASON, field, error.message);
    throw error;
  }
}

/** The Vpc an object names, or why the object cannot be used. */
export function vpcOf(ctx: Context, name: string, field = 'spec.vpc'): ProgrammedVpc | Problem {
  const vpc = ctx.vpcs.get(name);
  if (vpc) return vpc;
  return ctx.inputs.vpcs.has(name)
    ? problem('VpcNotUsable', field, `Vpc ${name} has a problem of its own: see its status`)
    : problem('VpcMissing', field, `there is no Vpc ${name}`);
}

/** The same for what needs a way outside. */
export function outsideVpcOf(ctx: Context, name: string, field: string): ProgrammedVpc | Problem {
  const vpc = vpcOf(ctx, name, field);
  if (isProblem(vpc) || vpc.outsideHost !== undefined) return vpc;
  return problem('NoOutside', field, `Vpc ${name} has no spec.outside`);
}

/** Whether this host is the one on which the VPC meets the outside. */
export function isGatewayHere(ctx: Context, vpc: ProgrammedVpc): boolean {
  return vpc.outsideHost === ctx.host;
}

/** The prefix under which a VPC finds IPv4; undefined: none. */
export function nat64PrefixOf(ctx: Context, vpc: string): string | undefined {
  for (const name of ctx.inputs.natGatewaysOfVpc.sorted(vpc)) {
    const prefix = ctx.inputs.natGateways.get(name)?.nat64?.prefix;
    if (prefix !== undefined) return prefix;
  }
  return undefined;
}

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
