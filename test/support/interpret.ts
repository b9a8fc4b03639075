// SPDX-License-Identifier: Apache-2.0
/** What rules mean, read one after the other: what compiled programs are held against. */
import type {
  ResolvedProgram,
  ResolvedRule,
  ResolvedSide,
} from '../../src/daemon/calc/policy/types.js';

/** An end of a packet. */
export interface PacketEnd {
  /** Undefined: the protocol has none. */
  readonly port: number | undefined;
  /** Sets that the address is in. */
  readonly sets: readonly string[];
  /** Named ports that address, protocol and port are. */
  readonly named: readonly string[];
}

export interface PolicyPacket {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** Of ICMP in its family. */
  readonly icmp: { readonly type: number; readonly code: number } | undefined;
  readonly source: PacketEnd;
  readonly destination: PacketEnd;
}

export interface Judgement {
  readonly verdict: 'allow' | 'deny';
  /** Of the rule that decided; undefined: the program's end did. */
  readonly identity: string | undefined;
  /** Of the rules met before it, which log or pass, in order. */
  readonly before: readonly string[];
}

export function interpret(program: ResolvedProgram, packet: PolicyPacket): Judgement {
  const before: string[] = [];
  for (const tier of program) {
    for (const rule of tier) {
      if (!isMet(rule, packet)) continue;
      const { action, identity } = rule;
      if (action === 'allow' || action === 'deny') return { verdict: action, identity, before };
      before.push(identity);
      if (action === 'pass') break;
    }
  }
  return { verdict: 'deny', identity: undefined, before };
}

function isMet(rule: ResolvedRule, packet: PolicyPacket): boolean {
  const { icmp } = packet;
  const isIcmp = ({ type, code }: { readonly type: number; readonly code?: number }): boolean =>
    icmp !== undefined && icmp.type === type && (code === undefined || icmp.code === code);
  return (
    (rule.ipVersion === undefined || rule.ipVersion === packet.family) &&
    (rule.protocol === undefined || rule.protocol === packet.protocol) &&
    (rule.notProtocol === undefined || rule.notProtocol !== packet.protocol) &&
    (rule.icmp === undefined || isIcmp(rule.icmp)) &&
    !(rule.notIcmp !== undefined && isIcmp(rule.notIcmp)) &&
    isSideMet(rule.source, packet.source) &&
    isSideMet(rule.destination, packet.destination)
  );
}

function isSideMet(side: ResolvedSide, end: PacketEnd): boolean {
  const among = ({ ranges, named }: NonNullable<ResolvedSide['ports']>): boolean => {
    const { port } = end;
    const inRange = port !== undefined && ranges.some(({ from, to }) => from <= port && port <= to);
    return inRange || named.some((set) => end.named.includes(set));
  };
  return (
    side.sets.every((set) => end.sets.includes(set)) &&
    !side.notSets.some((set) => end.sets.includes(set)) &&
    (side.ports === undefined || among(side.ports)) &&
    (side.notPorts === undefined || !among(side.notPorts))
  );
}
