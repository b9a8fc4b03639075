// SPDX-License-Identifier: Apache-2.0
/** What the fields of policies mean, and what in a rule contradicts itself. */
import { TransitError } from '../base/errors.js';
import type {
  PolicyIcmp,
  PolicyProtocol,
  PolicyRule,
  PolicySide,
  PolicySpec,
} from './policy-objects.js';
import { parsePorts } from './ports.js';

/** Tier of policies that name none. It needs no object. */
export const DEFAULT_TIER = 'default';

export const POLICY_DEFAULTS = {
  tier: DEFAULT_TIER,
  tierAction: 'deny',
  selector: 'all()',
} as const;

/** Entries of a list: rules of a direction, nets or ports of a side, nets of a NetworkSet. */
export const MAX_POLICY_LIST = 10_000;

/** Entries of all lists of a policy or profile. */
export const MAX_POLICY_ENTRIES = 100_000;

/** IANA's numbers. */
const PROTOCOL_NUMBERS = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
const WITH_PORTS: readonly number[] = [
  PROTOCOL_NUMBERS.tcp,
  PROTOCOL_NUMBERS.udp,
  PROTOCOL_NUMBERS.sctp,
];

/** Number of a protocol, 0 to 255. */
export function protocolNumber(protocol: PolicyProtocol): number {
  return typeof protocol === 'number' ? protocol : PROTOCOL_NUMBERS[protocol];
}

/** Directions that a policy applies in: what it says, else those it has a list for, else ingress. */
export function policyTypes({
  types,
  ingress,
  egress,
}: Pick<PolicySpec, 'types' | 'ingress' | 'egress'>): readonly ('ingress' | 'egress')[] {
  if (types !== undefined) return types;
  if (egress === undefined) return ['ingress'];
  return ingress === undefined ? ['egress'] : ['ingress', 'egress'];
}

const PORT_NAME = /^[a-z](?:[-a-z0-9]{0,13}[a-z0-9])?$/;

/** True for what may name a port: a service name of RFC 6335 s5.1 that begins with a letter. */
export function isPortName(text: string): boolean {
  return PORT_NAME.test(text);
}

/** Ports 1 to 65535, both ends included, or the name of ports of endpoints. */
export type PortSpec = { readonly from: number; readonly to: number } | { readonly name: string };

/** Reads an entry of `ports`. @throws TransitError BAD_PORTS */
export function parsePortSpec(spec: number | string): PortSpec {
  const text = String(spec);
  if (isPortName(text)) return { name: text };
  // A word was meant as a name, and hears what is wrong with it as one.
  if (/[A-Za-z_]/.test(text)) {
    throw new TransitError(
      'BAD_PORTS',
      `"${text}" is not the name of a port: use 1 to 15 lower-case letters, digits and hyphens; it starts with a letter and ends with a letter or digit (RFC 6335)`,
    );
  }
  const { first, last } = parsePorts(text);
  return { from: first, to: last };
}

/** Canonical entry of `ports`: a number, "a-b" with a below b, or a name. @throws TransitError BAD_PORTS */
export function canonicalPortSpec(spec: number | string): number | string {
  const parsed = parsePortSpec(spec);
  if ('name' in parsed) return parsed.name;
  return parsed.from === parsed.to ? parsed.from : `${parsed.from}-${parsed.to}`;
}

/** What is wrong with a rule. */
export interface RuleFault {
  /** Below the rule: ["source", "ports"]. */
  readonly path: readonly (string | number)[];
  readonly rule: string;
}

type Family = 4 | 6;

function familyOf(net: string): Family {
  return net.includes(':') ? 6 : 4;
}

/** The family that a rule's protocol is of; undefined: either. */
function protocolFamily(protocol: PolicyProtocol | undefined): Family | undefined {
  if (protocol === undefined) return undefined;
  const number = protocolNumber(protocol);
  if (number === PROTOCOL_NUMBERS.icmp) return 4;
  return number === PROTOCOL_NUMBERS.icmpv6 ? 6 : undefined;
}

function* protocolFaults(rule: PolicyRule): Generator<RuleFault> {
  const { ipVersion, protocol, notProtocol } = rule;
  const family = protocolFamily(protocol);
  if (protocol === undefined) return;
  if (ipVersion !== undefined && family !== undefined && ipVersion !== family)
    yield {
      path: ['ipVersion'],
      rule: `${ipVersion} contradicts protocol ${protocol}, which is of IPv${family}`,
    };
  if (notProtocol !== undefined && protocolNumber(notProtocol) === protocolNumber(protocol))
    yield {
      path: ['notProtocol'],
      rule: `${notProtocol} is the rule's protocol, too: it can never be met`,
    };
}

/** Whether all that `inner` meets is met by `outer`, too. */
function coversIcmp(outer: PolicyIcmp, inner: PolicyIcmp): boolean {
  return outer.type === inner.type && (outer.code === undefined || outer.code === inner.code);
}

function* icmpFaults(rule: PolicyRule): Generator<RuleFault> {
  const { protocol, icmp, notIcmp } = rule;
  if (protocolFamily(protocol) === undefined) {
    for (const key of ['icmp', 'notIcmp'] as const) {
      if (rule[key] !== undefined)
        yield { path: [key], rule: 'needs protocol icmp or icmpv6 in the same rule' };
    }
  }
  if (icmp !== undefined && notIcmp !== undefined && coversIcmp(notIcmp, icmp))
    yield { path: ['notIcmp'], rule: 'denies all that icmp says: the rule can never be met' };
}

function* sideFaults(key: 'source' | 'destination', rule: PolicyRule): Generator<RuleFault> {
  const side: PolicySide | undefined = rule[key];
  if (side === undefined) return;
  const { ipVersion, protocol } = rule;
  if (protocol === undefined || !WITH_PORTS.includes(protocolNumber(protocol))) {
    for (const list of ['ports', 'notPorts'] as const) {
      if (side[list] !== undefined)
        yield {
          path: [key, list],
          rule: 'needs protocol tcp, udp or sctp in the same rule: others have no ports',
        };
    }
  }
  const family = ipVersion ?? protocolFamily(protocol);
  if (family === undefined) return;
  const why = ipVersion === undefined ? `protocol ${protocol ?? ''}` : `ipVersion ${ipVersion}`;
  for (const list of ['nets', 'notNets'] as const) {
    for (const [i, net] of (side[list] ?? []).entries()) {
      if (familyOf(net) === family) continue;
      yield {
        path: [key, list, i],
        rule: `${net} is IPv${familyOf(net)}, which contradicts ${why}`,
      };
    }
  }
}

/** A packet has one family: nets of the two sides must share one. */
function* familyFaults({ source, destination }: PolicyRule): Generator<RuleFault> {
  if (source?.nets === undefined || destination?.nets === undefined) return;
  const families = new Set(source.nets.map(familyOf));
  if (destination.nets.some((net) => families.has(familyOf(net)))) return;
  yield {
    path: ['destination', 'nets'],
    rule: 'has no net of the family of source.nets: the rule can never be met',
  };
}

/** What in a rule contradicts itself; its fields are right by themselves. */
export function ruleFaults(rule: PolicyRule): RuleFault[] {
  return [
    ...protocolFaults(rule),
    ...icmpFaults(rule),
    ...sideFaults('source', rule),
    ...sideFaults('destination', rule),
    ...familyFaults(rule),
  ];
}
