// SPDX-License-Identifier: Apache-2.0
/**
 * Where tests of uniqueness play: a gateway whose configuration changes, with short times and few
 * ports, endpoints on it and behind its tunnel, and what their packets look like outside.
 */
import { addressFromBytes, formatAddress } from '../../src/base/net.js';
import type { StoredObject } from '../../src/model/index.js';
import {
  DROPLET_MAC,
  droplet,
  HOST,
  kernelRoute,
  neighbour,
  object,
  way,
} from '../calc/support.js';
import { Gateway } from '../support/gateway.js';
import * as p from '../support/packet/index.js';
import { makeDevices, type Hook } from '../support/rig.js';

/** Seconds: short, so that ageing is part of a history. */
export const TIMEOUT_S = 3;
export const QUARANTINE_S = 3;
export const BLOCK = 64;
export const POOL = ['203.0.113.1', '203.0.113.2', '203.0.113.3'] as const;
export const DESTINATIONS = ['198.51.100.7', '198.51.100.8', '198.51.100.9'] as const;
const GATEWAY_MAC = '02:54:00:00:00:07';
const VNI = 7;

let devices: ReadonlyMap<string, number> | undefined;
/** Devices are made when they are first asked for: in the namespace of the test by then. */
function ifindex(name: string): number {
  devices ??= makeDevices(['droplet', 'out', 'l0', 'l1']);
  return devices.get(name) ?? 0;
}

/** Two of this host, four behind the tunnel. */
export const PEOPLE = ['l0', 'l1', 'r0', 'r1', 'r2', 'r3'] as const;
export type Person = (typeof PEOPLE)[number];
export const addressOf = (who: Person): string =>
  `10.0.0.${(who.startsWith('l') ? 10 : 20) + Number(who[1])}`;
const macOf = (who: Person): string => `02:00:00:00:01:${who.startsWith('l') ? '1' : '2'}${who[1]}`;

export const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, gre: 47 } as const;
export type Protocol = keyof typeof PROTOCOLS;

function layer4(protocol: Protocol, sport: number): p.Layer {
  if (protocol === 'tcp') return p.tcp({ sport, dport: 80, flags: 'S' });
  if (protocol === 'udp') return p.udp({ sport, dport: 53 });
  return protocol === 'icmp' ? p.echo4(sport, 1) : p.raw(20);
}

export function frameFrom(who: Person, protocol: Protocol, sport: number, dst: string): Uint8Array {
  const inner = [
    p.ip4({ src: addressOf(who), dst, protocol: PROTOCOLS[protocol] }),
    layer4(protocol, sport),
  ];
  if (who.startsWith('l'))
    return p.packet(p.ether({ dst: GATEWAY_MAC, src: macOf(who) }), ...inner);
  return p.packet(
    p.ether({ dst: DROPLET_MAC, src: '02:00:00:00:00:02' }),
    p.ip4({ src: '192.0.2.2', dst: '192.0.2.1', df: true }),
    p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
    p.vxlan({ vni: VNI }),
    p.ether({ dst: GATEWAY_MAC, src: GATEWAY_MAC }),
    ...inner,
  );
}

export const entry = (who: Person): { program: 'agent' | 'transit'; ifindex: number } =>
  who.startsWith('l')
    ? { program: 'agent', ifindex: ifindex(who) }
    : { program: 'transit', ifindex: ifindex('droplet') };

export interface Tuple {
  readonly address: string;
  /** Port or identifier; of protocols without, the remote address. */
  readonly port: number | string;
  readonly protocol: Protocol;
}
export const tupleText = ({ address, port, protocol }: Tuple): string =>
  `${protocol} ${address} ${port}`;

/** What a packet looks like outside. */
export function seen(data: Uint8Array, protocol: Protocol): Tuple {
  const text = (at: number): string =>
    formatAddress({
      family: 4,
      bytes: Uint8Array.from([
        ...new Array<number>(10).fill(0),
        255,
        255,
        ...data.slice(at, at + 4),
      ]),
    });
  const view = new DataView(data.buffer, data.byteOffset);
  const port = protocol === 'gre' ? text(30) : view.getUint16(34 + (protocol === 'icmp' ? 4 : 0));
  return { address: text(26), port, protocol };
}

export interface Setup {
  /** Indexes into POOL. */
  readonly pool: readonly number[];
  readonly people: readonly Person[];
  readonly forward: { readonly pool: number; readonly port: number } | undefined;
  /** Another tenant, with a NatGateway and addresses of its own, is there. */
  readonly other: boolean;
}
export const FIRST: Setup = { pool: [0, 1], people: PEOPLE, forward: undefined, other: false };

