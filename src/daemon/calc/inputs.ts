// SPDX-License-Identifier: Apache-2.0
/**
 * Everything the calculation was told, who refers to whom, and what has to be computed anew. A
 * change marks what reads it directly; what depends on a result is marked when the result changes.
 */
import type {
  DropletSpec,
  EndpointSpec,
  Kind,
  NatGatewaySpec,
  PeeringSpec,
  PortForwardSpec,
  PublicIpSpec,
  RouteSpec,
  SpecByKind,
  StoredObject,
  SubnetSpec,
  VirtualServiceSpec,
  VpcSpec,
} from '../../model/index.js';
import type {
  DeviceFact,
  DropletFact,
  ObjectChange,
  OutsideFact,
  OutsideNeighbour,
  OutsideRoute,
  UnderlayFact,
} from './output.js';
import { References } from './references.js';
import { same } from './same.js';

type Link = (references: References, to: string, from: string) => void;
const add: Link = (references, to, from) => {
  references.add(to, from);
};
const remove: Link = (references, to, from) => {
  references.remove(to, from);
};

/** Names to compute anew, by what they name. */
export type Dirty = Readonly<
  Record<
    | Kind
    | 'Host'
    | 'Vtep'
    | 'VpcOutside'
    /** Of one member. */
    | 'VpcZero'
    | 'OutsideRoute'
    | 'OutsideNeighbour',
    Set<string>
  >
>;

const ALL_VPCS = '';

/** Objects and facts, as they were told last. */
export class Inputs {
  readonly vpcs = new Map<string, VpcSpec>();
  readonly subnets = new Map<string, SubnetSpec>();
  readonly droplets = new Map<string, DropletSpec>();
  readonly endpoints = new Map<string, EndpointSpec>();
  readonly routes = new Map<string, RouteSpec>();
  readonly natGateways = new Map<string, NatGatewaySpec>();
  readonly publicIps = new Map<string, PublicIpSpec>();
  readonly portForwards = new Map<string, PortForwardSpec>();
  readonly virtualServices = new Map<string, VirtualServiceSpec>();
  readonly peerings = new Map<string, PeeringSpec>();

  readonly devices = new Map<string, NonNullable<DeviceFact['device']>>();
  readonly ways = new Map<string, NonNullable<UnderlayFact['way']>>();
  readonly dropletDevices = new Map<string, NonNullable<DropletFact['device']>>();
  readonly outsideRoutes = new Map<string, OutsideRoute>();
  /** By "ifindex/address". */
  readonly outsideNeighbours = new Map<string, OutsideNeighbour>();

  readonly vpcsOfVni = new References();
  readonly subnetsOfVpc = new References();
  readonly endpointsOfVpc = new References();
  readonly routesOfVpc = new References();
  readonly endpointsOfSubnet = new References();
  readonly dropletsOfHost = new References();
  readonly endpointsOfHost = new References();
  readonly routesViaEndpoint = new References();
  readonly routesViaVtep = new References();
  /** By "Vpc name/prefix". */
  readonly routesOfPrefix = new References();
  readonly vpcsOfOutsideHost = new References();
  readonly natGatewaysOfVpc = new References();
  readonly publicIpsOfEndpoint = new References();
  readonly portForwardsOfEndpoint = new References();
  readonly servicesOfVpc = new References();
  /** Those that all VPCs see, under one key. */
  readonly servicesOfAll = new References();
  readonly servicesOfServer = new References();
  readonly peeringsOfVpc = new References();
  /** By the host that keeps their connections. */
  readonly peeringsOfHost = new References();

