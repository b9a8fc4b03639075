// SPDX-License-Identifier: Apache-2.0
/**
 * Arbitrary histories: a configuration, then packets and changes. A history is made of objects and
 * bytes, not of choices, so that taking something away leaves the rest as it was: that is how it
 * shrinks.
 */
import fc, { type Random, type Stream } from 'fast-check';
import type { StoredObject } from '../../src/model/index.js';
import { proposeChange } from './changes.js';
import { arrival } from './arrivals.js';
import { Choose } from './choose.js';
import { anyTwist, type Twist } from './answers.js';
import { populate } from './configuration.js';
import { populateOutside } from './outside.js';
import { anyFlow, flowOutside, packetOf, reverse, type Flow, type Packet } from './packets.js';
import { noise, request } from './requests.js';
import { populatePolicies } from './policies.js';
import { Scene, type Change } from './scene.js';
import { smaller } from './shrink.js';

export type Step =
  | { readonly kind: 'packet'; readonly packet: Packet; readonly id?: number }
  /** A packet that answers what became of an earlier one. */
  | { readonly kind: 'answer'; readonly of: number; readonly twist: Twist; readonly id: number }
  | { readonly kind: 'change'; readonly change: Change };

export interface History {
  readonly start: Change;
  readonly steps: readonly Step[];
  /** Runs the build that tells where packets are redirected to, not the one that is shipped. */
  readonly observed: boolean;
}

const STEPS = 50;
/** How many histories of a hundred are about the outside, too. */
export const OUTSIDE = Number(process.env.TRANSIT_OUTSIDE ?? 50);

/** How many have policies. */
export const POLICIES = Number(process.env.TRANSIT_POLICIES ?? 40);

/** All of a scene as the one change that makes it out of nothing. */
function everything(scene: Scene): Change {
  return {
    objects: [...scene.objects.values()].map((object: StoredObject) => ({
      kind: object.kind,
      name: object.metadata.name,
      object,
    })),
    devices: Object.fromEntries(scene.devices),
    ways: Object.fromEntries(scene.ways),
    outsideRoutes: Object.fromEntries(scene.outsideRoutes),
    neighbours: Object.fromEntries(scene.neighbours),
  };
}

class Author {
  private readonly flows: Flow[] = [];
  private readonly sent: Packet[] = [];
  private ids = 0;
  /** Somebody who opens connections until nothing is left. */
  private readonly greedy: Flow | undefined;

  constructor(
    private readonly c: Choose,
    private readonly scene: Scene,
  ) {
    if (scene.leadsOutside && c.chance(8)) this.greedy = flowOutside(c, scene);
  }

  step(): Step | undefined {
    if (this.c.chance(9)) {
      const change = proposeChange(this.c, this.scene);
      return change && this.scene.apply(change) ? { kind: 'change', change } : undefined;
    }
    const id = this.ids++;
    if (this.greedy && id > 3) {
      // of one parity: half of a block
      const flow = { ...this.greedy, sport: this.greedy.sport + 2 * id };
      const packet = packetOf(this.c, this.scene, flow, 'none');
      if (packet) return { kind: 'packet', packet, id };
    }
    if (id > 0 && this.scene.leadsOutside && this.c.chance(40)) {
      const recent = Math.max(0, id - 12);
      const of = recent + this.c.below(id - recent);
      return { kind: 'answer', of, twist: anyTwist(this.c), id };
    }
    const packet = this.packet();
    if (!packet) return undefined;
    this.sent.push(packet);
    return { kind: 'packet', packet, id };
  }

  private packet(): Packet | undefined {
    if (this.scene.leadsOutside && this.c.chance(18)) return arrival(this.c);
    const kind = this.c.below(100);
    if (kind < 8) return request(this.c, this.scene);
    if (kind < 11) return noise(this.c, this.scene);
    if (kind < 25) return this.c.maybe(this.sent);
    const known = this.c.maybe(this.flows);
    let flow = kind < 65 && known ? known : anyFlow(this.c, this.scene);
    if (!flow) return undefined;
    if (flow !== known) this.flows.push(flow);
    else if (this.c.chance(45)) flow = reverse(flow);
    return packetOf(this.c, this.scene, flow);
  }
}

function author(random: Random): History {
  const c = new Choose(random);
  const scene = new Scene();
  populate(c, scene);
  const outside = c.chance(OUTSIDE);
  if (outside) populateOutside(c, scene);
  if (c.chance(POLICIES)) populatePolicies(c, scene);
  const start = everything(scene);
  const writer = new Author(c, scene);
  const steps: Step[] = [];
  for (let n = 0; n < 2 * STEPS && steps.length < STEPS; n++) {
    const step = writer.step();
    if (step) steps.push(step);
  }
  return { start, steps, observed: c.chance(25) };
}

class HistoryArbitrary extends fc.Arbitrary<History> {
  generate(random: Random): fc.Value<History> {
    return new fc.Value(author(random), undefined);
  }

  canShrinkWithoutContext(_value: unknown): _value is History {
    return true;
  }

  shrink(history: History): Stream<fc.Value<History>> {
    return fc.stream(smaller(history)).map((candidate) => new fc.Value(candidate, undefined));
  }
}

export function histories(): fc.Arbitrary<History> {
  return new HistoryArbitrary();
}
