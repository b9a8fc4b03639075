// SPDX-License-Identifier: Apache-2.0
/**
 * Making a veth pair, or completing the one that is there. A pair is ours by its alias. The
 * kernel takes no alias with a new device, so a pair that a crash left without one is known by
 * being down, bare, and having exactly the peer we would make.
 */
import type { VethSpec } from '../../ports/netlink.js';
import { Namespace, type NativeNet } from '../netns/index.js';
import { EEXIST } from './errno.js';
import { isKernelError, kernelError, NetlinkError } from './errors.js';
import { Ethtool } from './ethtool.js';
import { AF_NETLINK, SOCK_RAW, type Libc } from './libc.js';
import { formatVethPair, type LinkChange, type LinkRecord } from './link-codec.js';
import { deleteLink, findLink, linkChange } from './link-requests.js';
import { NLM_F_CREATE, NLM_F_EXCL } from './message.js';
import { netnsId } from './netns-id.js';
import { NetlinkSocket } from './socket.js';
import { readAddressing, WorkloadEnd } from './workload-end.js';
import { ENODEV } from './errno.js';
import { RTM_NEWLINK } from './rtm.js';

/** The loopback device is the first of every namespace. */
const LOOPBACK = { ifindex: 1, name: 'lo' };

export interface VethDeps {
  readonly libc: Libc;
  readonly native: NativeNet;
  /** Of the namespace of the pair's near end. */
  readonly socket: NetlinkSocket;
}

/** @returns the near end, up. @throws NetlinkError, TransitError BAD_ADDRESS */
export function ensureVeth(deps: VethDeps, spec: VethSpec): LinkRecord {
  const namespace = spec.netns === undefined ? undefined : Namespace.open(deps.native, spec.netns);
  try {
    const far = namespace?.isOwn() === false ? namespace : undefined;
    const inside = far
      ? new NetlinkSocket(deps.libc, far.socket(AF_NETLINK, SOCK_RAW, 0))
      : deps.socket;
    try {
      return new VethPairMaker(deps, spec, inside, far).run();
    } finally {
      if (inside !== deps.socket) inside.close();
    }
  } finally {
    namespace?.close();
  }
}

class VethPairMaker {
  private readonly peerLabel: string;

  constructor(
    private readonly deps: VethDeps,
    private readonly spec: VethSpec,
    /** Socket of the workload's namespace. */
    private readonly inside: NetlinkSocket,
    /** The workload's namespace, when it is not ours. */
    private readonly far: Namespace | undefined,
  ) {
    this.peerLabel = far ? `${spec.peerName} in netns ${far.name}` : spec.peerName;
  }

  run(): LinkRecord {
    const { spec } = this;
    const addressing = readAddressing(spec);
    const before = this.usable(findLink(this.deps.socket, { name: spec.name }));
    if (!before) this.create();
    const host = before ?? this.expect(findLink(this.deps.socket, { name: spec.name }), spec.name);
    const peer = this.expect(this.peerOf(host), this.peerLabel);

    this.change(this.deps.socket, host, {
      ...(host.mtu !== spec.mtu && { mtu: spec.mtu }),
      ...(host.alias !== spec.alias && { alias: spec.alias }),
      ...(!host.up && { up: true }),
    });
    if (peer.name !== spec.peerName) this.rename(peer);
    this.setTransmitOffloads();
    if (this.far) this.inside.request(linkChange(LOOPBACK, { up: true }));
    this.change(this.inside, peer, {
      ...(peer.mtu !== spec.mtu && { mtu: spec.mtu }),
      ...(peer.mac !== spec.peerMac.toLowerCase() && { mac: spec.peerMac }),
      ...((!peer.up || peer.name !== spec.peerName) && { up: true }),
    });
    this.setGro();
    const end = new WorkloadEnd(this.inside, { ifindex: peer.ifindex, label: this.peerLabel });
    if (before) end.reconcile(addressing);
    else end.add(addressing);
    return this.expect(findLink(this.deps.socket, { ifindex: host.ifindex }), spec.name);
  }

