// SPDX-License-Identifier: Apache-2.0
/**
 * Packets that were treated wrongly once, each as small as it could be made. A failure of
 * packets.test.ts prints a row for this table: give it a name that says what was wrong.
 */
import * as p from '../support/packet/index.js';
import type { Input, Kind } from './check/check.js';
import { DROPLET, DROPLET_MAC, GATEWAY_MAC, LOCAL, MAC, REMOTE, VNI, VTEPS } from './world.js';

export interface Row extends Omit<Input, 'frame'> {
  readonly name: string;
  /** In hexadecimal, or built. */
  readonly frame: string | Uint8Array;
  /** Packets that must come first. */
  readonly before?: readonly (Omit<Input, 'frame'> & { readonly frame: string })[];
  /** What must become of it; left out when the invariants say enough. */
  readonly kind?: Kind;
}

const [A4, A6] = LOCAL.a.addresses;
const [R4] = REMOTE.r.addresses;
const zeros = (length: number): p.Layer => p.raw(new Uint8Array(length));
const fromA = p.ether({ dst: GATEWAY_MAC, src: MAC.a });

/** In a tunnel from v1; outer changes the IP header, behind is appended to the frame. */
function tunnel(inner: readonly p.Layer[], outer: object = {}, behind = 0): Uint8Array {
  const frame = p.packet(
    p.ether({ dst: DROPLET_MAC, src: VTEPS.v1.mac }),
    p.ip4({ src: VTEPS.v1.address, dst: DROPLET[0], ...outer }),
    p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
    p.vxlan({ vni: VNI.red }),
    ...inner,
  );
  return p.trailing(frame, behind);
}

const inner = (src: string, fields: object = {}): p.Layer[] => [
  p.ether({ dst: GATEWAY_MAC, src }),
  p.ip4({ src: R4, dst: A4, ...fields }),
  p.udp({ sport: 1000, dport: 53 }),
];

interface Solicitation {
  readonly src?: p.Address;
  readonly dst?: p.Address;
  readonly target?: p.Address;
  readonly options?: readonly Uint8Array[];
  readonly checksum?: 'bad';
}

function solicitation(fields: Solicitation): Uint8Array {
  const target = fields.target ?? REMOTE.r.addresses[1];
  const group = p.solicitedNode(target);
  return p.packet(
    p.ether({ dst: group.mac, src: MAC.a }),
    p.ip6({ src: fields.src ?? A6, dst: fields.dst ?? group.ip, hopLimit: 255 }),
    p.neighbourSolicitation({ target, options: fields.options ?? [], checksum: fields.checksum }),
  );
}

const mapped = (v4: string): Uint8Array =>
  p.concat(new Uint8Array(10), p.u8(0xff, 0xff), p.ipBytes(v4));
const agent = { program: 'agent', from: 'red-a' } as const;
const transit = { program: 'transit', from: 'droplet' } as const;

