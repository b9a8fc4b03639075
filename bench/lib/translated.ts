// SPDX-License-Identifier: Apache-2.0
/**
 * The ways that translated packets take through a gateway, each beside the plain way that does the
 * same but for translation: loops of bench/bpf/fresh.h, or one packet a call where tc cannot undo
 * what was done to it.
 */
import { parseAddress } from '../../src/base/net.js';
import { addOutside, type OutsideSpec } from '../../test/support/outside.js';
import { ether, packet, raw, udp } from '../../test/support/packet/index.js';
import type { Hook, ProgramName } from '../../test/support/rig.js';
import type { Loops } from './loops.js';
import {
  A,
  B,
  DROPLET_MAC,
  GATEWAY_MAC,
  ip,
  PAYLOAD,
  REMOTE,
  tunnel,
  type Family,
} from './world.js';

const ROUTER_MAC = '02:ff:00:00:00:01';
export const WORLD_HOST = { 4: '198.51.100.7', 6: '2001:db8:5::7' } as const;
/** Of the prefixes that are reached untranslated. */
const EXEMPT_HOST = { 4: '198.51.100.200', 6: '2001:db8:6::7' } as const;
const SPORT = 5001;
const DPORT = 9999;

/** A pool of many addresses, for many mappings. */
const pool = (addresses: number): string[] =>
  Array.from({ length: addresses }, (_, i) => [
    `203.0.113.${1 + i}`,
    `2001:db8:f::${1 + i}`,
  ]).flat();

export function outside(addresses: number): OutsideSpec {
  return {
    router: { mac: ROUTER_MAC, address: '192.0.2.254' },
    addresses: ['192.0.2.1', '2001:db8::1'],
    mac: DROPLET_MAC,
    vnis: [100],
    nat64: '2001:db8:64::/96',
    pool: pool(addresses),
    blockSize: 1024,
    maxBlocks: 8,
    users: {
      a: [`100/${A.address[4]}`, `100/${A.address[6]}`],
      r: [`100/${REMOTE[4].address[4]}`, `100/${REMOTE[4].address[6]}`],
    },
    exempt: ['198.51.100.128/25', '2001:db8:6::/48'],
  };
}

/** From an inside address to one outside, or to another endpoint: routed. */
export function outgoing(family: Family, from: typeof A, to: string): Uint8Array {
  return packet(
    ether({ dst: GATEWAY_MAC, src: from.mac }),
    ip(family, from.address[family], to),
    udp({ sport: SPORT, dport: DPORT }),
    raw(PAYLOAD),
  );
}

/** The answer to a frame that has left by the droplet. */
function answer(family: Family, left: Uint8Array): Uint8Array {
  const view = new DataView(left.buffer, left.byteOffset);
  const l4 = 14 + (family === 4 ? 20 : 40);
  const at = family === 4 ? 26 : 22;
  const size = family === 4 ? 4 : 16;
  const text = (offset: number): string => {
    const bytes = left.subarray(offset, offset + size);
    return family === 4
      ? bytes.join('.')
      : Array.from({ length: 8 }, (_, i) =>
          ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
        ).join(':');
  };
  return packet(
    ether({ dst: DROPLET_MAC, src: ROUTER_MAC }),
    ip(family, text(at + size), text(at)),
    udp({ sport: view.getUint16(l4 + 2), dport: view.getUint16(l4) }),
    raw(PAYLOAD),
  );
}

export type WayName = 'out' | 'in' | 'from-tunnel' | 'to-tunnel';
/** WORLD_HOST[4], as IPv6 endpoints see it. */
const HOST64 = '2001:db8:64::c633:6407';

/** One loop, or one program called packet by packet. */
interface Run {
  readonly program: ProgramName;
  readonly device: 'a' | 'droplet';
  readonly loop: string;
  readonly frame: Uint8Array;
}

export interface Way {
  readonly name: WayName;
  readonly hook: Hook;
  readonly family: Family;
  /** What becomes of the packet: "v4", "v6", or "64". */
  readonly kind: string;
  /** tc cannot undo it: one packet a call. */
  readonly once: boolean;
  readonly own: Run;
  /** The plain hit path that moves a packet between the same kinds of place. */
  readonly plain: Run;
  /** The very same way, for a destination that is exempt from translation. */
  readonly exempt: Run;
  /** The loop with nothing in it. */
  readonly nothing: string;
}

const run = (program: ProgramName, loop: string, frame: Uint8Array): Run => ({
  program,
  device: program === 'agent' ? 'a' : 'droplet',
  loop,
  frame,
});

/** Sends a connection's first packets through the programs and answers with what is sent on. */
function learn(loops: Loops, program: ProgramName, frame: Uint8Array): Uint8Array {
  const from = program === 'agent' ? 'a' : 'droplet';
  const { verdict, data } = loops.rig.inject(program, 'xdp', from, frame);
  if (verdict !== 'sent') throw new Error(`the first packet was ${verdict}`);
  return data;
}