const fixed: readonly StoredObject[] = [
  object('Droplet', 'd', { host: HOST, device: 'eth0', addresses: ['192.0.2.1'] }),
  object('Droplet', 'a-out', {
    host: HOST,
    device: 'eth1',
    addresses: ['198.51.100.1'],
    outside: true,
  }),
  object('Droplet', 'far', { host: 'h2', device: 'eth0', addresses: ['192.0.2.2'] }),
  object('Vpc', 'v', {
    vni: VNI,
    outside: { host: HOST },
    limits: { connections: 200 },
    icmp: { rate: 0 },
  }),
  object('Subnet', 's', { vpc: 'v', ipv4: { prefix: '10.0.0.0/24' } }),
];
const people = new Map<Person, StoredObject>(
  PEOPLE.map((who) => [
    who,
    object('Endpoint', who, {
      host: who.startsWith('l') ? HOST : 'h2',
      vpc: 'v',
      subnet: 's',
      addresses: [addressOf(who)],
      mac: macOf(who),
      ...(who.startsWith('l') ? { device: { kind: 'existing' as const, name: who } } : {}),
    }),
  ]),
);
const facts = () => [
  droplet('d', ifindex('droplet')),
  droplet('a-out', ifindex('out')),
  way('192.0.2.2', ifindex('droplet'), '192.0.2.1'),
  ...(['l0', 'l1'] as const).map((who) => ({
    type: 'device' as const,
    fact: { endpoint: who, device: { ifindex: ifindex(who), mtu: 1450, vethPeer: false } },
  })),
  kernelRoute('0.0.0.0/0', ifindex('out'), '198.51.100.254'),
  neighbour(ifindex('out'), '198.51.100.254'),
];

/** Somebody else's: nothing of it concerns what is looked at. */
const other: readonly StoredObject[] = [
  object('Vpc', 'w', { vni: 8, outside: { host: HOST } }),
  object('Subnet', 't', { vpc: 'w', ipv4: { prefix: '10.0.0.0/24' } }),
  object('NatGateway', 'm', { sources: [{ vpc: 'w' }], addresses: ['203.0.113.200'] }),
];

/** The objects of one gateway. */
export class Objects {
  private made: { readonly setup: Setup; readonly objects: readonly StoredObject[] } | undefined;

  /** The same objects for what has not changed: as a store would say it. */
  of(setup: Setup): readonly StoredObject[] {
    const before = this.made;
    const samePool = before?.setup.pool.join() === setup.pool.join();
    const sameForward = before?.setup.forward === setup.forward;
    const old = (name: string) => before?.objects.find(({ metadata }) => metadata.name === name);
    const gateway =
      (samePool ? old('n') : undefined) ??
      object('NatGateway', 'n', {
        sources: [{ vpc: 'v' }],
        addresses: setup.pool.map((i) => POOL[i]!),
        blockSize: BLOCK,
        blocksPerEndpoint: 2,
        quarantine: QUARANTINE_S,
      });
    const { forward } = setup;
    const forwarding =
      forward &&
      ((sameForward ? old('f') : undefined) ??
        object('PortForward', 'f', {
          address: POOL[forward.pool]!,
          protocol: 'both',
          port: String(forward.port),
          endpoint: 'l0',
        }));
    const objects = [
      ...fixed,
      ...setup.people.map((who) => people.get(who)!),
      gateway,
      ...(forwarding ? [forwarding] : []),
      ...(setup.other ? other : []),
    ];
    this.made = { setup, objects };
    return objects;
  }
}

/** Of one hook, with ageing and a daemon that knows no objects yet. A mapping is two entries. */
export function makeGateway(hook: Hook, entries = 1024): Gateway {
  return new Gateway(hook, facts(), {
    rodata: Object.fromEntries(
      ['tcp_established', 'tcp_transitory', 'udp', 'icmp', 'other'].map((name) => [
        `cfg_nat_${name}_s`,
        TIMEOUT_S,
      ]),
    ),
    maxEntries: { flow: 2048, nat_map: entries, frag: 16 },
  });
}

export const addressText = (bytes: Uint8Array): string => formatAddress(addressFromBytes(bytes));

/** Who sends: of protocols without ports a mapping is for each remote address. */
export const insideText = (who: Person, protocol: Protocol, sport: number, dst: string): string =>
  `${protocol} ${who} ${protocol === 'gre' ? dst : sport}`;

/** An answer to what was seen outside, and whom it is for when it arrives. */
export function answerTo({ address, port, protocol }: Tuple, from: string): Uint8Array {
  const ip = p.ip4({ src: from, dst: address, protocol: PROTOCOLS[protocol] });
  const back =
    protocol === 'tcp'
      ? p.tcp({ sport: 80, dport: Number(port), flags: 'SA' })
      : protocol === 'udp'
        ? p.udp({ sport: 53, dport: Number(port) })
        : protocol === 'icmp'
          ? p.echoReply4(Number(port))
          : p.raw(20);
  return p.packet(p.ether({ dst: DROPLET_MAC, src: '02:00:00:00:00:03' }), ip, back);
}
/** Inside, whom a packet that came in is for, by its address and port. */
export function receiverOf(data: Uint8Array, who: Person, protocol: Protocol): string | undefined {
  const tunnel = who.startsWith('l') ? 0 : 50;
  const address = [...data.subarray(tunnel + 30, tunnel + 34)].join('.');
  if (address !== addressOf(who)) return undefined;
  const at = tunnel + 34 + (protocol === 'icmp' ? 4 : 2);
  const port = new DataView(data.buffer, data.byteOffset).getUint16(at);
  const remote = [...data.subarray(tunnel + 26, tunnel + 30)].join('.');
  return insideText(who, protocol, port, remote);
}

export const outside = (): number => ifindex('out');
