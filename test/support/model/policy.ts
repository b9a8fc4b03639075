// SPDX-License-Identifier: Apache-2.0
/**
 * Who may open a connection to whom (docs/design/policy.md): rule by rule, each asked of the objects
 * themselves.
 */
import type {
  PolicyRule,
  PolicySide,
  StoredObject,
  TypedObject,
} from '../../../src/model/index.js';
import { addressOf, bitsOf, familyOf, prefixOf } from './address.js';
import type { Address } from './bytes.js';
import type { FlowIdentity } from './hash.js';
import { selects, type Labels } from './labels.js';
import { PROTOCOL } from './numbers.js';

type Of<K extends StoredObject['kind']> = TypedObject<K>;
type Direction = 'ingress' | 'egress';

/** The first packet of a connection, as the judged end sees it. */
export interface Judged extends FlowIdentity {
  /** Of ICMP; an echo's is the request's. */
  readonly icmpType: number;
  readonly icmpCode: number;
}

const NUMBERS: Readonly<Record<string, number>> = {
  icmp: PROTOCOL.icmp,
  tcp: PROTOCOL.tcp,
  udp: PROTOCOL.udp,
  icmpv6: PROTOCOL.icmp6,
  sctp: PROTOCOL.sctp,
};

const numberOf = (protocol: string | number): number =>
  typeof protocol === 'number' ? protocol : (NUMBERS[protocol] ?? -1);

export class Policies {
  constructor(private readonly objects: readonly StoredObject[]) {}

  /** Everything that any of this depends on. */
  get fingerprint(): string {
    const kinds: readonly string[] = ['Policy', 'Profile', 'Tier', 'NetworkSet'];
    const own = this.objects.filter((o) => kinds.includes(o.kind));
    if (own.length === 0) return '';
    const ends = this.all('Endpoint').map(({ metadata, spec }) => [
      metadata.name,
      metadata.labels,
      spec.vpc,
      spec.addresses,
      spec.profiles,
      spec.ports,
    ]);
    return JSON.stringify([
      own.map((o) => [o.kind, o.metadata.name, o.metadata.labels, o.spec]),
      ends,
    ]);
  }

  /** Whether an endpoint of that name may have the connection. */
  allows(name: string, direction: Direction, packet: Judged): boolean {
    const endpoint = this.all('Endpoint').find((e) => e.metadata.name === name);
    if (!endpoint) return true;
    let open = true;
    for (const tier of this.tiers()) {
      const applying = this.applying(tier.name, endpoint, direction);
      if (applying.length === 0) continue;
      open = false;
      const rules = applying.flatMap((p) => p.spec[direction] ?? []);
      const verdict = this.verdict(rules, packet, endpoint.spec.vpc) ?? tier.defaultAction;
      if (verdict !== 'pass') return verdict === 'allow';
    }
    const profiles = endpoint.spec.profiles ?? [];
    for (const profile of profiles) {
      const found = this.all('Profile').find((p) => p.metadata.name === profile);
      if (!found) return false;
      const verdict = this.verdict(found.spec[direction] ?? [], packet, endpoint.spec.vpc);
      if (verdict) return verdict === 'allow';
    }
    return open && profiles.length === 0;
  }

  private tiers(): { readonly name: string; readonly defaultAction: 'deny' | 'pass' }[] {
    const named = this.all('Tier').map(({ metadata, spec }) => ({
      name: metadata.name,
      order: spec.order ?? Infinity,
      defaultAction: spec.defaultAction ?? ('deny' as const),
    }));
    // those that have no object are there all the same
    for (const { spec } of this.all('Policy')) {
      const name = spec.tier ?? 'default';
      if (named.some((t) => t.name === name)) continue;
      named.push({ name, order: Infinity, defaultAction: 'deny' });
    }
    return named.sort(byOrder);
  }

  private applying(tier: string, endpoint: Of<'Endpoint'>, direction: Direction): Of<'Policy'>[] {
    return this.all('Policy')
      .filter(({ spec }) => (spec.tier ?? 'default') === tier)
      .filter(({ spec }) => spec.vpc === undefined || spec.vpc === endpoint.spec.vpc)
      .filter(({ spec }) => directionsOf(spec).includes(direction))
      .filter(({ spec }) => selects(spec.selector ?? '', this.labelsOf(endpoint)))
      .map((p) => ({ p, name: p.metadata.name, order: p.spec.order ?? Infinity }))
      .sort(byOrder)
      .map(({ p }) => p);
  }

