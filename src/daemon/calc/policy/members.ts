// SPDX-License-Identifier: Apache-2.0
/**
 * Members of the active sets of a VPC.
 *
 * In: sets that come and go, items (endpoints and NetworkSets) with what they contribute, and the
 * items' labels, by themselves; all in any order, repeated or not. An item contributes when its
 * labels are known and it is. Out: `net` and `port` when a set gets or loses a member. Several items
 * may contribute the same member: it is one until the last of them goes.
 */
import { References } from '../references.js';
import { Counts } from './counts.js';
import type { EndpointPort } from './inputs.js';
import type { LabelMap } from './labels.js';
import { addressOf, type Net } from './nets.js';
import { protocolNumber } from '../../../model/index.js';
import { SelectorIndex } from './selector-index.js';
import type { SetDefinition } from './sets.js';
import type { SetId } from './types.js';

export interface Contribution {
  readonly nets: readonly Net[];
  /** Of each of the nets, which are hosts if there are any. */
  readonly ports: readonly EndpointPort[];
}

export interface MemberEvents {
  net(set: SetId, net: Net, member: boolean): void;
  /** `port`: "ADDRESS/PROTOCOL/PORT", numbers. */
  port(set: SetId, port: string, member: boolean): void;
}

const NOTHING: Contribution = { nets: [], ports: [] };

export class SetMembers {
  private readonly items = new Map<string, Contribution>();
  private readonly index: SelectorIndex;
  /** Text of a selector, or "PROTOCOL NAME" of a port → set, of active ones. */
  private readonly bySelector = new Map<string, SetId>();
  private readonly byPort = new Map<string, SetId>();
  /** "PROTOCOL NAME" → items that have such a port. */
  private readonly portOwners = new References();
  private readonly counts = new Counts();

  constructor(private readonly events: MemberEvents) {
    this.index = new SelectorIndex((selector, item, matches) => {
      const set = this.bySelector.get(selector);
      if (set === undefined) return;
      for (const net of this.items.get(item)?.nets ?? []) this.count(set, net, matches);
    });
  }

  get size(): number {
    const sets = this.bySelector.size + this.byPort.size;
    return this.items.size + this.index.size + sets + this.portOwners.size + this.counts.size;
  }

  get evaluations(): number {
    return this.index.evaluations;
  }

  /** Each set comes once before it goes. */
  set(set: SetDefinition, active: boolean): void {
    switch (set.kind) {
      case 'nets':
        for (const net of set.nets) this.count(set.id, net, active);
        return;
      case 'selector':
        // the index says what matched, so the set is known before and after
        this.bySelector.set(set.selector.text, set.id);
        if (active) this.index.addSelector(set.selector);
        else this.index.removeSelector(set.selector.text);
        if (!active) this.bySelector.delete(set.selector.text);
        return;
      case 'named': {
        const port = `${set.protocol} ${set.name}`;
        if (active) this.byPort.set(port, set.id);
        else this.byPort.delete(port);
        for (const item of this.portOwners.of(port))
          for (const member of portsOf(this.items.get(item) ?? NOTHING, port))
            this.countPort(set.id, member, active);
      }
    }
  }

  /** Undefined: the item is not there. */
  labels(item: string, labels: LabelMap | undefined): void {
    this.index.setItem(item, labels);
  }

  /** Undefined: the item is not there. */
  item(id: string, now: Contribution | undefined): void {
    const before = this.items.get(id);
    if (now) this.items.set(id, now);
    else this.items.delete(id);
    // first what comes, so that what stays does not go in between
    const sets = this.index.selectorsOf(id).map((selector) => this.bySelector.get(selector));
    for (const [contribution, member] of [
      [now, true],
      [before, false],
    ] as const) {
      if (!contribution) continue;
      for (const set of sets)
        if (set !== undefined) for (const net of contribution.nets) this.count(set, net, member);
      for (const port of portNames(contribution)) {
        const set = this.byPort.get(port);
        if (set === undefined) continue;
        for (const one of portsOf(contribution, port)) this.countPort(set, one, member);
      }
    }
    for (const port of portNames(before ?? NOTHING)) this.portOwners.remove(port, id);
    for (const port of portNames(now ?? NOTHING)) this.portOwners.add(port, id);
  }

  private count(set: SetId, net: Net, member: boolean): void {
    if (this.counts.count(set, net.text, member)) this.events.net(set, net, member);
  }

  private countPort(set: SetId, port: string, member: boolean): void {
    if (this.counts.count(set, port, member)) this.events.port(set, port, member);
  }
}

/** "PROTOCOL NAME" of each, once. */
function portNames({ ports }: Contribution): Set<string> {
  return new Set(ports.map(({ protocol, name }) => `${protocol} ${name}`));
}

function portsOf({ nets, ports }: Contribution, named: string): string[] {
  const out: string[] = [];
  for (const { name, protocol, port } of ports)
    if (`${protocol} ${name}` === named)
      for (const net of nets) out.push(`${addressOf(net)}/${protocolNumber(protocol)}/${port}`);
  return out;
}
