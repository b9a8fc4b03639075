// SPDX-License-Identifier: Apache-2.0
/**
 * What an independent decoder (tshark) reads in frames, as plain values. Expectations are
 * compared with this, never only with what the packet builder would have made.
 */
import { dissect, type Protocol } from './pdml.js';

export type ChecksumStatus = 'bad' | 'good' | 'unverified' | 'none';

/** One protocol: its name (eth, vlan, arp, ip, ipv6, tcp, udp, …) and what it says. */
export interface DecodedLayer {
  readonly layer: string;
  /** Part of a packet that an ICMP error quotes. */
  readonly quoted?: boolean;
  readonly [field: string]: string | number | boolean | undefined;
}

export interface Decoded {
  readonly bytes: Uint8Array;
  readonly layers: readonly DecodedLayer[];
  /** Names joined by colons, quoted ones behind a slash: eth:ip:icmp/ip:udp. */
  readonly stack: string;
}

type Reader = (p: Protocol) => Record<string, string | number | boolean | undefined>;

const STATUS: readonly ChecksumStatus[] = ['bad', 'good', 'unverified', 'none'];

function number(p: Protocol, field: string): number | undefined {
  const value = p.fields.get(field);
  return value === undefined || value === '' ? undefined : Number(value);
}

function flag(p: Protocol, field: string): boolean {
  return p.fields.get(field) === '1';
}

function status(p: Protocol, prefix: string): ChecksumStatus | undefined {
  const value = number(p, `${prefix}.checksum.status`);
  return value === undefined ? undefined : STATUS[value];
}

const READERS: Readonly<Record<string, Reader>> = {
  eth: (p) => ({
    dst: p.fields.get('eth.dst'),
    src: p.fields.get('eth.src'),
    type: number(p, 'eth.type'),
    padding: p.fields.get('eth.padding'),
    trailer: p.fields.get('eth.trailer'),
  }),
  vlan: (p) => ({
    vid: number(p, 'vlan.id'),
    priority: number(p, 'vlan.priority'),
    type: number(p, 'vlan.etype'),
  }),
  arp: (p) => ({
    op: number(p, 'arp.opcode'),
    sha: p.fields.get('arp.src.hw_mac'),
    spa: p.fields.get('arp.src.proto_ipv4'),
    tha: p.fields.get('arp.dst.hw_mac'),
    tpa: p.fields.get('arp.dst.proto_ipv4'),
  }),
  ip: (p) => ({
    src: p.fields.get('ip.src'),
    dst: p.fields.get('ip.dst'),
    ttl: number(p, 'ip.ttl'),
    dscp: number(p, 'ip.dsfield.dscp'),
    ecn: number(p, 'ip.dsfield.ecn'),
    id: number(p, 'ip.id'),
    df: flag(p, 'ip.flags.df'),
    mf: flag(p, 'ip.flags.mf'),
    offset: (number(p, 'ip.frag_offset') ?? 0) * 8,
    header: number(p, 'ip.hdr_len'),
    length: number(p, 'ip.len'),
    protocol: number(p, 'ip.proto'),
    checksum: status(p, 'ip'),
  }),
  ipv6: (p) => ({
    src: p.fields.get('ipv6.src'),
    dst: p.fields.get('ipv6.dst'),
    ttl: number(p, 'ipv6.hlim'),
    dscp: number(p, 'ipv6.tclass.dscp'),
    ecn: number(p, 'ipv6.tclass.ecn'),
    flow: number(p, 'ipv6.flow'),
    length: number(p, 'ipv6.plen'),
    next: number(p, 'ipv6.nxt'),
  }),
  udp: (p) => ({
    sport: number(p, 'udp.srcport'),
    dport: number(p, 'udp.dstport'),
    length: number(p, 'udp.length'),
    // over IPv6 tshark gives a missing checksum no status
    checksum: number(p, 'udp.checksum') === 0 ? 'none' : status(p, 'udp'),
  }),
  tcp: (p) => ({
    sport: number(p, 'tcp.srcport'),
    dport: number(p, 'tcp.dstport'),
    flags: number(p, 'tcp.flags'),
    header: number(p, 'tcp.hdr_len'),
    checksum: status(p, 'tcp'),
  }),
  sctp: (p) => ({
    sport: number(p, 'sctp.srcport'),
    dport: number(p, 'sctp.dstport'),
    checksum: status(p, 'sctp'),
  }),
  vxlan: (p) => ({
    vni: number(p, 'vxlan.vni'),
    flags: number(p, 'vxlan.flags'),
    reserved: number(p, 'vxlan.reserved8'),
  }),
  icmp: (p) => ({
    type: number(p, 'icmp.type'),
    code: number(p, 'icmp.code'),
    id: number(p, 'icmp.ident'),
    seq: number(p, 'icmp.seq'),
    mtu: number(p, 'icmp.mtu'),
    checksum: status(p, 'icmp'),
  }),
  icmpv6: (p) => ({
    type: number(p, 'icmpv6.type'),
    code: number(p, 'icmpv6.code'),
    id: number(p, 'icmpv6.echo.identifier'),
    seq: number(p, 'icmpv6.echo.sequence_number'),
    mtu: number(p, 'icmpv6.mtu'),
    target:
      p.fields.get('icmpv6.nd.na.target_address') ?? p.fields.get('icmpv6.nd.ns.target_address'),
    router: flag(p, 'icmpv6.nd.na.flag.r'),
    solicited: flag(p, 'icmpv6.nd.na.flag.s'),
    override: flag(p, 'icmpv6.nd.na.flag.o'),
    option: number(p, 'icmpv6.opt.type'),
    linkAddress: p.fields.get('icmpv6.opt.linkaddr'),
    checksum: status(p, 'icmpv6'),
  }),
};

