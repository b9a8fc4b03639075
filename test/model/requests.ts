// SPDX-License-Identifier: Apache-2.0
/** Questions to the host itself: ARP, neighbour discovery, echo to a gateway; and noise. */
import * as p from '../support/packet/index.js';
import type { Choose } from './choose.js';
import { gatewayMac, tunnelled, type Packet } from './packets.js';
import { HOST, type Scene, type Typed } from './scene.js';
import { VTEPS } from './configuration.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const mapped = p.concat(new Uint8Array(10), p.u8(0xff, 0xff, 10, 1, 0, 3));

function asked(c: Choose, scene: Scene, vpc: string, six: boolean): p.Address {
  const all = [
    ...scene
      .all('Endpoint')
      .filter((e) => e.spec.vpc === vpc)
      .flatMap((e) => e.spec.addresses),
    ...(six
      ? ['fd01::1', 'fd02::1', 'fd16::1', 'fd01::77']
      : ['10.1.0.1', '10.2.0.1', '10.1.0.77']),
  ].filter((a) => a.includes(':') === six);
  return six && c.chance(5) ? mapped : c.pick(all);
}

function arp(c: Choose, scene: Scene, from: Typed<'Endpoint'>): Uint8Array {
  const mac = from.spec.mac!;
  const odd = c.below(12);
  const own = from.spec.addresses.find((a) => !a.includes(':')) ?? '10.1.0.9';
  return p.packet(
    p.ether({ dst: BROADCAST, src: mac, ...(c.chance(50) ? { pad: 60 } : {}) }),
    p.arp({
      op: odd === 0 ? 2 : 1,
      sha: odd === 1 ? '02:77:00:00:00:01' : mac,
      spa: odd === 2 ? '0.0.0.0' : odd === 3 ? '10.1.0.8' : own,
      tpa: asked(c, scene, from.spec.vpc, false),
      ...(odd === 4 ? { hlen: 8 } : {}),
    }),
  );
}

function neighbour(c: Choose, scene: Scene, from: Typed<'Endpoint'>): Uint8Array {
  const mac = from.spec.mac!;
  const odd = c.below(14);
  const target = asked(c, scene, from.spec.vpc, true);
  const own = from.spec.addresses.find((a) => a.includes(':')) ?? 'fe80::9';
  const src = odd === 0 ? '::' : odd === 1 ? 'fe80::1' : odd === 2 ? 'fd01::8' : own;
  const solicited = p.solicitedNode(target);
  const options = c.chance(60) ? [p.linkLayerOption(1, mac)] : [];
  const ip = p.ip6({
    src: odd === 3 ? mapped : src,
    dst: c.chance(50) ? solicited.ip : target,
    hopLimit: odd === 4 ? 64 : 255,
  });
  const what =
    odd === 5
      ? p.neighbourAdvertisement({ target })
      : odd === 6
        ? p.routerSolicitation()
        : p.neighbourSolicitation({ target, options, code: odd === 7 ? 1 : 0 });
  return p.packet(p.ether({ dst: solicited.mac, src: mac }), ip, what);
}

function echo(c: Choose, scene: Scene, from: Typed<'Endpoint'>): Uint8Array | undefined {
  const vpc = scene.get('Vpc', from.spec.vpc);
  if (!vpc) return undefined;
  const src = c.pick(from.spec.addresses);
  const six = src.includes(':');
  const dst = six ? c.pick(['fd01::1', 'fd02::1']) : c.pick(['10.1.0.1', '10.2.0.1', '10.1.0.254']);
  const eth = p.ether({ dst: gatewayMac(vpc), src: from.spec.mac! });
  const fragmented = c.below(6);
  const offset = fragmented === 1 ? 1480 : 0;
  const more = fragmented === 0;
  const id = c.below(2);
  const body = [six ? p.echo6(7) : p.echo4(7), p.raw(c.pick([0, 33, 600, 1400]))];
  if (!six) return p.packet(eth, p.ip4({ src, dst, id, mf: more, offset }), ...body);
  const parts = fragmented < 2 ? [p.fragment({ offset, more, id })] : [];
  return p.packet(eth, p.ip6({ src, dst }), ...parts, ...body);
}

/** From a local endpoint to its host. */
export function request(c: Choose, scene: Scene): Packet | undefined {
  const from = c.maybe(
    scene.all('Endpoint').filter((e) => e.spec.host === HOST && scene.devices.has(e.metadata.name)),
  );
  const device = from && scene.devices.get(from.metadata.name);
  if (!device) return undefined;
  const kind = c.pick([arp, neighbour, echo]);
  const frame = kind(c, scene, from);
  return frame && { from: device.slot, frame, note: `${from.spec.vpc} ${kind.name}` };
}

/** The host's own traffic, frames of no known kind, and what no endpoint sends. */
export function noise(c: Choose, scene: Scene): Packet {
  const kind = c.below(6);
  const mac = { dst: '02:dd:00:00:00:01', src: '02:dd:00:00:00:11' };
  const frames: readonly (() => Uint8Array)[] = [
    () =>
      p.packet(
        p.ether(mac),
        p.ip4({ src: '192.0.2.11', dst: '192.0.2.1' }),
        p.tcp({ sport: 179, dport: 40000 }),
        p.raw(c.below(99)),
      ),
    () =>
      p.packet(p.ether(mac), p.arp({ op: 1, sha: mac.src, spa: '192.0.2.11', tpa: '192.0.2.1' })),
    () => p.packet(p.ether({ ...mac, type: 0x88cc }), p.raw(46)),
    () => p.packet(p.ether(mac), p.vlan({ vid: 5 }), p.raw(46)),
    () => p.packet(p.ether(mac), p.ip6({ src: 'fe80::1', dst: 'ff02::5', next: 89 }), p.raw(40)),
    () => innerNoise(c, scene),
  ];
  const from = kind < 5 && c.chance(40) ? c.below(7) : 'wire';
  return { from, frame: frames[kind]!(), note: 'noise' };
}

function innerNoise(c: Choose, scene: Scene): Uint8Array {
  const vni = c.maybe(scene.all('Vpc'))?.spec.vni ?? 100;
  const mac = { dst: c.pick([BROADCAST, '02:00:00:00:00:01']), src: '02:00:00:00:00:02' };
  const inner = c.pick([
    () => p.packet(p.ether(mac), p.arp({ op: 1, sha: mac.src, spa: '10.1.0.2', tpa: '10.1.0.3' })),
    () =>
      p.packet(
        p.ether(mac),
        p.vlan({ vid: c.below(2) }),
        p.ip4({ src: '10.1.0.2', dst: '10.1.0.3' }),
      ),
    () => p.packet(p.ether({ ...mac, type: 0x1234 }), p.raw(50)),
  ])();
  return tunnelled(c, scene, vni, c.pick(VTEPS), inner);
}
