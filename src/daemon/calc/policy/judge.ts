// SPDX-License-Identifier: Apache-2.0
/**
 * What ordered rules say of a connection, rule by rule as docs/design/policy.md has it: without
 * blocks, rows and classes, so that it can be held against what the data path says. Depends on its
 * arguments only.
 */
import type {
  IcmpMatch,
  PortRange,
  ResolvedProgram,
  ResolvedRule,
  ResolvedSide,
  SetId,
} from './types.js';

/** The first packet of a connection, as the judged end sees it. */
export interface JudgedPacket {
  readonly family: 4 | 6;
  /** Number. */
  readonly protocol: number;
  /** Canonical. */
  readonly source: string;
  readonly destination: string;
  /** Of protocols with ports: both are there. */
  readonly ports?: { readonly source: number; readonly destination: number };
  /** Of ICMP in its family: it is there. */
  readonly icmp?: Required<IcmpMatch>;
}

/** Sets of a VPC that rules of local endpoints use. */
export interface Membership {
  /** Those that an address is in. */
  address(address: string): ReadonlySet<SetId>;
  /** Those of named ports that address, protocol and port are in. */
  port(address: string, protocol: number, port: number): ReadonlySet<SetId>;
}

export interface Judgement {
  readonly allowed: boolean;
  /** The rule that decided. Undefined: none, as it is open. */
  readonly rule: ResolvedRule | undefined;
  /** Rules that were met before and count only. */
  readonly logged: readonly ResolvedRule[];
}

/** `program`: undefined: open. */
export function judge(
  program: ResolvedProgram | undefined,
  packet: JudgedPacket,
  members: Membership,
): Judgement {
  const logged: ResolvedRule[] = [];
  if (program === undefined) return { allowed: true, rule: undefined, logged };
  let last: ResolvedRule | undefined;
  for (const tier of program) {
    const rule = tier.find((one) => {
      if (!isMet(one, packet, members)) return false;
      if (one.action === 'log') logged.push(one);
      return one.action !== 'log';
    });
    if (rule === undefined) continue;
    last = rule;
    if (rule.action !== 'pass') break;
  }
  return { allowed: last?.action === 'allow', rule: last, logged };
}

function isMet(rule: ResolvedRule, packet: JudgedPacket, members: Membership): boolean {
  const { ipVersion, protocol, notProtocol, icmp, notIcmp } = rule;
  if (ipVersion !== undefined && ipVersion !== packet.family) return false;
  if (protocol !== undefined && protocol !== packet.protocol) return false;
  if (notProtocol !== undefined && notProtocol === packet.protocol) return false;
  if (icmp !== undefined && !isIcmp(icmp, packet)) return false;
  if (notIcmp !== undefined && isIcmp(notIcmp, packet)) return false;
  const { source, destination, ports } = packet;
  return (
    isSideMet(rule.source, { address: source, port: ports?.source }, packet, members) &&
    isSideMet(rule.destination, { address: destination, port: ports?.destination }, packet, members)
  );
}

function isIcmp({ type, code }: IcmpMatch, { icmp }: JudgedPacket): boolean {
  return icmp !== undefined && icmp.type === type && (code === undefined || icmp.code === code);
}

function isSideMet(
  side: ResolvedSide,
  { address, port }: { readonly address: string; readonly port: number | undefined },
  { protocol }: JudgedPacket,
  members: Membership,
): boolean {
  const sets = members.address(address);
  if (!side.sets.every((set) => sets.has(set))) return false;
  if (side.notSets.some((set) => sets.has(set))) return false;
  const isOne = ({ ranges, named }: NonNullable<ResolvedSide['ports']>): boolean => {
    if (port === undefined) return false;
    const names = members.port(address, protocol, port);
    return isIn(ranges, port) || named.some((set) => names.has(set));
  };
  if (side.ports !== undefined && !isOne(side.ports)) return false;
  return side.notPorts === undefined || !isOne(side.notPorts);
}

function isIn(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ from, to }) => from <= port && port <= to);
}
