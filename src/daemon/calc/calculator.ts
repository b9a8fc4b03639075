// SPDX-License-Identifier: Apache-2.0
/**
 * Objects and facts in, changes of tables out. Incremental: what changed is marked, flush() computes
 * the marked in the order of dependence and returns the difference to the flush before:
 *
 *     Vpc ─► Host ─► Peering ─► Subnet, Droplet ─► NatGateway ─► Endpoint ─► Route, PublicIp,
 *         PortForward ─► VirtualService ─► Vpc's way outside, VPC 0 ─► VTEP, next hop outside, server
 *
 * Which VPCs a delta touches: see touch.ts.
 */
import type { ConnectionLimits, EndpointSpec, Kind } from '../../model/index.js';
import { IndexUses } from './index-uses.js';
import { Inputs, type Dirty } from './inputs.js';
import {
  type Delta,
  type DesiredDevice,
  type DesiredDroplet,
  type DeviceFact,
  type DropletFact,
  type Indexes,
  type ObjectChange,
  type OutsideFact,
  type UnderlayFact,
} from './output.js';
import { Contributions } from './contributions.js';
import { dropletOutput } from './droplet.js';
import { endpointOutput } from './endpoint.js';
import { natGatewayOutput } from './nat-gateway.js';
import {
  isOutsideHop,
  neighbourOf,
  outsideHopOutput,
  outsideNeighbourOutput,
  outsideRouteOutput,
  vpcOutsideOutput,
  vpcZeroOutput,
} from './outside.js';
import { peeringOutput } from './peering.js';
import { portForwardOutput, publicIpOutput } from './public.js';
import type { EndpointPrograms } from './policy/graph.js';
import type { Membership } from './policy/judge.js';
import { PolicyPart, type PolicyPlace } from './policy/part.js';
import { References } from './references.js';
import { routeOutput } from './route.js';
import { same } from './same.js';
import { serverHopKey, serverHopOutput, serverOfHop, virtualServiceOutput } from './service.js';
import { subnetOutput } from './subnet.js';
import { Touched } from './touch.js';
import { Tracked } from './tracked.js';
import { Underlay } from './underlay.js';
import {
  INDEX_EXHAUSTED_REASON,
  type Context,
  type Output,
  isGatewayHere,
  type PeeringPools,
  type Problem,
  type ProgrammedGateway,
  type ProgrammedVpc,
  type Target,
} from './unit.js';
import { vpcOutput } from './vpc.js';
import { vtepOutput } from './vtep.js';

/** Owners that must come behind all objects: a Route or a Subnet of the same prefix is shown. */
const VPC_OUTSIDE = 'VpcOutside/';
/** Behind those of public addresses, too. */
const KERNEL_ROUTE = 'outside-route/';
const NEIGHBOUR = 'outside-neighbour/';

const NO_LIMITS = { connections: 0, halfOpen: 0, newPerSecond: 0, burst: 0 };

/** What policies say of an endpoint of this host. */
export interface LocalPolicy {
  readonly has: EndpointPrograms;
  /** Undefined: it is not programmed. */
  readonly place?: PolicyPlace;
  /** Why it is closed, whatever its rules say. */
  readonly problem?: Problem;
}

/** The calculation of one host's part. */
export class Calculator {
  private readonly inputs = new Inputs();
  private readonly underlayView: Underlay;
  private readonly uses: IndexUses;
  private readonly vpcs = new Map<string, ProgrammedVpc>();
  private readonly targets = new Map<string, Target>();
  private readonly gateways = new Map<string, ProgrammedGateway>();
  /** By name of the Peering. */
  private readonly pools = new Map<string, readonly PeeringPools[]>();
  private readonly reach = new References();
  /** Indexes of the VPCs of Peerings, by name. */
  private readonly peers = new Map<string, readonly number[]>();
  private readonly ctx: Context;

  /** Of objects by "Kind/name". */
  private readonly contributions: Contributions;
  private readonly devices = new Tracked<DesiredDevice>();
  private readonly droplets = new Tracked<DesiredDroplet>();
  /** VTEPs and servers, by address. */
  private readonly vteps = new Tracked<true>();
  /** VTEPs that have a user. */
  private readonly vtepAddresses = new Set<string>();
  /** Keys of next hops outside that have one, by "ifindex/address". */
  private readonly outsideHops = new References();
  private readonly policies: PolicyPart;
  /** Endpoints that are closed because their policies do not fit. */
  private readonly denials = new Map<string, Problem>();
  private readonly problems = new Tracked<{ kind: Kind; name: string; problem: Problem }>();
  /** Objects that found no free index: tried again at each flush. */
  private readonly retry = new Map<string, { readonly kind: keyof Dirty; readonly name: string }>();

