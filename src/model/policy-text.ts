// SPDX-License-Identifier: Apache-2.0
/** Rules on one line, for people: "tcp from (role == 'web') to ports 443,8000-8099". */
import type { PolicyIcmp, PolicyRule, PolicySide } from './policy-objects.js';

/** Most entries of a list that are shown. */
const SHOWN = 3;

/** What a rule asks for, without its action; "any" when that is nothing. */
export function ruleText(rule: PolicyRule): string {
  const { ipVersion, protocol, notProtocol, icmp, notIcmp, source, destination } = rule;
  const parts = [
    ipVersion === undefined ? '' : `IPv${ipVersion}`,
    protocol === undefined ? '' : protocolText(protocol),
    notProtocol === undefined ? '' : `not ${protocolText(notProtocol)}`,
    icmp === undefined ? '' : icmpText(icmp),
    notIcmp === undefined ? '' : `not ${icmpText(notIcmp)}`,
    sideText('from', source),
    sideText('to', destination),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'any' : parts.join(' ');
}

/** "tcp", "protocol 47". */
function protocolText(protocol: NonNullable<PolicyRule['protocol']>): string {
  return typeof protocol === 'number' ? `protocol ${protocol}` : protocol;
}

function icmpText({ type, code }: PolicyIcmp): string {
  return `type ${type}${code === undefined ? '' : `/${code}`}`;
}

function sideText(word: string, side: PolicySide | undefined): string {
  if (side === undefined) return '';
  const { nets, notNets, selector, notSelector, ports, notPorts } = side;
  const parts = [
    listText('', nets),
    listText('not ', notNets),
    selectorText('', selector),
    selectorText('not ', notSelector),
    listText('ports ', ports),
    listText('not ports ', notPorts),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `${word} ${parts.join(' ')}`;
}

function selectorText(word: string, selector: string | undefined): string {
  if (selector === undefined) return '';
  const text = selector.replace(/\s+/g, ' ').trim();
  return `${word}(${text === '' ? 'all()' : text})`;
}

/** "a,b,c and 5 more"; an empty list says nothing. */
function listText(word: string, list: readonly (string | number)[] | undefined): string {
  if (list === undefined || list.length === 0) return '';
  const more = list.length > SHOWN ? ` and ${list.length - SHOWN} more` : '';
  return `${word}${list.slice(0, SHOWN).join(',')}${more}`;
}