export const CORPUS: readonly Row[] = [
  {
    name: 'echo request of zeros: the reply is right only with the other zero as its checksum',
    ...agent,
    frame: p.packet(fromA, p.ip4({ src: A4, dst: '10.1.0.1' }), p.icmp4({ type: 8 }), zeros(32)),
    kind: 'answered',
  },
  {
    name: 'a second tag of all ones is a tag (tc: the kernel keeps it beside the frame)',
    ...agent,
    frame: p.packet(
      fromA,
      p.vlan({ vid: 0 }),
      p.vlan({ vid: 0xfff, pcp: 7, dei: true }),
      p.ip4({ src: A4, dst: R4 }),
      p.udp({ sport: 1000, dport: 53 }),
    ),
    kind: 'dropped',
  },
  {
    name: "a priority tag before the host's own packet stays",
    ...transit,
    frame: p.packet(
      p.ether({ dst: DROPLET_MAC, src: VTEPS.v1.mac }),
      p.vlan({ vid: 0, pcp: 5 }),
      p.ip4({ src: VTEPS.v1.address, dst: DROPLET[0] }),
      p.tcp({ sport: 179, dport: 4789 }),
    ),
    kind: 'passed',
  },
  {
    name: 'a priority tag before a VXLAN packet for another host stays',
    ...transit,
    frame: p.packet(
      p.ether({ dst: DROPLET_MAC, src: VTEPS.v1.mac }),
      p.vlan({ vid: 0 }),
      p.ip4({ src: VTEPS.v1.address, dst: '192.0.2.99' }),
      p.udp({ sport: 50001, dport: 4789 }),
      zeros(8),
    ),
    kind: 'passed',
  },
  {
    name: 'a priority tag before a VXLAN packet for us is taken off',
    ...transit,
    frame: p.packet(
      p.ether({ dst: DROPLET_MAC, src: VTEPS.v1.mac }),
      p.vlan({ vid: 0 }),
      p.ip4({ src: VTEPS.v1.address, dst: DROPLET[0] }),
      p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: VNI.red }),
      ...inner(MAC.r),
    ),
    kind: 'forwarded',
  },
  {
    name: 'bytes behind the outer packet do not become padding of the inner one',
    ...transit,
    frame: tunnel(inner(MAC.r), {}, 4),
    kind: 'dropped',
  },
  {
    name: 'an outer packet that says less than the inner one',
    ...transit,
    frame: tunnel(inner(MAC.r), { length: 60 }),
    kind: 'dropped',
  },
  {
    name: 'an outer IPv6 header of another version is no tunnel',
    ...transit,
    frame: p.packet(
      p.ether({ dst: DROPLET_MAC, src: VTEPS.six.mac }),
      p.ip6({ src: VTEPS.six.address, dst: DROPLET[1], version: 0 }),
      p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: VNI.red }),
      ...inner(MAC.r),
    ),
    kind: 'passed',
  },
  ...['01:00:5e:00:00:01', '33:33:00:00:00:01', '00:00:00:00:00:00'].flatMap((src) => [
    {
      name: `nothing is forwarded from ${src}`,
      ...transit,
      frame: tunnel(inner(src)),
      kind: 'dropped' as const,
    },
    {
      name: `no ICMP error goes to ${src}`,
      ...transit,
      frame: tunnel(inner(src, { ttl: 1 })),
      kind: 'dropped' as const,
    },
  ]),
  ...['10.1.0.255', '10.2.0.255'].flatMap((broadcast) => [
    {
      name: `no ICMP error about a packet to ${broadcast}, a subnet's broadcast`,
      ...agent,
      frame: p.packet(fromA, p.ip4({ src: A4, dst: broadcast }), p.udp({ sport: 1, dport: 2 })),
      kind: 'dropped' as const,
    },
    {
      name: `nor through the tunnel, to ${broadcast}`,
      ...transit,
      frame: tunnel(inner(MAC.r, { dst: broadcast })),
      kind: 'dropped' as const,
    },
    {
      name: `no ICMP error to ${broadcast}`,
      ...transit,
      frame: tunnel(inner(MAC.r, { src: broadcast, ttl: 1 })),
      kind: 'dropped' as const,
    },
    {
      name: `nobody answers ARP for ${broadcast}`,
      ...agent,
      frame: p.packet(fromA, p.arp({ op: 1, sha: MAC.a, spa: A4, tpa: broadcast })),
      kind: 'dropped' as const,
    },
  ]),
  {
    name: 'a solicitation with options is answered',
    ...agent,
    frame: solicitation({ options: [p.linkLayerOption(1, MAC.a), p.nonceOption()] }),
    kind: 'answered',
  },
  {
    name: 'a probe for a duplicate address is answered',
    ...agent,
    frame: solicitation({ src: '::', options: [p.nonceOption()] }),
    kind: 'answered',
  },
  {
    name: 'a solicitation with a wrong checksum',
    ...agent,
    frame: solicitation({ checksum: 'bad' }),
    kind: 'dropped',
  },
  {
    name: 'a solicitation with an option of length 0',
    ...agent,
    frame: solicitation({ options: [p.u8(14, 0, 0, 0, 0, 0, 0, 0)] }),
    kind: 'dropped',
  },
  {
    name: 'a solicitation with an option that is longer than the packet',
    ...agent,
    frame: solicitation({ options: [p.u8(14, 2, 0, 0, 0, 0, 0, 0)] }),
    kind: 'dropped',
  },
  {
    name: 'a solicitation longer than anybody sends',
    ...agent,
    frame: solicitation({ options: [p.concat(p.u8(14, 32), new Uint8Array(254))] }),
    kind: 'dropped',
  },
  {
    name: 'a probe for a duplicate address that names a link-layer address',
    ...agent,
    frame: solicitation({ src: '::', options: [p.linkLayerOption(1, MAC.a)] }),
    kind: 'dropped',
  },
  {
    name: 'a probe for a duplicate address that is not to a solicited-node group',
    ...agent,
    frame: solicitation({ src: '::', dst: REMOTE.r.addresses[1] }),
    kind: 'dropped',
  },
  {
    name: 'a solicitation for a mapped IPv4 address',
    ...agent,
    frame: solicitation({ target: mapped(R4) }),
    kind: 'dropped',
  },
  {
    name: 'a solicitation from a mapped IPv4 address',
    ...agent,
    frame: solicitation({ src: mapped(A4) }),
    kind: 'dropped',
  },
];