  constructor(
    deps: { readonly indexes: Indexes },
    opts: {
      readonly host: string;
      readonly vxlanPort: number;
      /** Of endpoints where neither they nor their VPC say anything. Default: none. */
      readonly limits?: Required<ConnectionLimits>;
      /** A program that denies all, of which there is no entry. Default: none that a table has. */
      readonly closed?: number;
    },
  ) {
    this.policies = new PolicyPart(deps, { host: opts.host, closed: opts.closed ?? 2 ** 32 - 1 });
    this.underlayView = new Underlay(this.inputs, opts.host);
    this.uses = new IndexUses(deps.indexes);
    this.contributions = new Contributions({
      uses: this.uses,
      reach: this.reach,
      onNexthop: (key, used) => {
        this.nexthopChanged(key, used);
      },
      onReach: (vpc) => {
        this.inputs.dirty.VpcOutside.add(vpc);
      },
    });
    this.ctx = {
      host: opts.host,
      vxlanPort: opts.vxlanPort,
      limits: opts.limits ?? NO_LIMITS,
      inputs: this.inputs,
      underlay: this.underlayView,
      uses: this.uses,
      vpcs: this.vpcs,
      targets: this.targets,
      gateways: this.gateways,
      pools: this.pools,
      reach: this.reach,
      macs: new WeakMap<EndpointSpec, string>(),
    };
  }

