// SPDX-License-Identifier: Apache-2.0
/**
 * Objects and facts in, changes of tables out. Incremental: what changed is marked, flush() computes
 * the marked in the order of dependence and returns the difference to the flush before:
 *
 *     Vpc ─► Host ─► Subnet, Droplet ─► Endpoint ─► Route ─► VTEP
 *
 * Which VPCs a delta touches. A flow record holds what a walk concluded, until its VPC's generation
 * is raised. It holds MACs, devices, the MTU of a local device and indexes of nh, ep and vpc:
 * - A vpc, ep, addr or route entry that came, went or changed may change a walk's conclusion: touched.
 *   A new one too, as its address or prefix may have been matched by a shorter prefix.
 * - nh entries are read by index on each packet, the MTU included; whatever changes in one is in
 *   effect on the next packet, and an unresolved one makes it walk: not touched.
 * - nh_group entries are read by walks only, and their index stands for their members: what uses
 *   another group has another route entry.
 * - A VTEP that goes takes the index of its next hop along. Records of any VPC may name it, as a
 *   known VTEP may send into any VPC and replies follow: every VPC is touched, lest the index's
 *   next owner gets their packets. A VTEP that comes was in no record.
 * - `local` entries are read on each packet.
 */
import type { EndpointSpec } from '../../model/index.js';
import { IndexUses } from './index-uses.js';
import { Inputs } from './inputs.js';
import {
  TABLE_NAMES,
  type Delta,
  type DesiredDevice,
  type DesiredDroplet,
  type DeviceFact,
  type DropletFact,
  type EpEntry,
  type Indexes,
  type ObjectChange,
  type Removal,
  type TableName,
  type Tables,
  type UnderlayFact,
  type Upsert,
  type VpcEntry,
} from './output.js';
import { dropletOutput } from './droplet.js';
import { endpointOutput } from './endpoint.js';
import { routeOutput } from './route.js';
import { same } from './same.js';
import { subnetOutput } from './subnet.js';
import { SharedTable, Tracked, type Change } from './tracked.js';
import { Underlay } from './underlay.js';
import {
  entry,
  INDEX_EXHAUSTED_REASON,
  type Context,
  type Output,
  type Problem,
  type ProgrammedVpc,
  type Target,
} from './unit.js';
import { vpcOutput } from './vpc.js';
import { vtepOutput } from './vtep.js';

type Unit = 'Vpc' | 'Subnet' | 'Droplet' | 'Endpoint' | 'Route';
type Value = Tables[TableName];

/** The calculation of one host's part. */
export class Calculator {
  private readonly inputs = new Inputs();
  private readonly underlayView: Underlay;
  private readonly uses: IndexUses;
  private readonly vpcs = new Map<string, ProgrammedVpc>();
  private readonly targets = new Map<string, Target>();
  private readonly ctx: Context;

  /** What each object contributed last, by "Kind/name". */
  private readonly outputs = new Map<string, Output>();
  private readonly tables: Readonly<Record<TableName, SharedTable<Value>>> = {
    vpc: new SharedTable(),
    nh: new SharedTable(),
    nh_group: new SharedTable(),
    vtep: new SharedTable(),
    local: new SharedTable(),
    ep: new SharedTable(),
    addr: new SharedTable(),
    route: new SharedTable(),
  };
  private readonly devices = new Tracked<DesiredDevice>();
  private readonly droplets = new Tracked<DesiredDroplet>();
  private readonly vteps = new Tracked<true>();
  /** VTEPs that have a user. */
  private readonly vtepAddresses = new Set<string>();
  private readonly problems = new Tracked<{ kind: Unit; name: string; problem: Problem }>();
  /** Objects that found no free index: tried again at each flush. */
  private readonly retry = new Map<string, { readonly kind: Unit; readonly name: string }>();

  constructor(
    deps: { readonly indexes: Indexes },
    opts: { readonly host: string; readonly vxlanPort: number },
  ) {
    this.underlayView = new Underlay(this.inputs, opts.host);
    this.uses = new IndexUses(deps.indexes);
    this.ctx = {
      host: opts.host,
      vxlanPort: opts.vxlanPort,
      inputs: this.inputs,
      underlay: this.underlayView,
      uses: this.uses,
      vpcs: this.vpcs,
      targets: this.targets,
      macs: new WeakMap<EndpointSpec, string>(),
    };
  }

