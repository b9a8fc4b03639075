// SPDX-License-Identifier: Apache-2.0
/**
 * Arbitrary packets of a scene. A flow is chosen by who talks to whom; its packets then enter where
 * the sender is: at its device, or out of a tunnel. Most are right; some have one thing wrong.
 */
import * as p from '../support/packet/index.js';
import type { Choose } from './choose.js';
import { VTEPS } from './configuration.js';
import { innerLayers, type Deviation } from './layers.js';
import { outsideAddress, REMOTES } from './outside.js';
import { HOST, type Scene, type Typed } from './scene.js';

/** A conversation: what both directions' packets have in common. */
export interface Flow {
  readonly vpc: string;
  readonly a: string;
  readonly b: string;
  readonly protocol: 'udp' | 'tcp' | 'echo' | 'sctp' | 'icmp' | 'other';
  readonly sport: number;
  readonly dport: number;
}

export interface Packet {
  /** A device's number, or a droplet: the underlay's, or the one that leads outside. */
  readonly from: number | 'wire' | 'wan';
  readonly frame: Uint8Array;
  readonly note: string;
}

const ODD4 = ['10.1.0.200', '10.9.9.9', '203.0.113.7', '224.0.0.5', '255.255.255.255', '127.0.0.1'];
const ODD6 = ['fd01::99', 'fd99::9', 'ff02::1', 'fe80::1', '::1', '2001:db8:ffff::1'];
const ROUTED4 = ['172.16.0.5', '172.16.5.5', '172.16.5.200', '172.16.5.9', '172.20.1.1'];
const ROUTED6 = ['fd16::1', 'fd16::5:5', 'fd16::5:9', 'fd16:1::1', 'fd01::8001'];
const MACS = ['ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01', '02:77:00:00:00:01', '02:ee:00:00:00:00'];

export function gatewayMac(vpc: Typed<'Vpc'>): string {
  const hex = vpc.spec.vni.toString(16).padStart(6, '0').match(/../g) ?? [];
  return vpc.spec.gatewayMac ?? `02:54:00:${hex.join(':')}`;
}

function gateways(scene: Scene, vpc: string, six: boolean): string[] {
  return scene
    .all('Subnet')
    .filter((s) => s.spec.vpc === vpc)
    .flatMap((s) => {
      const family = six ? s.spec.ipv6 : s.spec.ipv4;
      if (!family) return [];
      return [family.gateway ?? family.prefix.replace(/(0|:)\/\d+$/, six ? ':1' : '1')];
    });
}

function ownerOf(scene: Scene, vpc: string, address: string): Typed<'Endpoint'> | undefined {
  return scene
    .all('Endpoint')
    .find((e) => e.spec.vpc === vpc && e.spec.addresses.includes(address));
}

/** Any address of a family that somebody may write to. */
function anyAddress(c: Choose, scene: Scene, vpc: string, six: boolean): string {
  const known = scene
    .all('Endpoint')
    .filter((e) => e.spec.vpc === vpc)
    .flatMap((e) => e.spec.addresses.filter((a) => a.includes(':') === six));
  if (scene.get('Vpc', vpc)?.spec.outside && c.chance(60)) return outsideAddress(c, six);
  const kind = c.below(20);
  if (kind < 14 && known.length > 0) return c.pick(known);
  if (kind < 17) return c.pick(six ? ROUTED6 : ROUTED4);
  if (kind < 19) return c.maybe(gateways(scene, vpc, six)) ?? c.pick(six ? ODD6 : ODD4);
  return c.pick(six ? ODD6 : ODD4);
}

export function anyFlow(c: Choose, scene: Scene): Flow | undefined {
  const endpoints = scene.all('Endpoint');
  const local = endpoints.filter((e) => e.spec.host === HOST);
  const sender = c.chance(70) ? (c.maybe(local) ?? c.maybe(endpoints)) : c.maybe(endpoints);
  const vpc = sender?.spec.vpc ?? c.maybe(scene.all('Vpc'))?.metadata.name;
  if (vpc === undefined) return undefined;
  const first = sender && c.chance(92) ? c.pick(sender.spec.addresses) : undefined;
  const six = first?.includes(':') ?? c.chance(50);
  return {
    vpc,
    a: first ?? anyAddress(c, scene, vpc, six),
    b: anyAddress(c, scene, vpc, six),
    protocol: c.pick(['udp', 'udp', 'tcp', 'tcp', 'echo', 'echo', 'sctp', 'icmp', 'other']),
    sport: c.chance(8) ? 500 + c.below(4) : 1000 + c.below(40),
    dport: c.pick([53, 80, 443, 4789]),
  };
}

/** From an endpoint here, to somebody outside. */
export function flowOutside(c: Choose, scene: Scene): Flow | undefined {
  const sender = c.maybe(
    scene
      .all('Endpoint')
      .filter((e) => e.spec.host === HOST && scene.get('Vpc', e.spec.vpc)?.spec.outside),
  );
  if (!sender) return undefined;
  const a = c.pick(sender.spec.addresses);
  const b = c.pick(REMOTES[a.includes(':') ? 6 : 4]);
  const ports = { sport: c.pick([100, 2000]), dport: 53 };
  return { vpc: sender.spec.vpc, a, b, protocol: c.pick(['udp', 'tcp']), ...ports };
}

export function reverse(flow: Flow): Flow {
  const { a, b, sport, dport } = flow;
  return { ...flow, a: b, b: a, sport: dport, dport: sport };
}