/** Ports are made up: what tshark makes of the bytes behind them, by their numbers, is no matter. */
function withoutPayload(protocols: readonly Protocol[]): readonly Protocol[] {
  const payload = protocols.findIndex(
    ({ name }, i) => /^(udp|tcp|sctp)$/.test(protocols[i - 1]?.name ?? '') && name !== 'vxlan',
  );
  return payload < 0 ? protocols : protocols.slice(0, payload);
}

function convert(protocols: readonly Protocol[], quoted: boolean): DecodedLayer[] {
  return withoutPayload(protocols).flatMap((p) => {
    const reader = READERS[p.name];
    const own: DecodedLayer[] =
      reader || /^_ws/.test(p.name)
        ? [{ layer: p.name, ...(quoted ? { quoted } : {}), ...(reader ? reader(p) : {}) }]
        : [];
    return [...own, ...convert(p.quotes, quoted || /^icmp/.test(p.name))];
  });
}

/** Decodes all frames with one run of tshark. */
export function decode(frames: readonly Uint8Array[]): Decoded[] {
  return dissect(frames).map((protocols, i) => {
    const layers = convert(protocols, false);
    const names = (q: boolean): string =>
      layers
        .filter((l) => (l.quoted ?? false) === q)
        .map((l) => l.layer)
        .join(':');
    const stack = names(true) === '' ? names(false) : `${names(false)}/${names(true)}`;
    return { bytes: frames[i] ?? new Uint8Array(0), layers, stack };
  });
}

/** What a test expects of one layer: every field it names must have exactly this value. */
export type ExpectedLayer = Readonly<Record<string, string | number | boolean | undefined>> & {
  readonly layer: string;
};

/**
 * Differences between a frame and the layers expected of it, as text; empty when there are
 * none. All layers must be named, in order; wrong checksums are differences unless expected.
 */
export function differences(actual: Decoded, expected: readonly ExpectedLayer[]): string[] {
  const out: string[] = [];
  const names = expected.map((e) => e.layer).join(' ');
  const found = actual.layers.map((l) => l.layer).join(' ');
  if (names !== found) return [`layers are "${found}", expected "${names}"`];
  expected.forEach((want, i) => {
    const layer = actual.layers[i] ?? { layer: '' };
    const where = `layer ${i} (${layer.layer})`;
    for (const [field, value] of Object.entries(want)) {
      if (layer[field] !== value) {
        out.push(`${where}: ${field} is ${String(layer[field])}, expected ${String(value)}`);
      }
    }
    if (layer.checksum === 'bad' && want.checksum !== 'bad') out.push(`${where}: bad checksum`);
  });
  return out;
}
