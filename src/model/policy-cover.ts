// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a rule meets all that another one meets, as far as that can be seen from the rules alone:
 * false where it depends on which endpoints there are. Actions do not matter.
 */
import { parsePrefix, prefixContains, prefixesOverlap, type IpPrefix } from '../base/net.js';
import type { PolicyIcmp, PolicyRule, PolicySide } from './policy-objects.js';
import { parsePortSpec, protocolNumber } from './policy-rules.js';
import { parsePolicySelector } from './policy-selector.js';

/** What a rule asks for, read once. An empty list says nothing, and is undefined here. */
export interface Conditions {
  readonly ipVersion: 4 | 6 | undefined;
  readonly protocol: number | undefined;
  readonly notProtocol: number | undefined;
  readonly icmp: PolicyIcmp | undefined;
  readonly notIcmp: PolicyIcmp | undefined;
  readonly source: SideConditions;
  readonly destination: SideConditions;
}

interface SideConditions {
  readonly nets: readonly IpPrefix[] | undefined;
  readonly notNets: readonly IpPrefix[];
  /** Normalised. */
  readonly selector: string | undefined;
  readonly notSelector: string | undefined;
  readonly ports: Ports | undefined;
  readonly notPorts: Ports | undefined;
}

interface Ports {
  /** In ascending order; those that overlap or follow each other are one. */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
  readonly names: ReadonlySet<string>;
}

const ICMP = 1;
const ICMPV6 = 58;
const EVERYTHING = 'all()';

/** Of a rule whose fields are right by themselves. */
export function conditionsOf(rule: PolicyRule): Conditions {
  const number = (protocol: PolicyRule['protocol']): number | undefined =>
    protocol === undefined ? undefined : protocolNumber(protocol);
  return {
    ipVersion: rule.ipVersion,
    protocol: number(rule.protocol),
    notProtocol: number(rule.notProtocol),
    icmp: rule.icmp,
    notIcmp: rule.notIcmp,
    source: sideOf(rule.source ?? {}),
    destination: sideOf(rule.destination ?? {}),
  };
}

/** Whether all that `inner` meets is met by `outer`. */
export function covers(outer: Conditions, inner: Conditions): boolean {
  return (
    (outer.protocol === undefined || outer.protocol === inner.protocol) &&
    (outer.ipVersion === undefined || outer.ipVersion === familyOf(inner)) &&
    coversNotProtocol(outer, inner) &&
    (outer.icmp === undefined || (!!inner.icmp && coversIcmp(outer.icmp, inner.icmp))) &&
    coversNotIcmp(outer, inner) &&
    coversSide(outer.source, inner.source) &&
    coversSide(outer.destination, inner.destination)
  );
}

/** Undefined: either. */
function familyOf({ ipVersion, protocol, source, destination }: Conditions): 4 | 6 | undefined {
  if (ipVersion !== undefined) return ipVersion;
  if (protocol === ICMP) return 4;
  if (protocol === ICMPV6) return 6;
  for (const { nets } of [source, destination]) {
    const [first] = nets ?? [];
    const family = first?.address.family;
    if (nets?.every(({ address }) => address.family === family) === true) return family;
  }
  return undefined;
}

function coversNotProtocol({ notProtocol }: Conditions, inner: Conditions): boolean {
  if (notProtocol === undefined || notProtocol === inner.notProtocol) return true;
  return inner.protocol !== undefined && inner.protocol !== notProtocol;
}

function coversIcmp(outer: PolicyIcmp, inner: PolicyIcmp): boolean {
  return outer.type === inner.type && (outer.code === undefined || outer.code === inner.code);
}

function coversNotIcmp({ notIcmp }: Conditions, inner: Conditions): boolean {
  if (notIcmp === undefined) return true;
  if (inner.notIcmp && coversIcmp(inner.notIcmp, notIcmp)) return true;
  const { icmp } = inner;
  if (icmp === undefined) return false;
  if (icmp.type !== notIcmp.type) return true;
  return icmp.code !== undefined && notIcmp.code !== undefined && icmp.code !== notIcmp.code;
}

function coversSide(outer: SideConditions, inner: SideConditions): boolean {
  return coversSelectors(outer, inner) && coversNets(outer, inner) && coversPortLists(outer, inner);
}

function coversSelectors(outer: SideConditions, inner: SideConditions): boolean {
  const { selector, notSelector } = outer;
  // all() as a condition means endpoints and NetworkSets: not every address.
  if (selector !== undefined && selector !== inner.selector)
    if (selector !== EVERYTHING || inner.selector === undefined) return false;
  return (
    notSelector === undefined ||
    notSelector === inner.notSelector ||
    inner.notSelector === EVERYTHING
  );
}

function coversNets(outer: SideConditions, inner: SideConditions): boolean {
  const { nets } = outer;
  if (nets !== undefined) {
    if (inner.nets === undefined) return false;
    if (!inner.nets.every((net) => nets.some((wide) => contains(wide, net)))) return false;
  }
  return outer.notNets.every(
    (not) =>
      inner.notNets.some((wide) => contains(wide, not)) ||
      inner.nets?.every((net) => !prefixesOverlap(net, not)) === true,
  );
}

function coversPortLists(outer: SideConditions, inner: SideConditions): boolean {
  const { ports, notPorts } = outer;
  if (ports !== undefined && (inner.ports === undefined || !holds(ports, inner.ports)))
    return false;
  if (notPorts === undefined) return true;
  if (inner.notPorts !== undefined && holds(inner.notPorts, notPorts)) return true;
  return inner.ports !== undefined && areApart(inner.ports, notPorts);
}

function contains(wide: IpPrefix, net: IpPrefix): boolean {
  return wide.length <= net.length && prefixContains(wide, net.address);
}

/** Whether all of `inner` is in `outer`: a name only by the same name. */
function holds(outer: Ports, inner: Ports): boolean {
  return (
    inner.ranges.every(({ from, to }) =>
      outer.ranges.some((range) => range.from <= from && to <= range.to),
    ) && [...inner.names].every((name) => outer.names.has(name))
  );
}

/** Whether they have no port in common; not known where there are names. */
function areApart(a: Ports, b: Ports): boolean {
  if (a.names.size > 0 || b.names.size > 0) return false;
  return a.ranges.every(({ from, to }) => b.ranges.every((one) => to < one.from || one.to < from));
}

function sideOf(side: PolicySide): SideConditions {
  const selector = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : parsePolicySelector(text).text;
  const nets = (side.nets ?? []).map(netOf);
  return {
    nets: nets.length === 0 ? undefined : nets,
    notNets: (side.notNets ?? []).map(netOf),
    selector: selector(side.selector),
    notSelector: selector(side.notSelector),
    ports: portsOf(side.ports),
    notPorts: portsOf(side.notPorts),
  };
}

/** A prefix, or an address alone. */
function netOf(text: string): IpPrefix {
  if (text.includes('/')) return parsePrefix(text);
  return parsePrefix(`${text}/${text.includes(':') ? 128 : 32}`);
}

function portsOf(list: PolicySide['ports'] = []): Ports | undefined {
  if (list.length === 0) return undefined;
  const names = new Set<string>();
  const ranges: { from: number; to: number }[] = [];
  for (const parsed of list.map(parsePortSpec))
    if ('name' in parsed) names.add(parsed.name);
    else ranges.push({ ...parsed });
  const joined: { from: number; to: number }[] = [];
  for (const range of ranges.sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else joined.push(range);
  }
  return { ranges: joined, names };
}
