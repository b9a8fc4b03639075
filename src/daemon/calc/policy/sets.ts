// SPDX-License-Identifier: Apache-2.0
/** What sets are made of, and how they are named (types.ts, SetId). */
import type { PolicySelector } from '../../../model/policy-selector.js';
import type { Net } from './nets.js';
import type { PortProtocol } from './parse.js';
import type { SetId } from './types.js';

export type SetDefinition =
  /** Addresses of the endpoints and nets of the NetworkSets that a selector matches. */
  | { readonly kind: 'selector'; readonly id: SetId; readonly selector: PolicySelector }
  | { readonly kind: 'nets'; readonly id: SetId; readonly nets: readonly Net[] }
  /** Addresses with protocol and port of the endpoints that have a port of this name. */
  | {
      readonly kind: 'named';
      readonly id: SetId;
      readonly protocol: PortProtocol;
      readonly name: string;
    };

export function selectorSet(vni: number, selector: PolicySelector): SetDefinition {
  return { kind: 'selector', id: `${vni} s ${selector.text}`, selector };
}

/** `nets`: in the order of their texts, each once. */
export function netsSet(vni: number, nets: readonly Net[]): SetDefinition {
  return { kind: 'nets', id: `${vni} n ${nets.map(({ text }) => text).join(',')}`, nets };
}

export function namedSet(vni: number, protocol: PortProtocol, name: string): SetDefinition {
  return { kind: 'named', id: `${vni} p ${protocol} ${name}`, protocol, name };
}

/** A sorted list with one more or less; the same list when that changes nothing. */
export function changedList(list: readonly SetId[], set: SetId, member: boolean): readonly SetId[] {
  if (list.includes(set) === member) return list;
  return member ? [...list, set].sort() : list.filter((one) => one !== set);
}