  readonly dirty: Dirty = {
    Vpc: new Set(),
    Subnet: new Set(),
    Droplet: new Set(),
    Endpoint: new Set(),
    Route: new Set(),
    NatGateway: new Set(),
    PublicIp: new Set(),
    PortForward: new Set(),
    VirtualService: new Set(),
    Peering: new Set(),
    Profile: new Set(),
    Tier: new Set(),
    Policy: new Set(),
    NetworkSet: new Set(),
    Host: new Set(),
    Vtep: new Set(),
    VpcOutside: new Set(),
    VpcZero: new Set(),
    OutsideRoute: new Set(),
    OutsideNeighbour: new Set(),
  };

  object(change: ObjectChange): void {
    const { kind, name, object } = change;
    switch (kind) {
      case 'Vpc':
        this.replace(this.vpcs, name, specOf('Vpc', object), this.linkVpc);
        break;
      case 'Subnet':
        this.replace(this.subnets, name, specOf('Subnet', object), this.linkSubnet);
        break;
      case 'Droplet':
        this.replace(this.droplets, name, specOf('Droplet', object), this.linkDroplet);
        break;
      case 'Endpoint':
        this.replace(this.endpoints, name, specOf('Endpoint', object), this.linkEndpoint);
        break;
      case 'Route':
        this.replace(this.routes, name, specOf('Route', object), this.linkRoute);
        break;
      case 'NatGateway':
        this.replace(this.natGateways, name, specOf('NatGateway', object), this.linkNatGateway);
        break;
      case 'PublicIp':
        this.replace(this.publicIps, name, specOf('PublicIp', object), this.linkPublicIp);
        break;
      case 'PortForward':
        this.replace(this.portForwards, name, specOf('PortForward', object), this.linkPortForward);
        break;
      case 'VirtualService':
        this.replace(
          this.virtualServices,
          name,
          specOf('VirtualService', object),
          this.linkVirtualService,
        );
        break;
      case 'Peering':
        this.replace(this.peerings, name, specOf('Peering', object), this.linkPeering);
        break;
      case 'Profile':
      case 'Tier':
      case 'Policy':
      case 'NetworkSet':
        return; // of the graph of policies
    }
    this.dirty[kind].add(name);
  }

  device(fact: DeviceFact): void {
    if (this.fact(this.devices, fact.endpoint, fact.device)) this.dirty.Endpoint.add(fact.endpoint);
  }

  underlay(fact: UnderlayFact): void {
    if (!this.fact(this.ways, fact.vtep, fact.way)) return;
    this.dirty.Vtep.add(fact.vtep);
    for (const service of this.servicesOfServer.of(fact.vtep))
      this.dirty.VirtualService.add(service);
  }

  droplet(fact: DropletFact): void {
    if (!this.fact(this.dropletDevices, fact.droplet, fact.device)) return;
    this.dirty.Droplet.add(fact.droplet);
    const spec = this.droplets.get(fact.droplet);
    if (spec) this.dirty.Host.add(spec.host);
  }

  outside(fact: OutsideFact): void {
    if ('prefix' in fact) {
      if (this.fact(this.outsideRoutes, fact.prefix, fact.route))
        this.dirty.OutsideRoute.add(fact.prefix);
      return;
    }
    const id = `${fact.ifindex}/${fact.address}`;
    if (this.fact(this.outsideNeighbours, id, fact.neighbour)) this.dirty.OutsideNeighbour.add(id);
  }

  private fact<V>(map: Map<string, V>, key: string, value: V | undefined): boolean {
    if (same(map.get(key), value)) return false;
    if (value === undefined) map.delete(key);
    else map.set(key, value);
    return true;
  }

  private replace<S>(
    map: Map<string, S>,
    name: string,
    spec: S | undefined,
    link: (name: string, spec: S, op: Link) => void,
  ): void {
    const old = map.get(name);
    if (old !== undefined) link(name, old, remove);
    if (spec === undefined) map.delete(name);
    else map.set(name, spec);
    if (spec !== undefined) link(name, spec, add);
  }