  /** Objects that appeared, changed or went. */
  objects(changes: readonly ObjectChange[]): void {
    for (const change of changes) {
      this.inputs.object(change);
      this.policies.object(change);
    }
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

  /** What the kernel knows of the outside. Kept until told otherwise. */
  outside(fact: OutsideFact): void {
    this.inputs.outside(fact);
  }

  /** Whether a flush has something to compute. */
  get dirty(): boolean {
    return this.policies.dirty || this.left;
  }

  /** What policies say of an endpoint of this host, as of the last flush; undefined: it is none. */
  localPolicy(endpoint: string): LocalPolicy | undefined {
    const local = this.policies.local(endpoint);
    const problem = this.denials.get(endpoint);
    return local && { ...local, ...(problem && { problem }) };
  }

  /** Which sets of rules addresses of a VPC with local endpoints are in. */
  policyMembership(vpc: string): Membership | undefined {
    return this.policies.membership(vpc);
  }

  /** Whether objects or facts are still to be computed. */
  private get left(): boolean {
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
    drain(dirty.Peering, (name) => {
      this.computePeering(name);
    });
    drain(dirty.Subnet, (name) => {
      const spec = this.inputs.subnets.get(name);
      this.commit('Subnet', name, spec && subnetOutput(this.ctx, spec));
    });
    drain(dirty.Droplet, (name) => {
      const spec = this.inputs.droplets.get(name);
      this.commit('Droplet', name, spec && dropletOutput(this.ctx, name, spec));
    });
    drain(dirty.NatGateway, (name) => {
      this.computeNatGateway(name);
    });
    const computeEndpoint = (name: string): void => {
      this.computeEndpoint(name);
    };
    const computeRoute = (name: string): void => {
      this.computeRoute(name);
    };
    let left = drain(dirty.Endpoint, computeEndpoint, limit);
    left = drain(dirty.Route, computeRoute, left);
    left = this.computePublic(left);
    left = this.computeServices(left);
    this.computeOutside(left);
    this.computeHops();
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
      this.policies.vpc(name, result?.vpc?.vni);
      // A Vpc that came or went without being programmed changes what its objects complain about.
      if (before && same(before, result?.vpc)) return;
      markAll(dirty.Subnet, this.inputs.subnetsOfVpc.of(name));
      markAll(dirty.Endpoint, this.inputs.endpointsOfVpc.of(name));
      markAll(dirty.Route, this.inputs.routesOfVpc.of(name));
      markAll(dirty.NatGateway, this.inputs.natGatewaysOfVpc.of(name));
      markAll(dirty.VirtualService, this.inputs.servicesSeenBy(name));
      markAll(dirty.Peering, this.inputs.peeringsOfVpc.of(name));
      dirty.VpcOutside.add(name);
      dirty.VpcZero.add('');
    });
  }

  private computePeering(name: string): void {
    const spec = this.inputs.peerings.get(name);
    const output = spec && peeringOutput(this.ctx, spec);
    this.commit('Peering', name, output);
    if (output?.peers) this.peers.set(name, output.peers);
    else this.peers.delete(name);
    const before = this.pools.get(name);
    const now = output?.pools;
    if (now) this.pools.set(name, now);
    else this.pools.delete(name);
    if (same(before, now)) return;
    for (const vpc of new Set([...(before ?? []), ...(now ?? [])].map((pool) => pool.vpc)))
      markAll(this.inputs.dirty.Endpoint, this.inputs.endpointsOfVpc.of(vpc));
  }

  private computeHosts(): void {
    const { dirty, endpointsOfHost, endpoints, routes } = this.inputs;
    const { vpcsOfOutsideHost, peeringsOfHost } = this.inputs;
    drain(dirty.Host, (host) => {
      markAll(dirty.VpcOutside, vpcsOfOutsideHost.of(host));
      markAll(dirty.Peering, peeringsOfHost.of(host));
      const before = this.underlayView.addresses(host);
      const changed = this.underlayView.refreshHost(host);
      if (host !== this.ctx.host) {
        if (changed) markAll(dirty.Endpoint, endpointsOfHost.of(host));
        return;
      }
      dirty.VpcZero.add('');
      markAll(dirty.VirtualService, this.inputs.virtualServices.keys());
      const change = this.underlayView.refreshLocal(before);
      if (change.families) {
        for (const [name, vpc] of this.vpcs) if (vpc.outsideHost) dirty.VpcOutside.add(name);
        for (const [name, peering] of this.inputs.peerings)
          if (peering.host) dirty.Peering.add(name);
      }
      if (change.families) markAll(dirty.Endpoint, endpoints.keys());
      else if (change.mtu) markAll(dirty.Endpoint, endpointsOfHost.of(host));
      if (change.addresses)
        for (const [name, spec] of routes) if (spec.nexthops) dirty.Route.add(name);
      // Source, TTL and DSCP of each next hop are the local droplets'.
      for (const vtep of this.vtepAddresses) dirty.Vtep.add(vtep);
      for (const { server } of this.inputs.virtualServices.values())
        dirty.Vtep.add(serverHopKey(server.address));
    });
  }

  private computeEndpoint(name: string): void {
    const spec = this.inputs.endpoints.get(name);
    const output = spec && endpointOutput(this.ctx, name, spec);
    this.commit('Endpoint', name, output);
    if (output?.target) this.targets.set(name, output.target);
    else this.targets.delete(name);
    this.policies.place(name, spec && this.placeOf(name, spec));
    const { dirty } = this.inputs;
    markAll(dirty.Route, this.inputs.routesViaEndpoint.of(name));
    markAll(dirty.PublicIp, this.inputs.publicIpsOfEndpoint.of(name));
    markAll(dirty.PortForward, this.inputs.portForwardsOfEndpoint.of(name));
  }

  private placeOf(name: string, { vpc }: EndpointSpec): PolicyPlace | undefined {
    const entry = this.targets.get(name)?.entry;
    const vni = this.vpcs.get(vpc)?.vni;
    return vni !== undefined && entry?.kind === 'local' ? { vni, index: entry.ep } : undefined;
  }

  private computeRoute(name: string): void {
    const spec = this.inputs.routes.get(name);
    this.commit('Route', name, spec && routeOutput(this.ctx, spec));
  }

  private computeNatGateway(name: string): void {
    const spec = this.inputs.natGateways.get(name);
    const output = spec && natGatewayOutput(this.ctx, name, spec);
    this.commit('NatGateway', name, output);
    const before = this.gateways.get(name);
    const now = output?.gateway;
    if (now) this.gateways.set(name, now);
    else this.gateways.delete(name);
    if (same(before, now)) return;
    const vpcs = [...(before?.sources ?? []), ...(now?.sources ?? [])].map(({ vpc }) => vpc);
    for (const vpc of new Set(vpcs))
      markAll(this.inputs.dirty.Endpoint, this.inputs.endpointsOfVpc.of(vpc));
  }

  private computePublic(limit: number): number {
    const { dirty, publicIps, portForwards } = this.inputs;
    const left = drain(
      dirty.PublicIp,
      (name) => {
        const spec = publicIps.get(name);
        this.commit('PublicIp', name, spec && publicIpOutput(this.ctx, spec));
      },
      limit,
    );
    return drain(
      dirty.PortForward,
      (name) => {
        const spec = portForwards.get(name);
        this.commit('PortForward', name, spec && portForwardOutput(this.ctx, spec));
      },
      left,
    );
  }

  private computeServices(limit: number): number {
    return drain(
      this.inputs.dirty.VirtualService,
      (name) => {
        const spec = this.inputs.virtualServices.get(name);
        this.commit('VirtualService', name, spec && virtualServiceOutput(this.ctx, name, spec));
        if (spec) this.inputs.dirty.Vtep.add(serverHopKey(spec.server.address));
      },
      limit,
    );
  }

  private computeOutside(limit: number): void {
    const { dirty, outsideRoutes, outsideNeighbours } = this.inputs;
    drain(dirty.VpcOutside, (name) => {
      const output = vpcOutsideOutput(this.ctx, name);
      this.contribute('VpcOutside', `${VPC_OUTSIDE}${name}`, name, output);
      this.complain('Vpc', name);
    });
    drain(dirty.VpcZero, () => {
      this.contributions.put('Vpc 0', vpcZeroOutput(this.ctx));
    });
    const left = drain(
      dirty.OutsideRoute,
      (prefix) => {
        const route = outsideRoutes.get(prefix);
        const output = route && outsideRouteOutput(this.ctx, prefix, route);
        this.contribute('OutsideRoute', `${KERNEL_ROUTE}${prefix}`, prefix, output);
      },
      limit,
    );
    drain(
      dirty.OutsideNeighbour,
      (id) => {
        const neighbour = outsideNeighbours.get(id);
        const output = neighbour && outsideNeighbourOutput(this.ctx, id, neighbour);
        this.contribute('OutsideNeighbour', `${NEIGHBOUR}${id}`, id, output);
        markAll(dirty.Vtep, this.outsideHops.of(id));
      },
      left,
    );
  }

  private computeHops(): void {
    drain(this.inputs.dirty.Vtep, (key) => {
      if (isOutsideHop(key)) {
        this.contributions.put(`Hop/${key}`, outsideHopOutput(this.ctx, key));
        return;
      }
      const server = serverOfHop(key);
      const output =
        server === undefined ? vtepOutput(this.ctx, key) : serverHopOutput(this.ctx, key);
      this.contributions.put(`Vtep/${key}`, output);
      this.follow(server ?? key);
    });
  }

  /** The way to an address is followed while a VTEP or a server has it. */
  private follow(address: string): void {
    const used =
      this.contributions.of(`Vtep/${address}`) ??
      this.contributions.of(`Vtep/${serverHopKey(address)}`);
    this.vteps.set(address, used && true);
  }

  private commit(kind: Kind, name: string, output: Output | undefined): void {
    const owner = `${kind}/${name}`;
    this.contribute(kind, owner, name, output);
    if (kind === 'Endpoint') this.devices.set(name, output?.device);
    if (kind === 'Droplet') this.droplets.set(name, output?.droplet);
    this.complain(kind, name);
  }

  private contribute(
    kind: keyof Dirty,
    owner: string,
    name: string,
    output: Output | undefined,
  ): void {
    this.contributions.put(owner, output);
    if (output?.problem?.reason === INDEX_EXHAUSTED_REASON) this.retry.set(owner, { kind, name });
  }

  /** A Vpc has two outputs: its own problems come first. */
  private complain(kind: Kind, name: string): void {
    const owner = `${kind}/${name}`;
    const own = this.contributions.of(owner);
    const policy = kind === 'Endpoint' ? this.denials.get(name) : undefined;
    const outside = kind === 'Vpc' ? this.contributions.of(`${VPC_OUTSIDE}${name}`) : undefined;
    const problem = own?.problem ?? outside?.problem ?? policy;
    this.problems.set(owner, problem && { kind, name, problem });
  }

  private nexthopChanged(key: string, used: boolean): void {
    this.inputs.dirty.Vtep.add(key);
    if (isOutsideHop(key)) {
      const id = neighbourOf(key);
      if (used) this.outsideHops.add(id, key);
      else this.outsideHops.remove(id, key);
    } else if (serverOfHop(key) !== undefined) return;
    else if (used) this.vtepAddresses.add(key);
    else this.vtepAddresses.delete(key);
  }

  private delta(): Delta {
    const { vpcs } = this;
    const touched = new Touched({
      indexOf: (vni) => this.uses.peek('vpc', vni),
      all: () => [...vpcs.values()].map(({ index }) => index),
      outside: () =>
        [...vpcs.values()].filter((v) => isGatewayHere(this.ctx, v)).map(({ index }) => index),
      peers: () => this.peers.values(),
    });
    const { upserts, removals } = this.contributions.drain(touched);
    const policies = this.policies.flush();
    for (const vni of policies.vnis) touched.vni(vni);
    for (const { name, problem } of policies.findings) {
      if (problem) this.denials.set(name, problem);
      else this.denials.delete(name);
      this.complain('Endpoint', name);
    }
    return {
      upserts: [...upserts, ...policies.upserts],
      removals: [...removals, ...policies.removals],
      touchedVpcs: touched.list(),
      devices: new Map(this.devices.drain().map(({ key, now }) => [key, now])),
      droplets: new Map(this.droplets.drain().map(({ key, now }) => [key, now])),
      vteps: new Map(this.vteps.drain().map(({ key, now }) => [key, now === true])),
      findings: this.problems.drain().map(({ before, now }) => ({
        kind: (now ?? before)?.kind ?? 'Vpc',
        name: (now ?? before)?.name ?? '',
        problem: now?.problem,
      })),
      // Last: the VNIs of removed entries are looked up above. What is still dirty shows the old
      // indexes in its entries: none of them may be given to another key yet.
      released: [...policies.released, ...(this.left ? [] : this.uses.sweep())],
    };
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