  /** What is there, if it can be completed. Ours with its peer astray is deleted, to be made anew. */
  private usable(link: LinkRecord | undefined): LinkRecord | undefined {
    if (!link) return undefined;
    const { spec } = this;
    const peer = this.peerOf(link);
    const unfinished =
      link.alias === undefined &&
      !link.up &&
      peer?.name === spec.peerName &&
      peer.mac === spec.peerMac.toLowerCase();
    if (link.kind !== 'veth' || (link.alias !== spec.alias && !unfinished)) {
      const whose = link.alias === undefined ? 'has no alias' : `has the alias "${link.alias}"`;
      const kind = link.kind === '' ? 'device' : link.kind;
      throw this.exists(spec.name, `a ${kind} of that name is there and ${whose}`);
    }
    if (peer) return link;
    deleteLink(this.deps.socket, link.ifindex, link.name);
    return undefined;
  }

  /** The other end, if it is in the namespace it should be in. */
  private peerOf(link: LinkRecord): LinkRecord | undefined {
    if (link.peerIfindex === undefined || link.peerElsewhere !== (this.far !== undefined)) {
      return undefined;
    }
    // The same ifindex may be another pair's in the wanted namespace: the number tells.
    if (this.far && netnsId(this.deps.socket, this.far.fd) !== link.peerNetnsId) return undefined;
    return findLink(this.inside, { ifindex: link.peerIfindex });
  }

  private create(): void {
    const { spec } = this;
    try {
      this.deps.socket.request({
        type: RTM_NEWLINK,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        payload: formatVethPair({
          name: spec.name,
          mtu: spec.mtu,
          peerName: spec.peerName,
          peerMac: spec.peerMac,
          peerNetnsFd: this.far?.fd,
        }),
        operation: 'create veth',
        object: spec.name,
      });
    } catch (error) {
      if (!isKernelError(error, EEXIST)) throw error;
      const taken = findLink(this.inside, { name: spec.peerName }) ? this.peerLabel : spec.name;
      throw this.exists(taken, 'a device of that name is there', error);
    }
  }

  /** A device must be down to be renamed. */
  private rename(peer: LinkRecord): void {
    this.inside.batch([
      linkChange(peer, { up: false }),
      linkChange(peer, { name: this.spec.peerName }),
    ]);
  }

  /**
   * XDP reads the frame and nothing beside it: where the checksum must be in the frame, so must
   * the VLAN tag.
   */
  private setTransmitOffloads(): void {
    const { spec } = this;
    this.ethtool((ethtool) => {
      ethtool.set(spec.peerName, 'tx-checksum', spec.peerTxChecksum);
      ethtool.set(spec.peerName, 'tx-vlan', spec.peerTxChecksum);
    });
  }

  /**
   * The peer must be up: the kernel tells the near end that XDP may redirect to it when GRO is
   * switched on an end that is up, and never when the end comes up later (6.3 and newer).
   */
  private setGro(): void {
    this.ethtool((ethtool) => {
      ethtool.set(this.spec.peerName, 'gro', this.spec.peerGro);
    });
  }

  private ethtool(use: (ethtool: Ethtool) => void): void {
    const ethtool = Ethtool.open(this.deps.libc, this.deps.native, this.far);
    try {
      use(ethtool);
    } finally {
      ethtool.close();
    }
  }

  private change(socket: NetlinkSocket, link: LinkRecord, change: LinkChange): void {
    if (Object.keys(change).length > 0) socket.request(linkChange(link, change));
  }

  private expect(link: LinkRecord | undefined, name: string): LinkRecord {
    if (link) return link;
    throw kernelError(ENODEV, 'create veth', this.spec.name, `${name} vanished meanwhile`);
  }

  private exists(device: string, why: string, cause?: unknown): NetlinkError {
    const about = { operation: 'create veth', object: device };
    return new NetlinkError('DEVICE_EXISTS', `cannot make ${device}: ${why}`, about, cause);
  }
}