/** The device that packets from an address enter by: its endpoint's, or of whom it is routed to. */
function senderOf(c: Choose, scene: Scene, flow: Flow): Typed<'Endpoint'> | undefined {
  const owner = ownerOf(scene, flow.vpc, flow.a);
  if (owner) return owner;
  const vias = scene
    .all('Route')
    .filter((r) => r.spec.vpc === flow.vpc && r.spec.endpoint !== undefined)
    .flatMap((r) => scene.get('Endpoint', r.spec.endpoint ?? '') ?? []);
  return c.chance(80) ? c.maybe(vias) : undefined;
}

/**
 * One packet of a flow's direction a → b.
 * @param only what is out of the ordinary; undefined: anything
 */
export function packetOf(
  c: Choose,
  scene: Scene,
  flow: Flow,
  only?: Deviation,
): Packet | undefined {
  const vpc = scene.get('Vpc', flow.vpc);
  if (!vpc) return undefined;
  const sender = senderOf(c, scene, flow);
  const device = sender && scene.devices.get(sender.metadata.name);
  const deviation = only ?? (c.chance(55) ? 'none' : anyDeviation(c));
  const receiver = ownerOf(scene, flow.vpc, flow.b);
  const gateway = gatewayMac(vpc);
  if (device) {
    const near = receiver !== undefined && receiver.spec.subnet === sender.spec.subnet;
    const eth = {
      dst: near && c.chance(70) ? receiver.spec.mac! : gateway,
      src: sender.spec.mac!,
    };
    const built = innerLayers(c, flow, withMacs(c, eth, deviation), deviation);
    return { from: device.slot, frame: built, note: `${note(flow)} ${deviation}` };
  }
  const inner = {
    dst: receiver && c.chance(85) ? receiver.spec.mac! : gateway,
    src: c.chance(50) ? gateway : (sender?.spec.mac ?? c.pick(['02:ee:00:00:00:00', gateway])),
  };
  const frame = innerLayers(c, flow, withMacs(c, inner, deviation), deviation);
  const vtep = vtepFor(c, scene, sender);
  return { from: 'wire', frame: tunnelled(c, scene, vpc.spec.vni, vtep, frame), note: note(flow) };
}

function withMacs(
  c: Choose,
  eth: { readonly dst: string; readonly src: string },
  deviation: Deviation,
): { readonly dst: string; readonly src: string } {
  if (deviation === 'source MAC') return { ...eth, src: c.pick(MACS) };
  return deviation === 'destination MAC' ? { ...eth, dst: c.pick(MACS) } : eth;
}

function note(flow: Flow): string {
  return `${flow.vpc} ${flow.protocol}`;
}

function vtepFor(c: Choose, scene: Scene, sender: Typed<'Endpoint'> | undefined): string {
  const droplet = scene.all('Droplet').find((d) => d.spec.host === sender?.spec.host);
  if (droplet && droplet.spec.host !== HOST && c.chance(85)) return c.pick(droplet.spec.addresses);
  const others = scene.all('Droplet').filter((d) => d.spec.host !== HOST);
  if (c.chance(80)) return c.maybe(others.flatMap((d) => d.spec.addresses)) ?? c.pick(VTEPS);
  return c.pick(VTEPS);
}

const DEVIATIONS: readonly Deviation[] = [
  'ttl 1',
  'ttl 1',
  'large',
  'large',
  'large with DF',
  'source MAC',
  'destination MAC',
  'source address',
  'first fragment',
  'first fragment',
  'later fragment',
  'later fragment',
  'later fragment',
  'priority tag',
  'VLAN tag',
  'options',
  'extensions',
  'extensions',
  'truncated',
  'trailing',
  'flags',
  'flags',
  'ICMP error',
  'length',
];

function anyDeviation(c: Choose): Deviation {
  return c.pick(DEVIATIONS);
}

/** VXLAN around a frame; sometimes from or to somebody it should not be. */
export function tunnelled(
  c: Choose,
  scene: Scene,
  vni: number,
  vtep: string,
  inner: Uint8Array,
): Uint8Array {
  const odd = c.below(60);
  const six = vtep.includes(':');
  const own = scene.all('Droplet').find((d) => d.spec.host === HOST)?.spec.addresses ?? [];
  const [ours = six ? '2001:db8::9' : '192.0.2.9'] = own.filter((a) => a.includes(':') === six);
  const src = odd === 0 ? (six ? '2001:db8::66' : '192.0.2.66') : vtep;
  const dst = odd === 1 ? (six ? '2001:db8::9' : '192.0.2.9') : ours;
  const eth = p.ether({ dst: '02:dd:00:00:00:01', src: '02:dd:00:00:00:11' });
  const tag = odd < 4 && odd > 1 ? [p.vlan({ vid: odd === 2 ? 0 : 7 })] : [];
  const tos = c.chance(40) ? c.below(256) : 0;
  const bad4 = {
    ...(odd === 4 ? { mf: true } : {}),
    ...(odd === 5 ? { checksum: 'bad' as const } : {}),
    ...(odd === 6 ? { options: new Uint8Array(4) } : {}),
    ...(odd === 7 ? { offset: 80 } : {}),
  };
  const outer = six
    ? p.ip6({ src, dst, trafficClass: tos })
    : p.ip4({ src, dst, tos, df: true, ...bad4 });
  const udp = p.udp({
    sport: 49152 + c.below(99),
    dport: odd === 8 ? 53 : 4789,
    checksum: odd === 9 ? 'bad' : 0,
    ...(odd === 10 ? { length: 12 } : {}),
  });
  const vxlan = p.vxlan({ vni: odd === 11 ? 999 : vni, ...(odd === 12 ? { flags: 0 } : {}) });
  const frame = p.packet(eth, ...tag, outer, udp, vxlan, p.raw(inner));
  return odd === 13 ? p.truncate(frame, 34 + c.below(60)) : frame;
}
