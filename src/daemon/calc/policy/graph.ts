// SPDX-License-Identifier: Apache-2.0
/**
 * The graph of policies: what is there in, programs of local endpoints and classes of addresses out.
 *
 * In: VPCs, endpoints, NetworkSets, profiles, tiers and policies by name, in any order, repeated or
 * not; each may name others that are not there, not yet or not any more. Out, at flush(): what is
 * different from the last flush. The sum of all flushes depends on what is there, not on how it came;
 * with nothing there, nothing is kept.
 *
 * VPCs without local endpoints cost what their inputs take: the rest is made when the first comes.
 */
import { References } from '../references.js';
import { Tracked } from '../tracked.js';
import { Classes, type ClassChanges } from './classes.js';
import { InputTable } from './input-table.js';
import type { EndpointInput, NetworkSetInput } from './inputs.js';
import type { Membership } from './judge.js';
import { hostNet } from './nets.js';
import { parseNetworkSet, parsePolicy, parseProfile } from './parse.js';
import { PolicyScope, type EndpointPrograms, type ScopeDeps, type ScopeEndpoint } from './scope.js';
import type { PolicySpec, ProfileSpec, TierSpec } from './specs.js';
import { VpcNumbers } from './vpc-numbers.js';

export type { ClassChanges, HostChange, NamedChange, NetChange, PolicyClass } from './classes.js';
export type { EndpointPrograms } from './scope.js';

/** All lists in an order that depends on what is in them. */
export interface PolicyDelta extends ClassChanges {
  /**
   * By name of the endpoint, in the order of names. Undefined: it is not there, not local, or its VPC
   * has no VNI.
   */
  readonly programs: ReadonlyMap<string, EndpointPrograms | undefined>;
}

interface Endpoint extends ScopeEndpoint {
  readonly vpc: string;
}

/** Something for one VPC, or for each. */
interface ForVpc {
  readonly vpc: string | undefined;
}

export class PolicyGraph {
  private readonly vpcs = new VpcNumbers();
  private readonly endpoints = new InputTable(parseEndpoint);
  private readonly networkSets = new InputTable(parseNetworkSet);
  private readonly profiles = new InputTable(parseProfile);
  private readonly tiers = new InputTable((spec: TierSpec) => spec);
  private readonly policies = new InputTable(parsePolicy);
  /** VPC → endpoints, and the local ones among them. */
  private readonly endpointsOf = new References();
  private readonly localsOf = new References();
  /** By name of the VPC. */
  private readonly scopes = new Map<string, PolicyScope>();
  /** VPCs whose scope may have to be made, made anew or thrown away. */
  private readonly unsettled = new Set<string>();
  private readonly dirty = new Set<string>();
  private readonly programs = new Tracked<EndpointPrograms>();
  private shown = 0;
  private readonly classes: Classes;
  private readonly deps: ScopeDeps;

  /**
   * `classIndex`: a number from 1 for the class with this key ("VNI|SET|SET…"), asked once when the
   * class appears in a flush; it may be given to another when a flush has said that the class
   * vanished. Must not throw.
   */
  constructor(classIndex: (key: string) => number) {
    this.classes = new Classes(classIndex);
    this.deps = {
      classes: this.classes,
      profile: (name) => this.profiles.get(name),
      tier: (name) => this.tiers.get(name),
      dirty: (endpoint) => this.dirty.add(endpoint),
    };
  }

  vpc(name: string, vni: number | undefined): void {
    for (const affected of this.vpcs.set(name, vni)) this.unsettled.add(affected);
  }

  /** @throws TransitError BAD_ADDRESS; nothing has changed then */
  endpoint(name: string, input: EndpointInput | undefined): void {
    const change = this.endpoints.set(name, input);
    if (!change) return;
    const { before, now } = change;
    if (before) {
      this.endpointsOf.remove(before.vpc, name);
      this.localsOf.remove(before.vpc, name);
      this.unsettled.add(before.vpc);
    }
    if (now) {
      this.endpointsOf.add(now.vpc, name);
      if (now.local) this.localsOf.add(now.vpc, name);
      this.unsettled.add(now.vpc);
    }
    if (before && before.vpc !== now?.vpc) this.scopes.get(before.vpc)?.endpoint(name, undefined);
    if (now) this.scopes.get(now.vpc)?.endpoint(name, now);
  }

  networkSet(name: string, input: NetworkSetInput | undefined): void {
    const change = this.networkSets.set(name, input);
    if (!change) return;
    for (const [vpc, scope] of this.concerned(change.before, change.now))
      scope.networkSet(name, isFor(vpc, change.now) ? change.now : undefined);
  }

