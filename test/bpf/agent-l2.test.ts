// SPDX-License-Identifier: Apache-2.0
/** What the agent answers itself: ARP, neighbour discovery, echo to gateways. */
import { isolate } from '../support/rig.js';
import * as p from '../support/packet/index.js';
import { runCases, type Case } from './cases.js';
import { fromA4, fromA6, GW, MAC, routed, UDP, WORLD } from './world.js';

isolate();

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const toAll = p.ether({ dst: BROADCAST, src: MAC.a });
const ask = { op: 1, sha: MAC.a, spa: '10.1.0.10' };
const arp = (fields: Partial<p.ArpFields> & { tpa: string }, eth = toAll): Uint8Array =>
  p.packet(eth, p.arp({ ...ask, ...fields }));

const answered = (name: string, tpa: string, sha: string): Case => ({
  name,
  frame: arp({ tpa }),
  verdict: 'sent',
  nodes: ['ARP', 'REPLY'],
  out: [
    { layer: 'eth', dst: MAC.a, src: sha, type: 0x0806 },
    { layer: 'arp', op: 2, sha, spa: tpa, tha: MAC.a, tpa: '10.1.0.10' },
  ],
});
const refused = (name: string, reason: string, frame: Uint8Array): Case => ({
  name,
  frame,
  verdict: 'dropped',
  reason,
});

const arpCases: readonly Case[] = [
  answered('ARP for the gateway', '10.1.0.1', GW),
  answered('ARP for another subnet’s gateway', '10.2.0.1', GW),
  answered('ARP for a local endpoint', '10.1.0.11', MAC.b),
  answered('ARP for a remote endpoint', '10.1.0.20', MAC.r),
  answered('ARP for an endpoint behind an unresolved VTEP', '10.1.0.22', MAC.u),
  {
    name: 'ARP to a unicast MAC (RFC 1122 s2.3.2.1 poll)',
    frame: arp({ tpa: '10.1.0.1', tha: GW }, p.ether({ dst: GW, src: MAC.a })),
    verdict: 'sent',
    out: [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: 'arp', op: 2, sha: GW },
    ],
  },
  {
    name: 'ARP probe with zero sender for someone else (RFC 5227)',
    frame: arp({ spa: '0.0.0.0', tpa: '10.1.0.11' }),
    verdict: 'sent',
    out: [
      { layer: 'eth', dst: MAC.a },
      { layer: 'arp', op: 2, sha: MAC.b, spa: '10.1.0.11', tpa: '0.0.0.0' },
    ],
  },
  {
    name: 'ARP padded to 60 bytes',
    frame: p.packet(
      p.ether({ dst: BROADCAST, src: MAC.a, pad: 60 }),
      p.arp({ ...ask, tpa: '10.1.0.1' }),
    ),
    verdict: 'sent',
    out: [{ layer: 'eth' }, { layer: 'arp', op: 2, sha: GW, spa: '10.1.0.1' }],
  },
  {
    name: 'ARP from a routed prefix’s owner with that address',
    from: 'b',
    frame: p.packet(
      p.ether({ dst: BROADCAST, src: MAC.b }),
      p.arp({ op: 1, sha: MAC.b, spa: '172.16.3.4', tpa: '10.1.0.1' }),
    ),
    verdict: 'sent',
    out: [
      { layer: 'eth', dst: MAC.b },
      { layer: 'arp', op: 2, sha: GW, tpa: '172.16.3.4' },
    ],
  },
  {
    name: 'ARP under a priority tag',
    frame: p.packet(toAll, p.vlan({ vid: 0, pcp: 5 }), p.arp({ ...ask, tpa: '10.1.0.1' })),
    verdict: 'sent',
    out: [
      { layer: 'eth', dst: MAC.a, type: 0x0806 },
      { layer: 'arp', op: 2, sha: GW },
    ],
  },
  refused('ARP for the own address', 'OWN_ADDRESS', arp({ tpa: '10.1.0.10' })),
  refused(
    'ARP probe for the own address',
    'OWN_ADDRESS',
    arp({ spa: '0.0.0.0', tpa: '10.1.0.10' }),
  ),
  refused('ARP for an unknown address', 'ARP_UNKNOWN', arp({ tpa: '10.1.0.99' })),
  refused('ARP for an address under a route only', 'ARP_UNKNOWN', arp({ tpa: '172.17.0.5' })),
  refused('ARP for an address of another VPC', 'ARP_UNKNOWN', arp({ tpa: '10.3.0.10' })),
  refused('ARP reply', 'ARP_UNKNOWN', arp({ op: 2, tpa: '10.1.0.11' })),
  refused('RARP operation', 'ARP_UNKNOWN', arp({ op: 3, tpa: '10.1.0.11' })),
  refused('ARP with a foreign sender MAC', 'SPOOFED_MAC', arp({ sha: MAC.b, tpa: '10.1.0.1' })),
  refused(
    'ARP with a foreign sender address',
    'SPOOFED_IP',
    arp({ spa: '10.1.0.11', tpa: '10.1.0.1' }),
  ),
  refused(
    'ARP with the gateway’s address as sender',
    'SPOOFED_IP',
    arp({ spa: '10.1.0.1', tpa: '10.1.0.11' }),
  ),
  refused('ARP for another hardware type', 'BAD_HEADER', arp({ htype: 6, tpa: '10.1.0.1' })),
  refused('ARP for another protocol', 'BAD_HEADER', arp({ ptype: 0x86dd, tpa: '10.1.0.1' })),
  refused('ARP with a wrong hardware length', 'BAD_HEADER', arp({ hlen: 8, tpa: '10.1.0.1' })),
  refused('ARP with a wrong protocol length', 'BAD_HEADER', arp({ plen: 16, tpa: '10.1.0.1' })),
  refused('ARP cut short', 'TRUNCATED', p.truncate(arp({ tpa: '10.1.0.1' }), 41)),
];