  /** Objects that appeared, changed or went. */
  objects(changes: readonly ObjectChange[]): void {
    for (const change of changes) this.inputs.object(change);
  }

  /** What became of a local endpoint's device. Kept until told otherwise, also without the endpoint. */
  device(fact: DeviceFact): void {
    this.inputs.device(fact);
  }

  /** The way to a VTEP. Kept until told otherwise: whoever stops following one says "no way". */
  underlay(fact: UnderlayFact): void {
    this.inputs.underlay(fact);
  }

  /** A droplet's device. Kept until told otherwise, also without the droplet. */
  droplet(fact: DropletFact): void {
    this.inputs.droplet(fact);
  }

  /** Whether a flush has something to compute. */
  get dirty(): boolean {
    return Object.values(this.inputs.dirty).some((names) => names.size > 0);
  }

  /**
   * What changed since the last flush. Upserts and removals are in an order that may be written.
   * @param limit computes so many endpoints and routes at most; the rest stays dirty, and indexes
   * that nobody uses any more are kept back until nothing is.
   */
  flush(limit = Infinity): Delta {
    const { dirty } = this.inputs;
    for (const { kind, name } of this.retry.values()) dirty[kind].add(name);
    this.retry.clear();
    this.computeVpcs();
    this.computeHosts();
    drain(dirty.Subnet, (name) => {
      const spec = this.inputs.subnets.get(name);
      this.commit('Subnet', name, spec && subnetOutput(this.ctx, spec));
    });
    drain(dirty.Droplet, (name) => {
      const spec = this.inputs.droplets.get(name);
      this.commit('Droplet', name, spec && dropletOutput(this.ctx, name, spec));
    });
    const left = drain(
      dirty.Endpoint,
      (name) => {
        this.computeEndpoint(name);
      },
      limit,
    );
    drain(
      dirty.Route,
      (name) => {
        const spec = this.inputs.routes.get(name);
        this.commit('Route', name, spec && routeOutput(this.ctx, spec));
      },
      left,
    );
    drain(dirty.Vtep, (address) => {
      const output = vtepOutput(this.ctx, address);
      this.contribute(`Vtep/${address}`, output);
      this.vteps.set(address, output && true);
    });
    return this.delta();
  }

  private computeVpcs(): void {
    const { dirty } = this.inputs;
    drain(dirty.Vpc, (name) => {
      const spec = this.inputs.vpcs.get(name);
      const result = spec && vpcOutput(this.ctx, name, spec);
      this.commit('Vpc', name, result?.output);
      const before = this.vpcs.get(name);
      if (result?.vpc) this.vpcs.set(name, result.vpc);
      else this.vpcs.delete(name);
      // A Vpc that came or went without being programmed changes what its objects complain about.
      if (before && same(before, result?.vpc)) return;
      markAll(dirty.Subnet, this.inputs.subnetsOfVpc.of(name));
      markAll(dirty.Endpoint, this.inputs.endpointsOfVpc.of(name));
      markAll(dirty.Route, this.inputs.routesOfVpc.of(name));
    });
  }

  private computeHosts(): void {
    const { dirty, endpointsOfHost, endpoints, routes } = this.inputs;
    drain(dirty.Host, (host) => {
      const before = this.underlayView.addresses(host);
      const changed = this.underlayView.refreshHost(host);
      if (host !== this.ctx.host) {
        if (changed) markAll(dirty.Endpoint, endpointsOfHost.of(host));
        return;
      }
      const change = this.underlayView.refreshLocal(before);
      if (change.families) markAll(dirty.Endpoint, endpoints.keys());
      else if (change.mtu) markAll(dirty.Endpoint, endpointsOfHost.of(host));
      if (change.addresses)
        for (const [name, spec] of routes) if (spec.nexthops) dirty.Route.add(name);
      // Source, TTL and DSCP of each next hop are the local droplets'.
      for (const vtep of this.vtepAddresses) dirty.Vtep.add(vtep);
    });
  }