  private readonly linkVpc = (name: string, spec: VpcSpec, op: Link): void => {
    op(this.vpcsOfVni, String(spec.vni), name);
    // Another VPC that claims the same VNI may win or lose it.
    for (const other of this.vpcsOfVni.of(String(spec.vni))) this.dirty.Vpc.add(other);
    if (spec.outside) op(this.vpcsOfOutsideHost, spec.outside.host, name);
  };

  private readonly linkSubnet = (name: string, spec: SubnetSpec, op: Link): void => {
    op(this.subnetsOfVpc, spec.vpc, name);
    this.dirty.Vpc.add(spec.vpc);
    // A gateway may compute ports from it.
    for (const gateway of this.natGatewaysOfVpc.of(spec.vpc)) this.dirty.NatGateway.add(gateway);
    for (const endpoint of this.endpointsOfSubnet.of(name)) this.dirty.Endpoint.add(endpoint);
  };

  private readonly linkDroplet = (name: string, spec: DropletSpec, op: Link): void => {
    op(this.dropletsOfHost, spec.host, name);
    this.dirty.Host.add(spec.host);
  };

  private readonly linkEndpoint = (name: string, spec: EndpointSpec, op: Link): void => {
    op(this.endpointsOfVpc, spec.vpc, name);
    op(this.endpointsOfSubnet, spec.subnet, name);
    op(this.endpointsOfHost, spec.host, name);
  };

  private readonly linkRoute = (name: string, spec: RouteSpec, op: Link): void => {
    op(this.routesOfVpc, spec.vpc, name);
    if (spec.endpoint !== undefined) op(this.routesViaEndpoint, spec.endpoint, name);
    for (const { vtep } of spec.nexthops ?? []) op(this.routesViaVtep, vtep, name);
    op(this.routesOfPrefix, `${spec.vpc}/${spec.prefix}`, name);
    // It takes the place of a way outside, or gives it free.
    if (this.vpcs.get(spec.vpc)?.outside) this.dirty.VpcOutside.add(spec.vpc);
  };

  private readonly linkNatGateway = (name: string, spec: NatGatewaySpec, op: Link): void => {
    for (const { vpc } of spec.sources) {
      op(this.natGatewaysOfVpc, vpc, name);
      this.dirty.VpcOutside.add(vpc);
    }
  };

  private readonly linkVirtualService = (
    name: string,
    spec: VirtualServiceSpec,
    op: Link,
  ): void => {
    for (const vpc of spec.vpcs ?? []) op(this.servicesOfVpc, vpc, name);
    if (spec.vpcs === undefined) op(this.servicesOfAll, ALL_VPCS, name);
    op(this.servicesOfServer, spec.server.address, name);
    this.dirty.VpcZero.add('');
  };

  /** Services that a VPC sees. */
  *servicesSeenBy(vpc: string): Generator<string> {
    yield* this.servicesOfVpc.of(vpc);
    yield* this.servicesOfAll.of(ALL_VPCS);
  }

  private readonly linkPublicIp = (name: string, spec: PublicIpSpec, op: Link): void => {
    op(this.publicIpsOfEndpoint, spec.endpoint, name);
    this.dirty.Endpoint.add(spec.endpoint);
  };

  private readonly linkPortForward = (name: string, spec: PortForwardSpec, op: Link): void => {
    op(this.portForwardsOfEndpoint, spec.endpoint, name);
    this.dirty.Endpoint.add(spec.endpoint);
  };

  private readonly linkPeering = (name: string, spec: PeeringSpec, op: Link): void => {
    for (const { vpc } of spec.sides) op(this.peeringsOfVpc, vpc, name);
    if (spec.host !== undefined) op(this.peeringsOfHost, spec.host, name);
  };
}

function specOf<K extends Kind>(
  kind: K,
  object: StoredObject | undefined,
): SpecByKind[K] | undefined {
  // Kind and spec belong together in StoredObject; the compiler cannot narrow by a type parameter.
  return object?.kind === kind ? (object.spec as SpecByKind[K]) : undefined;
}