const nsEth = (target: string): p.Layer =>
  p.ether({ dst: p.solicitedNode(target).mac, src: MAC.a });
interface Ns {
  readonly src?: string;
  readonly dst?: p.Address;
  readonly hopLimit?: number;
  readonly options?: readonly Uint8Array[];
  readonly code?: number;
}
const ns = (target: string, f: Ns = {}): Uint8Array =>
  p.packet(
    nsEth(target),
    p.ip6({
      src: f.src ?? 'fd01::10',
      dst: f.dst ?? p.solicitedNode(target).ip,
      hopLimit: f.hopLimit ?? 255,
    }),
    p.neighbourSolicitation({
      target,
      options: f.options ?? [p.linkLayerOption(1, MAC.a)],
      ...(f.code === undefined ? {} : { code: f.code }),
    }),
  );
const advertised = (
  name: string,
  target: string,
  linkAddress: string,
  router: boolean,
  fields: Ns = {},
): Case => ({
  name,
  frame: ns(target, fields),
  verdict: 'sent',
  nodes: ['ND', 'REPLY'],
  out: [
    { layer: 'eth', dst: MAC.a, src: linkAddress },
    { layer: 'ipv6', src: target, dst: fields.src ?? 'fd01::10', ttl: 255, length: 32 },
    {
      layer: 'icmpv6',
      type: 136,
      code: 0,
      target,
      router,
      solicited: true,
      override: true,
      option: 2,
      linkAddress,
      checksum: 'good',
    },
  ],
});

const ndCases: readonly Case[] = [
  advertised('NS for the gateway', 'fd01::1', GW, true),
  advertised('NS for another subnet’s gateway', 'fd02::1', GW, true),
  advertised('NS for a local endpoint', 'fd01::11', MAC.b, false),
  advertised('NS for a remote endpoint', 'fd01::20', MAC.r, false),
  advertised('NS from a link-local address', 'fd01::1', GW, true, { src: 'fe80::1' }),
  advertised('NS to the unicast address (RFC 4861 s7.3.3)', 'fd01::1', GW, true, {
    dst: 'fd01::1',
  }),
  advertised('NS without options', 'fd01::11', MAC.b, false, { options: [] }),
  advertised('NS with two options', 'fd01::11', MAC.b, false, {
    options: [p.linkLayerOption(1, MAC.a), p.nonceOption()],
  }),
  {
    name: 'probe for someone else’s address is answered to all nodes',
    frame: ns('fd01::11', { src: '::', options: [p.nonceOption()] }),
    verdict: 'sent',
    out: [
      { layer: 'eth', dst: '33:33:00:00:00:01', src: MAC.b },
      { layer: 'ipv6', src: 'fd01::11', dst: 'ff02::1', ttl: 255 },
      { layer: 'icmpv6', type: 136, solicited: false, override: true, linkAddress: MAC.b },
    ],
  },
  refused('probe for the own address', 'OWN_ADDRESS', ns('fd01::10', { src: '::', options: [] })),
  refused('NS for the own address', 'OWN_ADDRESS', ns('fd01::10')),
  refused('NS for an unknown address', 'ND_UNKNOWN', ns('fd01::99')),
  refused('NS for a link-local address', 'ND_UNKNOWN', ns('fe80::99')),
  refused('NS from a foreign address', 'SPOOFED_IP', ns('fd01::1', { src: 'fd01::11' })),
  refused('NS that passed a router', 'BAD_HEADER', ns('fd01::1', { hopLimit: 254 })),
  refused('NS with a code', 'ND_UNKNOWN', ns('fd01::1', { code: 1 })),
  refused(
    'neighbour advertisement',
    'ND_UNKNOWN',
    p.packet(
      routed,
      fromA6('fd01::11', { hopLimit: 255 }),
      p.neighbourAdvertisement({ target: 'fd01::10' }),
    ),
  ),
  refused(
    'router solicitation',
    'ND_UNKNOWN',
    p.packet(
      p.ether({ dst: '33:33:00:00:00:02', src: MAC.a }),
      p.ip6({ src: 'fe80::1', dst: 'ff02::2', hopLimit: 255 }),
      p.routerSolicitation(),
      p.raw(p.linkLayerOption(1, MAC.a)),
      p.raw(16),
    ),
  ),
  refused(
    'router advertisement by a workload',
    'ND_UNKNOWN',
    p.packet(
      p.ether({ dst: '33:33:00:00:00:01', src: MAC.a }),
      p.ip6({ src: 'fe80::1', dst: 'ff02::1', hopLimit: 255 }),
      p.routerAdvertisement(),
      p.raw(24),
    ),
  ),
  refused(
    'NS from a foreign MAC',
    'SPOOFED_MAC',
    p.packet(
      p.ether({ dst: GW, src: MAC.b }),
      fromA6('fd01::1', { hopLimit: 255 }),
      p.neighbourSolicitation({ target: 'fd01::1' }),
    ),
  ),
];

