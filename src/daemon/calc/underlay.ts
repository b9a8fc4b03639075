// SPDX-License-Identifier: Apache-2.0
/** Which underlay addresses the hosts have, and which of them a VPC's packets go to. */
import type { Family } from '../../base/net.js';
import type { DropletSpec, VpcSpec } from '../../model/index.js';
import type { Inputs } from './inputs.js';
import { same } from './same.js';

/**
 * A host's VTEP address of each family: of its first droplet, by name, that has the family.
 * Droplets that lead outside are taken only where there is no other: tunnels stay inside.
 */
export interface HostAddresses {
  readonly 4: string | undefined;
  readonly 6: string | undefined;
}

/** A droplet of this host; what is its device's is undefined while that is not there. */
export interface LocalDroplet {
  readonly name: string;
  readonly spec: DropletSpec;
  readonly ifindex: number | undefined;
  readonly mtu: number | undefined;
  readonly mac: string | undefined;
}

/** What changed about this host: who has to be computed anew. */
export interface LocalChange {
  readonly families: boolean;
  readonly addresses: boolean;
  readonly mtu: boolean;
}

const NONE: HostAddresses = { 4: undefined, 6: undefined };

/** The hosts' side of the inputs. */
export class Underlay {
  private readonly hosts = new Map<string, HostAddresses>();
  private droplets: readonly LocalDroplet[] = [];
  private ownAddresses: ReadonlySet<string> = new Set();
  private mtu: number | undefined;

  constructor(
    private readonly inputs: Inputs,
    private readonly host: string,
  ) {}

  /** This host's droplets by name. */
  get local(): readonly LocalDroplet[] {
    return this.droplets;
  }

  /** Smallest MTU of this host's droplets that have a device, those that lead outside aside. */
  get smallestMtu(): number | undefined {
    return this.mtu;
  }

  isOwn(address: string): boolean {
    return this.ownAddresses.has(address);
  }

  addresses(host: string): HostAddresses {
    return this.hosts.get(host) ?? NONE;
  }

  /** Looks at a host's droplets again. @returns whether its VTEP addresses changed. */
  refreshHost(host: string): boolean {
    const names = this.inputs.dropletsOfHost.sorted(host);
    const specs = names.flatMap((name) => this.inputs.droplets.get(name) ?? []);
    const all = insideFirst(specs).flatMap((spec) => spec.addresses);
    const now: HostAddresses = {
      4: all.find((address) => !address.includes(':')),
      6: all.find((address) => address.includes(':')),
    };
    const changed = !same(this.addresses(host), now);
    if (names.length === 0) this.hosts.delete(host);
    else this.hosts.set(host, now);
    return changed;
  }

  /** Looks at this host's droplets and their devices again, after refreshHost. */
  refreshLocal(before: HostAddresses): LocalChange {
    const now = this.addresses(this.host);
    const droplets: LocalDroplet[] = [];
    for (const name of this.inputs.dropletsOfHost.sorted(this.host)) {
      const spec = this.inputs.droplets.get(name);
      const device = this.inputs.dropletDevices.get(name);
      const { ifindex, mtu, mac } = device ?? {};
      if (spec) droplets.push({ name, spec, ifindex, mtu, mac });
    }
    const own = new Set(droplets.flatMap((droplet) => droplet.spec.addresses));
    const tunnels = droplets.filter(({ spec, mtu }) => spec.outside !== true && mtu !== undefined);
    const mtus = (tunnels.length > 0 ? tunnels : droplets).flatMap((droplet) => droplet.mtu ?? []);
    const mtu = mtus.length === 0 ? undefined : Math.min(...mtus);
    const change = {
      families:
        (before[4] === undefined) !== (now[4] === undefined) ||
        (before[6] === undefined) !== (now[6] === undefined),
      addresses: !same([...this.ownAddresses].sort(), [...own].sort()),
      mtu: this.mtu !== mtu,
    };
    this.droplets = droplets;
    this.ownAddresses = own;
    this.mtu = mtu;
    return change;
  }

  /** Address of the other host to tunnel to; undefined when the two have no family in common. */
  vtepOf(host: string, underlay: NonNullable<VpcSpec['underlay']>): string | undefined {
    const theirs = this.addresses(host);
    const ours = this.addresses(this.host);
    const by = (family: Family): string | undefined =>
      ours[family] === undefined ? undefined : theirs[family];
    if (underlay === 'ipv4') return by(4);
    if (underlay === 'ipv6') return by(6);
    return by(4) ?? by(6);
  }

  /**
   * Family whose overhead a workload's MTU must allow for. It depends on this host alone: another
   * host's droplet must not change the MTU of our workloads. A packet to the rare IPv6-only host
   * of an `auto` VPC meets the next hop's own MTU and is answered with an ICMP error.
   */
  widestFamily(underlay: NonNullable<VpcSpec['underlay']>): Family {
    const ours = this.addresses(this.host);
    if (ours[6] === undefined || underlay === 'ipv4') return 4;
    return underlay === 'ipv6' || ours[4] === undefined ? 6 : 4;
  }
}

function insideFirst(specs: readonly DropletSpec[]): DropletSpec[] {
  return [
    ...specs.filter((spec) => spec.outside !== true),
    ...specs.filter((spec) => spec.outside === true),
  ];
}