  private computeEndpoint(name: string): void {
    const spec = this.inputs.endpoints.get(name);
    const output = spec && endpointOutput(this.ctx, name, spec);
    this.commit('Endpoint', name, output);
    if (output?.target) this.targets.set(name, output.target);
    else this.targets.delete(name);
    markAll(this.inputs.dirty.Route, this.inputs.routesViaEndpoint.of(name));
  }

  private commit(kind: Unit, name: string, output: Output | undefined): void {
    const owner = `${kind}/${name}`;
    this.contribute(owner, output);
    if (kind === 'Endpoint') this.devices.set(name, output?.device);
    if (kind === 'Droplet') this.droplets.set(name, output?.droplet);
    const problem = output?.problem;
    this.problems.set(owner, problem && { kind, name, problem });
    if (problem?.reason === INDEX_EXHAUSTED_REASON) this.retry.set(owner, { kind, name });
  }

  /** Puts an owner's new contributions in place of its old ones. */
  private contribute(owner: string, output: Output | undefined): void {
    const old = this.outputs.get(owner);
    if (output) this.outputs.set(owner, output);
    else this.outputs.delete(owner);
    const now = output?.entries ?? [];
    for (const { table, key, value } of now) this.tables[table].set(owner, key, value);
    for (const { table, key } of old?.entries ?? [])
      if (!now.some((other) => other.table === table && other.key === key))
        this.tables[table].unset(owner, key);
    // New uses first: an index that stays in use must not look unused in between.
    for (const use of output?.uses ?? [])
      if (this.uses.add(use) && use.space === 'nexthop') this.vtepChanged(use.key, true);
    for (const use of old?.uses ?? [])
      if (this.uses.remove(use) && use.space === 'nexthop') this.vtepChanged(use.key, false);
  }

  private vtepChanged(address: string, used: boolean): void {
    if (used) this.vtepAddresses.add(address);
    else this.vtepAddresses.delete(address);
    this.inputs.dirty.Vtep.add(address);
  }

  private delta(): Delta {
    const upserts: Upsert[] = [];
    const removed: Removal[] = [];
    const touched = new Set<number>();
    for (const table of TABLE_NAMES) {
      for (const change of this.tables[table].drain()) {
        const { key, now } = change;
        if (now === undefined) removed.push({ table, key });
        else upserts.push(entry(table, key, now));
        this.touch(table, change, touched);
      }
    }
    const problems = this.problems.drain().map(({ before, now }) => ({
      kind: (now ?? before)?.kind ?? 'Vpc',
      name: (now ?? before)?.name ?? '',
      problem: now?.problem,
    }));
    return {
      upserts,
      removals: removed.reverse(),
      touchedVpcs: [...touched].sort((a, b) => a - b),
      devices: new Map(this.devices.drain().map(({ key, now }) => [key, now])),
      droplets: new Map(this.droplets.drain().map(({ key, now }) => [key, now])),
      vteps: new Map(this.vteps.drain().map(({ key, now }) => [key, now === true])),
      findings: problems,
      // Last: the VNIs of removed entries are looked up above. What is still dirty shows the old
      // indexes in its entries: none of them may be given to another key yet.
      released: this.dirty ? [] : this.uses.sweep(),
    };
  }

  /** See the file's comment. */
  private touch(table: TableName, change: Change<Value>, touched: Set<number>): void {
    if (table === 'addr' || table === 'route') {
      const vni = change.key.slice(0, change.key.indexOf('/'));
      const index = this.uses.peek('vpc', vni);
      if (index !== undefined) touched.add(index);
    } else if (table === 'vpc' || table === 'ep') {
      for (const value of [change.before, change.now] as (VpcEntry | EpEntry | undefined)[])
        if (value) touched.add(value.vpc);
    } else if (table === 'vtep' && change.now === undefined) {
      for (const vpc of this.vpcs.values()) touched.add(vpc.index);
    }
  }
}

/** Takes names out; what is added meanwhile is taken too. @returns what is left of the limit */
function drain(names: Set<string>, compute: (name: string) => void, limit = Infinity): number {
  let left = limit;
  for (const name of names) {
    if (left <= 0) break;
    left--;
    names.delete(name);
    compute(name);
  }
  return left;
}

function markAll(names: Set<string>, more: Iterable<string>): void {
  for (const name of more) names.add(name);
}