/** All ways of a family on a hook; their connections are known afterwards. */
export function ways(loops: Loops, hook: Hook, family: Family): Way[] {
  const remote = REMOTE[4];
  const out = (to: string): Uint8Array => outgoing(family, A, to);
  const wrapped = (to: string): Uint8Array =>
    // its host has routed it: the VPC's router MAC on both sides
    tunnel(4, outgoing(family, { ...remote, mac: GATEWAY_MAC }, to));
  const [host, exempt] = [WORLD_HOST[family], EXEMPT_HOST[family]];
  const inOf = (to: string): Uint8Array => answer(family, learn(loops, 'agent', out(to)));
  const intoOf = (to: string): Uint8Array => answer(family, learn(loops, 'transit', wrapped(to)));
  const agent = `${hook}_fresh_agent_0${family}`;
  const from = `${hook}_fresh_outside_0${family}`;
  const decap = `${hook}_fresh_decap_4${family}`;
  const into = `${hook}_fresh_into_4${family}`;
  const near = run('agent', agent, out(B.address[family]));
  const plainDecap = run('transit', decap, wrapped(A.address[family]));
  const plainEncap = run('agent', `${hook}_fresh_encap_4${family}`, out(remote.address[family]));
  const out64 = outgoing(6, A, HOST64);
  learn(loops, 'agent', out64);
  for (const { program, frame } of [near, plainDecap, plainEncap]) learn(loops, program, frame);
  const tc = hook === 'tc';
  const kind = `v${family}`;
  return [
    {
      ...{
        name: 'out',
        kind,
        hook,
        family,
        once: false,
        nothing: `${hook}_fresh_still_0${family}`,
      },
      own: run('agent', agent, out(host)),
      plain: near,
      exempt: run('agent', agent, out(exempt)),
    },
    {
      ...{ name: 'in', kind, hook, family, once: false, nothing: `${hook}_fresh_still_0${family}` },
      own: run('transit', from, inOf(host)),
      plain: near,
      exempt: run('transit', from, inOf(exempt)),
    },
    {
      ...{
        name: 'from-tunnel',
        kind,
        hook,
        family,
        once: false,
        nothing: `${hook}_fresh_still_4${family}`,
      },
      own: run('transit', decap, wrapped(host)),
      plain: plainDecap,
      exempt: run('transit', decap, wrapped(exempt)),
    },
    {
      ...{
        name: 'to-tunnel',
        kind,
        hook,
        family,
        once: tc,
        nothing: `${hook}_fresh_still_0${family}`,
      },
      own: run('transit', into, intoOf(host)),
      plain: plainEncap,
      exempt: run('transit', into, intoOf(exempt)),
    },
    ...(family === 6
      ? [
          {
            ...({ name: 'out', kind: '64', hook, family, once: tc } as const),
            nothing: `${hook}_fresh_still_06`,
            own: run('agent', `${hook}_fresh_xlat_06`, out64),
            plain: near,
            exempt: near,
          },
        ]
      : []),
  ];
}

/** ns of a packet, every one of which went by its record; KEPT as Loops.single(). */
export function slice(loops: Loops, way: Way, what: Run, packets: number): number {
  const count = (): number => {
    const { nodes, dropped } = loops.rig.counts(what.program, way.hook);
    return (nodes.FLOW ?? 0) - dropped;
  };
  loops.tick();
  const device = loops.device(what.device);
  const before = count();
  let ns;
  if (way.once) {
    const program = loops.program(`${way.hook}_${what.program}`);
    const times = Array.from({ length: packets }, () => program.run(what.frame, device).durationNs);
    const kept = times.sort((a, b) => a - b).slice(0, Math.ceil(packets * 0.9));
    ns = kept.reduce((a, b) => a + b, 0) / kept.length;
  } else {
    loops.targets(0, 1, 0);
    ns = loops.slice(what.loop, what.frame, device, packets, 1);
  }
  const seen = count() - before;
  if (seen !== packets)
    throw new Error(`${way.hook} ${way.name} ${what.loop}: ${seen} of ${packets} by their record`);
  return ns;
}

/** Further inside addresses of a's, each with a lease of its own: for many mappings. */
export function addSources(loops: Loops, family: Family, count: number): { base: number } {
  const first = family === 4 ? '10.64.0.0' : 'fd01::4000:0';
  const { bytes } = parseAddress(first);
  const base = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
  const addr = loops.rig.layouts;
  const key = (
    b: Uint8Array,
  ): { struct: string; value: { vni: number; addr: { b: Uint8Array } } } => ({
    struct: 'addr_key',
    value: { vni: 100, addr: { b } },
  });
  const like = addr.decode(
    'addr_val',
    loops.rig.map('addr').lookup(loops.rig.key(key(parseAddress(A.address[family]).bytes)))!,
  );
  for (let i = 0; i < count; i++) {
    const b = Uint8Array.from(bytes);
    new DataView(b.buffer).setUint32(12, base + i);
    const sub = 10 + i;
    loops.rig.write({ map: 'nat_sub', key: sub, struct: 'nat_sub_val', value: { gw: 1 } });
    loops.rig.write({ map: 'addr', key: key(b), struct: 'addr_val', value: { ...like, sub } });
  }
  return { base };
}

export { addOutside };
