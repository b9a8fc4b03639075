// SPDX-License-Identifier: Apache-2.0
/**
 * One host: a configuration, what its packets have left behind, and the two ways a packet can come.
 * This is the model's face; everything it does is in the files beside it.
 */
import type { StoredObject } from '../../../src/model/index.js';
import { Agent } from './agent.js';
import { classify } from './classify.js';
import { FlowTable, FragmentTable } from './flows.js';
import { IcmpLimit, Refusals, type Allowed, type Moment } from './limit.js';
import { Mappings, type Choice } from './mappings.js';
import type { Outcome } from './outcome.js';
import { readFrame } from './parse.js';
import { Transit } from './transit.js';
import type { Surroundings, Vpc } from './destination.js';
import { World } from './world.js';

export interface HostOptions {
  readonly name: string;
  readonly hook: 'xdp' | 'tc';
  /** Room for flow records and for first fragments. */
  readonly flows: number;
  readonly fragments: number;
  /** The daemon's device, to which early fragments go; undefined: no daemon runs. */
  readonly daemon?: number | undefined;
  /** When the packet at hand is processed. */
  readonly now: () => Moment;
  /**
   * The frame that the program let go, when there is a choice the model cannot foresee: which public
   * address and port it took.
   */
  readonly emitted?: () => Uint8Array | undefined;
}

export interface EndpointTotals {
  tx_packets: number;
  tx_bytes: number;
  rx_packets: number;
  rx_bytes: number;
  tx_drops: number;
}

export class Host {
  world: World;
  readonly flows: FlowTable;
  readonly fragments: FragmentTable;
  readonly mappings = new Mappings();
  /** Of connections that found no port. */
  readonly refusals = new Refusals();
  readonly endpoints = new Map<string, EndpointTotals>();
  private readonly limit = new IcmpLimit();
  /** Raised for a VPC by each change that may concern one of its packets. */
  private readonly generations = new Map<number, number>();
  private fingerprints = new Map<number, string>();
  private changes = 0;

  constructor(private readonly options: HostOptions) {
    this.world = new World([], { devices: new Map(), ways: new Map() }, options.name);
    this.flows = new FlowTable(options.flows);
    this.fragments = new FragmentTable(options.fragments);
  }

  get hook(): 'xdp' | 'tc' {
    return this.options.hook;
  }

  get daemon(): number | undefined {
    return this.options.daemon;
  }

  /** Replaces the configuration. */
  configure(objects: readonly StoredObject[], around: Surroundings): void {
    this.enter(new World(objects, around, this.options.name));
  }

  /** Replaces the configuration. Records of the VPCs it concerns are old from now on. */
  enter(world: World): void {
    const before = this.world;
    const old = this.fingerprints;
    this.world = world;
    this.changes++;
    // records may name a VTEP whatever VPC they are of: its place may be another's next
    const vtepGone = [...before.vteps].some((vtep) => !this.world.vteps.has(vtep));
    this.fingerprints = new Map();
    for (const vni of new Set([...before.vpcs.keys(), ...this.world.vpcs.keys()])) {
      const now = this.world.fingerprint(vni);
      this.fingerprints.set(vni, now);
      if (vtepGone || old.get(vni) !== now) this.generations.set(vni, this.changes);
      if (!before.vpcs.has(vni) && this.changes > 1) this.limit.uncertain(vni);
    }
    const present = new Set([...this.world.endpoints.values()].map((e) => e.identity));
    for (const identity of this.endpoints.keys())
      if (!present.has(identity)) this.endpoints.delete(identity);
  }

  /** A frame that a workload sends, on the host's side of its device. */
  fromEndpoint(ifindex: number, frame: Uint8Array): Outcome {
    return new Agent(this, ifindex).process(frame);
  }

  /** A frame that arrives on a droplet. */
  fromWire(frame: Uint8Array, ifindex = 0): Outcome {
    return new Transit(this, ifindex).process(frame);
  }

  /** Public address and port that the program chose for the packet at hand. */
  observed(): Choice | undefined {
    const frame = this.options.emitted?.();
    if (!frame) return undefined;
    const { bytes, tunnelled } = classify(frame, () => false);
    // others may use our port outside
    const isOurs = tunnelled && this.world.own.has(tunnelled.src);
    const read = readFrame(isOurs ? tunnelled.inner : bytes);
    if (typeof read === 'string' || !read.ip) return undefined;
    return { address: read.ip.src, port: read.ip.sport };
  }

  generation(vni: number): number {
    return this.generations.get(vni) ?? 0;
  }

  /** Whether the rate limit lets an error go. */
  mayTell(vpc: Vpc): Allowed {
    return this.limit.take(vpc.vni, vpc.rate, vpc.burst, this.options.now());
  }

  /** Notes what an outcome counts for endpoints. */
  count(outcome: Outcome): void {
    for (const { identity, what, bytes } of outcome.counts) {
      const totals = this.endpoints.get(identity) ?? {
        tx_packets: 0,
        tx_bytes: 0,
        rx_packets: 0,
        rx_bytes: 0,
        tx_drops: 0,
      };
      this.endpoints.set(identity, totals);
      if (what === 'tx_drop') totals.tx_drops++;
      else {
        totals[`${what}_packets`]++;
        totals[`${what}_bytes`] += bytes;
      }
    }
  }
}
