// SPDX-License-Identifier: Apache-2.0
/**
 * Policies within one VPC that has local endpoints: wires the nodes to each other.
 *
 * In: all of its endpoints, the NetworkSets and policies that are for it, and that a profile or tier
 * became another one; in any order, repeated or not. Out: at flush() the entries of addresses that
 * changed, at any time `dirty` for a local endpoint whose programs may be others. All of it is thrown
 * away when the VPC gets another number: names of sets begin with it.
 */
import { References } from '../references.js';
import { ActivePolicies } from './active-policies.js';
import { ActiveRules } from './active-rules.js';
import { AddressClasses } from './address-classes.js';
import type { Classes } from './classes.js';
import type { EndpointPort } from './inputs.js';
import { EffectiveLabels, type LabelMap } from './labels.js';
import { SetMembers } from './members.js';
import { NamedClasses } from './named-classes.js';
import type { Membership } from './judge.js';
import { addressOf, hostNet, isHost, type Net } from './nets.js';
import type { ParsedNetworkSet, ParsedPolicy, ParsedProfile } from './parse.js';
import { programOf, type ProgramSources } from './program.js';
import type { TierSpec } from './specs.js';
import type { ResolvedProgram, SetId } from './types.js';

export interface ScopeEndpoint {
  readonly labels: LabelMap;
  /** Each once. */
  readonly profiles: readonly string[];
  readonly nets: readonly Net[];
  readonly ports: readonly EndpointPort[];
  readonly local: boolean;
}

/** What an endpoint has in each direction. Undefined: open. */
export interface EndpointPrograms {
  readonly ingress: ResolvedProgram | undefined;
  readonly egress: ResolvedProgram | undefined;
}

export interface ScopeDeps {
  readonly classes: Classes;
  readonly profile: (name: string) => ParsedProfile | undefined;
  readonly tier: (name: string) => TierSpec | undefined;
  readonly dirty: (endpoint: string) => void;
}

export class PolicyScope {
  private readonly labels: EffectiveLabels;
  private readonly policies: ActivePolicies;
  private readonly rules: ActiveRules;
  private readonly members: SetMembers;
  private readonly addresses = new AddressClasses();
  private readonly named = new NamedClasses();
  /** Local ones → their profiles. */
  private readonly locals = new Map<string, readonly string[]>();
  /** Profile → local endpoints. */
  private readonly profileUsers = new References();
  private readonly sources: ProgramSources;

  constructor(
    readonly vni: number,
    private readonly deps: ScopeDeps,
  ) {
    this.members = new SetMembers({
      net: (set, net, member) => {
        this.addresses.member(set, net, member);
      },
      port: (set, port, member) => {
        this.named.member(set, port, member);
      },
    });
    this.rules = new ActiveRules(vni, (set, active) => {
      this.members.set(set, active);
    });
    this.policies = new ActivePolicies({
      active: (name, policy) => {
        this.rules.update(`Policy/${name}`, policy?.rules);
      },
      dirty: deps.dirty,
    });
    this.labels = new EffectiveLabels(
      (profile) => deps.profile(profile)?.labels,
      (item, labels) => {
        this.members.labels(item, labels);
        const local = localName(item);
        if (local !== undefined && this.locals.has(local)) this.policies.labels(local, labels);
      },
    );
    this.sources = {
      rules: (owner, direction) => this.rules.rules(owner, direction),
      tier: deps.tier,
    };
  }

  /** All that is kept. */
  get size(): number {
    const nodes = [
      this.labels,
      this.policies,
      this.rules,
      this.members,
      this.addresses,
      this.named,
      this.locals,
      this.profileUsers,
    ];
    return nodes.reduce((sum, { size }) => sum + size, 0);
  }

  get evaluations(): number {
    return this.members.evaluations + this.policies.evaluations;
  }

  endpoint(name: string, now: ScopeEndpoint | undefined): void {
    const id = ENDPOINT + name;
    const before = this.locals.get(name);
    const profiles = now?.local === true ? now.profiles : undefined;
    if (profiles) this.locals.set(name, profiles);
    else this.locals.delete(name);
    this.members.item(id, now);
    this.labels.item(id, now);
    this.policies.labels(name, profiles && this.labels.of(id));
    for (const profile of before ?? []) this.profileUsers.remove(profile, name);
    for (const profile of profiles ?? []) this.profileUsers.add(profile, name);
    for (const profile of [...(profiles ?? []), ...(before ?? [])]) this.refreshProfile(profile);
    if (before ?? profiles) this.deps.dirty(name);
  }

  networkSet(name: string, now: ParsedNetworkSet | undefined): void {
    const id = NETWORK_SET + name;
    this.members.item(id, now && { nets: now.nets, ports: [] });
    this.labels.item(id, now && { labels: now.labels, profiles: [] });
  }

  policy(name: string, now: ParsedPolicy | undefined): void {
    this.policies.policy(name, now);
  }

  /** The profile came, went or is another. */
  profile(name: string): void {
    this.labels.profile(name);
    this.refreshProfile(name);
    for (const endpoint of this.profileUsers.of(name)) this.deps.dirty(endpoint);
  }

  /** The tier came, went or is another. */
  tier(name: string): void {
    this.policies.tier(name);
  }

  /** Undefined: no local endpoint of this VPC. */
  programs(endpoint: string): EndpointPrograms | undefined {
    const profiles = this.locals.get(endpoint);
    if (!profiles) return undefined;
    const policies = this.policies.of(endpoint);
    return {
      ingress: programOf(policies, profiles, 'ingress', this.sources),
      egress: programOf(policies, profiles, 'egress', this.sources),
    };
  }

  /** Sets that rules of its local endpoints use, as they are now. */
  readonly membership: Membership = {
    address: (address) => this.addresses.setsOf(hostNet(address)),
    port: (address, protocol, port) => this.named.setsOf(`${address}/${protocol}/${port}`),
  };

  flush(): void {
    this.addresses.flush(this.emitNet);
    this.named.flush(this.emitNamed);
  }

  /** Takes all entries away. The scope must not be used any more. */
  close(): void {
    this.addresses.close(this.emitNet);
    this.named.close(this.emitNamed);
  }

  private readonly emitNet = (net: Net, sets: readonly SetId[] | undefined): void => {
    const { classes } = this.deps;
    if (isHost(net)) classes.set('host', this.vni, addressOf(net), sets);
    else classes.set('net', this.vni, net.text, sets);
  };

  private readonly emitNamed = (port: string, sets: readonly SetId[] | undefined): void => {
    this.deps.classes.set('named', this.vni, port, sets);
  };

  /** Rules of a profile are there while a local endpoint names it. */
  private refreshProfile(name: string): void {
    const used = this.profileUsers.of(name).size > 0;
    this.rules.update(`Profile/${name}`, used ? this.deps.profile(name)?.rules : undefined);
  }
}

/** What ids of items begin with: an endpoint and a NetworkSet may have the same name. */
const ENDPOINT = 'e/';
const NETWORK_SET = 'n/';

function localName(item: string): string | undefined {
  return item.startsWith(ENDPOINT) ? item.slice(ENDPOINT.length) : undefined;
}