const echo4 = (gateway: string, ...more: readonly p.Layer[]): Uint8Array =>
  p.packet(routed, fromA4(gateway, { ttl: 5 }), p.echo4(77, 3), ...more);
const echo6 = (gateway: string, ...more: readonly p.Layer[]): Uint8Array =>
  p.packet(routed, fromA6(gateway, { hopLimit: 5 }), p.echo6(77, 3), ...more);
const replied4 = (name: string, gateway: string, payload: number): Case => ({
  name,
  frame: echo4(gateway, p.raw(payload)),
  verdict: 'sent',
  nodes: ['ECHO', 'REPLY'],
  out: [
    { layer: 'eth', dst: MAC.a, src: GW },
    { layer: 'ip', src: gateway, dst: '10.1.0.10', ttl: 64, length: 28 + payload },
    { layer: 'icmp', type: 0, code: 0, id: 77, checksum: 'good' },
  ],
});
const replied6 = (name: string, gateway: string, payload: number): Case => ({
  name,
  frame: echo6(gateway, p.raw(payload)),
  verdict: 'sent',
  nodes: ['ECHO', 'REPLY'],
  out: [
    { layer: 'eth', dst: MAC.a, src: GW },
    { layer: 'ipv6', src: gateway, dst: 'fd01::10', ttl: 64, length: 8 + payload },
    { layer: 'icmpv6', type: 129, code: 0, id: 77, checksum: 'good' },
  ],
});

const echoCases: readonly Case[] = [
  replied4('echo to the gateway', '10.1.0.1', 56),
  replied4('echo with an odd length', '10.1.0.1', 33),
  replied4('echo without payload', '10.1.0.1', 0),
  replied4('large echo', '10.1.0.1', 1400),
  replied4('echo to another subnet’s gateway', '10.2.0.1', 56),
  replied6('ICMPv6 echo to the gateway', 'fd01::1', 56),
  replied6('ICMPv6 echo with an odd length', 'fd01::1', 33),
  replied6('large ICMPv6 echo', 'fd01::1', 1400),
  replied6('ICMPv6 echo to another subnet’s gateway', 'fd02::1', 56),
  {
    name: 'echo with IPv4 options',
    frame: p.packet(
      routed,
      fromA4('10.1.0.1', { options: p.u8(1, 1, 1, 1) }),
      p.echo4(7),
      p.raw(8),
    ),
    verdict: 'sent',
    out: [
      { layer: 'eth' },
      { layer: 'ip', src: '10.1.0.1', header: 24, checksum: 'good' },
      { layer: 'icmp', type: 0, checksum: 'good' },
    ],
  },
  {
    name: 'echo behind extension headers',
    frame: p.packet(
      routed,
      fromA6('fd01::1'),
      p.hopByHop(),
      p.destinationOptions(),
      p.echo6(7),
      p.raw(8),
    ),
    verdict: 'sent',
    out: [
      { layer: 'eth' },
      { layer: 'ipv6', src: 'fd01::1', dst: 'fd01::10' },
      { layer: 'icmpv6', type: 129, checksum: 'good' },
    ],
  },
  refused('UDP to the gateway', 'GATEWAY_SERVICE', p.packet(routed, fromA4('10.1.0.1'), UDP)),
  refused(
    'TCP to the gateway',
    'GATEWAY_SERVICE',
    p.packet(routed, fromA6('fd01::1'), p.tcp({ sport: 1, dport: 179, flags: 'S' })),
  ),
  refused(
    'echo reply to the gateway',
    'GATEWAY_SERVICE',
    p.packet(routed, fromA4('10.1.0.1'), p.echoReply4(7)),
  ),
  refused(
    'echo to the gateway’s address but another MAC',
    'UNKNOWN_MAC',
    p.packet(p.ether({ dst: MAC.b, src: MAC.a }), fromA4('10.1.0.1'), p.echo4(7)),
  ),
  refused(
    'echo to the gateway from a foreign address',
    'SPOOFED_IP',
    p.packet(routed, p.ip4({ src: '10.1.0.11', dst: '10.1.0.1' }), p.echo4(7)),
  ),
];

runCases(WORLD, 'agent', [...arpCases, ...ndCases, ...echoCases]);