  profile(name: string, spec: ProfileSpec | undefined): void {
    if (!this.profiles.set(name, spec)) return;
    for (const scope of this.scopes.values()) scope.profile(name);
  }

  tier(name: string, spec: TierSpec | undefined): void {
    if (!this.tiers.set(name, spec)) return;
    for (const scope of this.scopes.values()) scope.tier(name);
  }

  policy(name: string, spec: PolicySpec | undefined): void {
    const change = this.policies.set(name, spec);
    if (!change) return;
    for (const [vpc, scope] of this.concerned(change.before, change.now))
      scope.policy(name, isFor(vpc, change.now) ? change.now : undefined);
  }

  /** Sets of a VPC, as of what was told. Undefined: it has no local endpoint, or was not flushed. */
  membership(vpc: string): Membership | undefined {
    return this.scopes.get(vpc)?.membership;
  }

  flush(): PolicyDelta {
    this.settle();
    for (const scope of this.scopes.values()) scope.flush();
    for (const name of [...this.dirty].sort()) {
      const vpc = this.endpoints.get(name)?.vpc;
      this.programs.set(name, vpc === undefined ? undefined : this.scopes.get(vpc)?.programs(name));
    }
    this.dirty.clear();
    const programs = new Map<string, EndpointPrograms | undefined>();
    for (const { key, before, now } of this.programs.drain()) {
      programs.set(key, now);
      this.shown += Number(now !== undefined) - Number(before !== undefined);
    }
    return { programs, ...this.classes.drain() };
  }

  /** All that is kept, inputs and everything made of them. For tests: 0 when nothing is there. */
  size(): number {
    const tables = [
      this.vpcs,
      this.endpoints,
      this.networkSets,
      this.profiles,
      this.tiers,
      this.policies,
      this.endpointsOf,
      this.localsOf,
      this.scopes,
      this.unsettled,
      this.dirty,
      this.classes,
      ...this.scopes.values(),
    ];
    return tables.reduce((sum, { size }) => sum + size, this.shown);
  }

  /** How often a selector was tried on labels by the scopes that are there. For tests. */
  evaluations(): number {
    return [...this.scopes.values()].reduce((sum, scope) => sum + scope.evaluations, 0);
  }

  /** Scopes that something must be told. */
  private concerned(
    before: ForVpc | undefined,
    now: ForVpc | undefined,
  ): (readonly [string, PolicyScope])[] {
    return [...this.scopes].filter(([vpc]) => isFor(vpc, before) || isFor(vpc, now));
  }

  /** Old ones go first: another VPC may have got their VNI. */
  private settle(): void {
    for (const vpc of this.unsettled) {
      const scope = this.scopes.get(vpc);
      if (!scope || scope.vni === this.wanted(vpc)) continue;
      scope.close();
      this.scopes.delete(vpc);
      for (const name of this.localsOf.of(vpc)) this.dirty.add(name);
    }
    for (const vpc of this.unsettled) {
      const vni = this.wanted(vpc);
      if (vni !== undefined && !this.scopes.has(vpc)) this.scopes.set(vpc, this.make(vpc, vni));
    }
    this.unsettled.clear();
  }

  /** Which VNI the VPC's scope should have; undefined: it should have no scope. */
  private wanted(vpc: string): number | undefined {
    return this.localsOf.of(vpc).size > 0 ? this.vpcs.of(vpc) : undefined;
  }

  private make(vpc: string, vni: number): PolicyScope {
    const scope = new PolicyScope(vni, this.deps);
    for (const [name, set] of this.networkSets.all())
      if (isFor(vpc, set)) scope.networkSet(name, set);
    for (const [name, policy] of this.policies.all())
      if (isFor(vpc, policy)) scope.policy(name, policy);
    for (const name of this.endpointsOf.of(vpc)) scope.endpoint(name, this.endpoints.get(name));
    return scope;
  }
}

function isFor(vpc: string, thing: ForVpc | undefined): boolean {
  return thing !== undefined && (thing.vpc === undefined || thing.vpc === vpc);
}

function parseEndpoint(input: EndpointInput): Endpoint {
  return {
    vpc: input.vpc,
    labels: new Map(Object.entries(input.labels)),
    profiles: [...new Set(input.profiles)],
    nets: input.addresses.map(hostNet),
    ports: input.ports,
    local: input.local,
  };
}
