// SPDX-License-Identifier: Apache-2.0
/**
 * Specs to parsed values, once for all VPCs. What cannot be parsed (a selector, a net, a port, names
 * of ports without a protocol that has ports) makes the whole object absent: it gives undefined.
 */
import { TransitError } from '../../../base/errors.js';
import {
  DEFAULT_TIER,
  parsePolicySelector,
  parsePortSpec,
  policyTypes,
  protocolNumber,
  SelectorError,
  type PolicyProtocol,
  type PolicyRule,
  type PolicySelector,
  type PolicySide,
  type PolicySpec,
  type ProfileSpec,
} from '../../../model/index.js';
import { parseNet, type Net } from './nets.js';
import type { NetworkSetInput } from './inputs.js';
import type { Direction, PortRange, ResolvedRule } from './types.js';

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

export interface ParsedPorts {
  /** In ascending order, none next to another. */
  readonly ranges: readonly PortRange[];
  /** Names of ports of that protocol, in the order of names. */
  readonly named: readonly { readonly protocol: PortProtocol; readonly name: string }[];
}

export interface ParsedSide {
  /** Undefined: any address. In the order of their texts, each once. */
  readonly nets: readonly Net[] | undefined;
  readonly notNets: readonly Net[] | undefined;
  readonly selector: PolicySelector | undefined;
  readonly notSelector: PolicySelector | undefined;
  /** Undefined: any port. */
  readonly ports: ParsedPorts | undefined;
  readonly notPorts: ParsedPorts | undefined;
}

export interface ParsedRule {
  /** All of a resolved rule that is the same in each VPC and place. */
  readonly base: Omit<ResolvedRule, 'identity' | 'source' | 'destination'>;
  readonly source: ParsedSide;
  readonly destination: ParsedSide;
}

/** Undefined: it does not apply in this direction. */
export type ParsedRules = Readonly<Record<Direction, readonly ParsedRule[] | undefined>>;

export interface ParsedPolicy {
  readonly vpc: string | undefined;
  readonly tier: string;
  /** Infinity: last. */
  readonly order: number;
  readonly selector: PolicySelector;
  readonly rules: ParsedRules;
}

export interface ParsedProfile {
  readonly labels: ReadonlyMap<string, string>;
  readonly rules: ParsedRules;
}

export interface ParsedNetworkSet {
  readonly vpc: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
  readonly nets: readonly Net[];
}

const WITH_PORTS: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];

export function parsePolicy(spec: PolicySpec): ParsedPolicy | undefined {
  return attempt(() => {
    const applies = policyTypes(spec);
    const rulesOf = (direction: Direction): ParsedRule[] | undefined => {
      const rules = (spec[direction] ?? []).map(parseRule);
      return applies.includes(direction) ? rules : undefined;
    };
    return {
      vpc: spec.vpc,
      tier: spec.tier ?? DEFAULT_TIER,
      order: spec.order ?? Infinity,
      selector: parsePolicySelector(spec.selector ?? ''),
      rules: { ingress: rulesOf('ingress'), egress: rulesOf('egress') },
    };
  });
}

export function parseProfile(spec: ProfileSpec): ParsedProfile | undefined {
  return attempt(() => ({
    labels: new Map(Object.entries(spec.labels ?? {})),
    rules: {
      ingress: (spec.ingress ?? []).map(parseRule),
      egress: (spec.egress ?? []).map(parseRule),
    },
  }));
}

export function parseNetworkSet(input: NetworkSetInput): ParsedNetworkSet | undefined {
  return attempt(() => ({
    vpc: input.vpc,
    labels: new Map(Object.entries(input.labels)),
    nets: input.nets.map(parseNet),
  }));
}

/** "tcp" for 6. */
export function portProtocol(number: number): PortProtocol | undefined {
  return WITH_PORTS.find((name) => protocolNumber(name) === number);
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TransitError || error instanceof SelectorError) return undefined;
    throw error;
  }
}

function parseRule(rule: PolicyRule): ParsedRule {
  const { action, ipVersion, protocol, notProtocol, icmp, notIcmp } = rule;
  return {
    base: {
      action,
      ...(ipVersion !== undefined && { ipVersion }),
      ...(protocol !== undefined && { protocol: protocolNumber(protocol) }),
      ...(notProtocol !== undefined && { notProtocol: protocolNumber(notProtocol) }),
      ...(icmp && { icmp }),
      ...(notIcmp && { notIcmp }),
    },
    source: parseSide(rule.source ?? {}, protocol),
    destination: parseSide(rule.destination ?? {}, protocol),
  };
}

function parseSide(side: PolicySide, protocol: PolicyProtocol | undefined): ParsedSide {
  const selector = (text: string | undefined): PolicySelector | undefined =>
    text === undefined ? undefined : parsePolicySelector(text);
  return {
    nets: parseNets(side.nets),
    notNets: parseNets(side.notNets),
    selector: selector(side.selector),
    notSelector: selector(side.notSelector),
    ports: parsePorts(side.ports, protocol),
    notPorts: parsePorts(side.notPorts, protocol),
  };
}

/** An empty list says nothing. */
function parseNets(list: readonly string[] = []): Net[] | undefined {
  if (list.length === 0) return undefined;
  const nets = new Map(list.map(parseNet).map((net) => [net.text, net]));
  return [...nets.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
}

/** An empty list says nothing. */
function parsePorts(
  list: readonly (number | string)[] = [],
  protocol: PolicyProtocol | undefined,
): ParsedPorts | undefined {
  if (list.length === 0) return undefined;
  const number = protocol === undefined ? undefined : protocolNumber(protocol);
  const withPorts = number === undefined ? undefined : portProtocol(number);
  if (withPorts === undefined)
    throw new TransitError('BAD_PORTS', 'ports need a protocol that has them');
  const ranges: PortRange[] = [];
  const names = new Set<string>();
  for (const item of list) {
    const port = parsePortSpec(item);
    if ('name' in port) names.add(port.name);
    else ranges.push(port);
  }
  return {
    ranges: joined(ranges),
    named: [...names].sort().map((name) => ({ protocol: withPorts, name })),
  };
}

/** In ascending order; those that overlap or follow each other are one. */
function joined(ranges: readonly PortRange[]): PortRange[] {
  const out: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else out.push({ from, to });
  }
  return out;
}