  private verdict(
    rules: readonly PolicyRule[],
    packet: Judged,
    vpc: string,
  ): 'allow' | 'deny' | 'pass' | undefined {
    for (const rule of rules) {
      if (rule.action !== 'log' && this.meets(rule, packet, vpc)) return rule.action;
    }
    return undefined;
  }

  private meets(rule: PolicyRule, packet: Judged, vpc: string): boolean {
    const { ipVersion, protocol, notProtocol, icmp, notIcmp } = rule;
    const isIcmp = (match: NonNullable<typeof icmp>): boolean =>
      packet.icmpType === match.type && (match.code ?? packet.icmpCode) === packet.icmpCode;
    if (ipVersion !== undefined && familyOf(packet.src) !== ipVersion) return false;
    if (protocol !== undefined && packet.protocol !== numberOf(protocol)) return false;
    if (notProtocol !== undefined && packet.protocol === numberOf(notProtocol)) return false;
    if (icmp && !isIcmp(icmp)) return false;
    if (notIcmp && isIcmp(notIcmp)) return false;
    return (
      this.side(rule.source ?? {}, packet.src, packet.sport, packet.protocol, vpc) &&
      this.side(rule.destination ?? {}, packet.dst, packet.dport, packet.protocol, vpc)
    );
  }

  private side(
    side: PolicySide,
    address: Address,
    port: number,
    protocol: number,
    vpc: string,
  ): boolean {
    const { nets, notNets, selector, notSelector, ports, notPorts } = side;
    const isPort = (wanted: number | string): boolean => {
      if (typeof wanted === 'number') return port === wanted;
      const range = /^(\d+)(?:-(\d+))?$/.exec(wanted);
      if (range) return port >= Number(range[1]) && port <= Number(range[2] ?? range[1]);
      return this.all('Endpoint').some(
        ({ spec }) =>
          spec.vpc === vpc &&
          spec.addresses.some((a) => addressOf(a) === address) &&
          (spec.ports ?? []).some(
            (p) => p.name === wanted && p.port === port && numberOf(p.protocol) === protocol,
          ),
      );
    };
    if (nets && !nets.some((net) => isWithin(address, net))) return false;
    if (notNets?.some((net) => isWithin(address, net))) return false;
    if (selector !== undefined && !this.isSelected(address, selector, vpc)) return false;
    if (notSelector !== undefined && this.isSelected(address, notSelector, vpc)) return false;
    if (ports && !ports.some(isPort)) return false;
    return !notPorts?.some(isPort);
  }

  private isSelected(address: Address, selector: string, vpc: string): boolean {
    const endpoints = this.all('Endpoint').filter(
      (e) => e.spec.vpc === vpc && e.spec.addresses.some((a) => addressOf(a) === address),
    );
    if (endpoints.some((e) => selects(selector, this.labelsOf(e)))) return true;
    return this.all('NetworkSet').some(
      ({ metadata, spec }) =>
        (spec.vpc === undefined || spec.vpc === vpc) &&
        selects(selector, metadata.labels ?? {}) &&
        spec.nets.some((net) => isWithin(address, net)),
    );
  }

  private labelsOf({ metadata, spec }: Of<'Endpoint'>): Labels {
    const inherited = (spec.profiles ?? []).map(
      (name) => this.all('Profile').find((p) => p.metadata.name === name)?.spec.labels ?? {},
    );
    // the first that has a label wins
    return Object.assign({}, ...inherited.reverse(), metadata.labels ?? {}) as Labels;
  }

  private all<K extends StoredObject['kind']>(kind: K): Of<K>[] {
    return this.objects.filter((o) => o.kind === kind) as Of<K>[];
  }
}

function directionsOf(spec: Of<'Policy'>['spec']): readonly Direction[] {
  if (spec.types) return spec.types;
  if (spec.egress) return spec.ingress ? ['ingress', 'egress'] : ['egress'];
  return ['ingress'];
}

function byOrder(
  a: { readonly order: number; readonly name: string },
  b: { readonly order: number; readonly name: string },
): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

function isWithin(address: Address, net: string): boolean {
  const prefix = prefixOf(net);
  return prefix.family === familyOf(address) && bitsOf(address).startsWith(prefix.bits);
}
