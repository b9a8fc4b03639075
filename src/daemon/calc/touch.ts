// SPDX-License-Identifier: Apache-2.0
/**
 * Which VPCs a delta touches: their generation is raised. A flow record holds what a walk concluded,
 * until then. It holds MACs, devices, the MTU of a local device and indexes of nh, ep and vpc:
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
 * - A service of a VPC is in its records: touched. Timeouts are read when a connection is looked at.
 *
 * Of the outside (VPC 0):
 * - Its addr and route entries, one-to-one pairs, port forwards and devices may be in the records
 *   of every VPC that meets it here: these are touched, and VPC 0. Walking again ends no connection.
 * - A neighbour that comes was in no record: a walk that ended on the link made none. When it goes
 *   its index goes, too: touched.
 * - A connection between two VPCs by way of a public address hangs on the generation of VPC 0: with
 *   any VPC that meets the outside here VPC 0 is touched.
 * - Pools (nat_gw, nat_ext, nat_ext_of, nat_sub) are read when a mapping is made, and a mapping
 *   stays what it is; timeouts are read when a connection is looked at, limits when one is made: not
 *   touched. But a mapping ends with its address' place in the pool, and with its endpoint's
 *   gateway: touched.
 *
 * Of policies: a record says that its connection was allowed. Classes of addresses and programs of
 * endpoints touch their VPC; blocks, rows and rules are what a program is made of, and stay what
 * they are.
 *
 * Of peerings: a record of a VPC holds what its peer says of the receiver. With a VPC its peers are
 * touched.
 */
import type { AddrEntry, EpEntry, NatSubEntry, TableName, Tables, VpcEntry } from './output.js';
import type { Change } from './tracked.js';

export interface TouchDeps {
  /** Index of a VPC, by VNI. */
  readonly indexOf: (vni: string) => number | undefined;
  readonly all: () => Iterable<number>;
  /** VPCs that meet the outside on this host. */
  readonly outside: () => readonly number[];
  /** VPCs that are peered, two by two or more. */
  readonly peers: () => Iterable<readonly number[]>;
}

type Value = Tables[TableName];

/** Collects what one delta touches. */
export class Touched {
  private readonly indexes = new Set<number>();
  private everyone = false;
  private outside = false;

  constructor(private readonly deps: TouchDeps) {}

  add(table: TableName, change: Change<Value>): void {
    switch (table) {
      case 'addr':
      case 'route':
      case 'service': {
        const vni = change.key.slice(0, change.key.indexOf('/'));
        if (vni === '0') {
          this.outside ||= !isNewNeighbour(table, change);
          return;
        }
        const index = this.deps.indexOf(vni);
        if (index !== undefined) this.indexes.add(index);
        return;
      }
      case 'nat64': {
        const index = this.deps.indexOf(change.key);
        if (index !== undefined) this.indexes.add(index);
        this.outside = true;
        return;
      }
      case 'vpc':
      case 'ep':
        for (const value of [change.before, change.now] as (VpcEntry | EpEntry | undefined)[])
          if (value) this.indexes.add(value.vpc);
        return;
      case 'vtep':
        this.everyone ||= change.now === undefined;
        return;
      case 'nat_prefix':
        for (const vni of change.key.split('/', 2)) {
          const index = vni === '0' ? undefined : this.deps.indexOf(vni);
          if (index === undefined) this.outside = true;
          else this.indexes.add(index);
        }
        return;
      case 'nat_ext':
        this.outside ||= change.before !== undefined;
        return;
      case 'nat_sub':
        this.outside ||= losesGateway(change as Change<NatSubEntry>);
        return;
      case 'nat_static':
      case 'port_fwd':
      case 'outside':
        this.outside = true;
        return;
      default:
        return;
    }
  }

  /** What concerns a VPC's policies. */
  vni(vni: number): void {
    const index = this.deps.indexOf(`${vni}`);
    if (index !== undefined) this.indexes.add(index);
  }

  /** In ascending order. */
  list(): number[] {
    const outside = this.deps.outside();
    if (this.everyone) for (const index of this.deps.all()) this.indexes.add(index);
    if (this.outside) for (const index of outside) this.indexes.add(index);
    if (outside.length === 0) this.indexes.delete(0);
    else if (outside.some((index) => this.indexes.has(index))) this.indexes.add(0);
    // Only those next to it: no peering leads through another.
    const next = [...this.deps.peers()].filter((group) => group.some((i) => this.indexes.has(i)));
    for (const index of next.flat()) this.indexes.add(index);
    return [...this.indexes].sort((a, b) => a - b);
  }
}

function isNewNeighbour(table: TableName, { before, now }: Change<Value>): boolean {
  return table === 'addr' && before === undefined && (now as AddrEntry).kind === 'outside';
}

function losesGateway({ before, now }: Change<NatSubEntry>): boolean {
  // whose entry goes has another addr entry
  return before !== undefined && before.gw !== 0 && now !== undefined && now.gw !== before.gw;
}
