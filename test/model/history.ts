// SPDX-License-Identifier: Apache-2.0
/**
 * Arbitrary histories: a configuration, then packets and changes. A history is made of objects and
 * bytes, not of choices, so that taking something away leaves the rest as it was: that is how it
 * shrinks.
 */
import fc, { type Random, type Stream } from 'fast-check';
import type { StoredObject } from '../../src/model/index.js';
import { proposeChange } from './changes.js';
import { Choose } from './choose.js';
import { populate } from './configuration.js';
import { anyFlow, packetOf, reverse, type Flow, type Packet } from './packets.js';
import { noise, request } from './requests.js';
import { Scene, type Change } from './scene.js';
import { smaller } from './shrink.js';

export type Step =
  | { readonly kind: 'packet'; readonly packet: Packet }
  | { readonly kind: 'change'; readonly change: Change };

export interface History {
  readonly start: Change;
  readonly steps: readonly Step[];
  /** Runs the build that tells where packets are redirected to, not the one that is shipped. */
  readonly observed: boolean;
}

const STEPS = 50;

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
  };
}

class Author {
  private readonly flows: Flow[] = [];
  private readonly sent: Packet[] = [];

  constructor(
    private readonly c: Choose,
    private readonly scene: Scene,
  ) {}

  step(): Step | undefined {
    if (this.c.chance(9)) {
      const change = proposeChange(this.c, this.scene);
      return change && this.scene.apply(change) ? { kind: 'change', change } : undefined;
    }
    const packet = this.packet();
    if (!packet) return undefined;
    this.sent.push(packet);
    return { kind: 'packet', packet };
  }

  private packet(): Packet | undefined {
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
