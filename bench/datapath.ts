// SPDX-License-Identifier: Apache-2.0
/**
 * What one packet costs on the hit path: the loaded programs themselves, repeated by
 * BPF_PROG_TEST_RUN inside a loop that undoes their work (bench/bpf/loop.h), against a bare
 * program and against the same work by hand-written minimal programs in the same loop.
 *
 * usage: datapath.ts [ROUNDS [REPEAT]]
 */
import { parseAddress, parseMac } from '../src/base/net.js';
import { ether, ip4, ip6, packet, raw, udp, vxlan } from '../test/support/packet/index.js';
import { isolate, Rig } from '../test/support/rig.js';
import { MAC, VTEP_MAC, WORLD, DROPLET_MAC } from '../test/bpf/world.js';
import { Journal, printTable, ratios, shortSummary, summarize } from './table.js';

isolate();

const ROUNDS = Number(process.argv[2] ?? 9);
const REPEAT = Number(process.argv[3] ?? 200_000);
const ONCE_RUNS = REPEAT / 20;

const rig = new Rig(WORLD);
for (const hook of ['xdp', 'tc']) {
  for (const object of ['loop_agent', 'loop_transit', 'minimal']) {
    rig.programs.load(`build/bench/bpf/${object}_${hook}.o`);
  }
}
const device = (name: string): number => rig.index.devices.get(name) ?? 0;
const payload = raw(18);
const flow4 = { sport: 1000, dport: 2000 };

/** a is local, b is local, r is behind VTEP v1. */
const toRemote4 = packet(
  ether({ dst: MAC.r, src: MAC.a }),
  ip4({ src: '10.1.0.10', dst: '10.1.0.20' }),
  udp(flow4),
  payload,
);
const toRemote6 = packet(
  ether({ dst: MAC.r, src: MAC.a }),
  ip6({ src: 'fd01::10', dst: 'fd01::20' }),
  udp(flow4),
  payload,
);
const toLocal4 = packet(
  ether({ dst: MAC.b, src: MAC.a }),
  ip4({ src: '10.1.0.10', dst: '10.1.0.11' }),
  udp(flow4),
  payload,
);
const outer = [
  ether({ dst: DROPLET_MAC, src: VTEP_MAC.v1 }),
  ip4({ src: '192.0.2.11', dst: '192.0.2.1' }),
  udp({ sport: 50000, dport: 4789, checksum: 0 }),
  vxlan({ vni: 100 }),
];
const fromRemote4 = packet(
  ...outer,
  ether({ dst: MAC.a, src: MAC.r }),
  ip4({ src: '10.1.0.20', dst: '10.1.0.10' }),
  udp(flow4),
  payload,
);
const fromRemote6 = packet(
  ...outer,
  ether({ dst: MAC.a, src: MAC.r }),
  ip6({ src: 'fd01::20', dst: 'fd01::10' }),
  udp(flow4),
  payload,
);

/** The minimal programs' only flow, both ways: struct tuple -> struct action. */
function minimalFlow(source: string, destination: string, vni: number): void {
  const map = rig.map('min_flow');
  const key = new Uint8Array(map.keySize);
  const view = new DataView(key.buffer);
  key.set(parseAddress(source).bytes.subarray(12), 0);
  key.set(parseAddress(destination).bytes.subarray(12), 4);
  view.setUint16(8, flow4.sport);
  view.setUint16(10, flow4.dport);
  view.setUint32(12, vni, true);
  const value = new Uint8Array(map.valueSize);
  value.set(parseMac(MAC.r), 0);
  value.set(parseMac(MAC.a), 6);
  value.set(parseMac(VTEP_MAC.v1), 12);
  value.set(parseMac(DROPLET_MAC), 18);
  value.set(parseAddress('192.0.2.1').bytes.subarray(12), 24);
  value.set(parseAddress('192.0.2.11').bytes.subarray(12), 28);
  new DataView(value.buffer).setUint32(32, 100, true);
  new DataView(value.buffer).setUint32(36, device('droplet'), true);
  map.update(key, value);
}
minimalFlow('10.1.0.10', '10.1.0.20', 0);
minimalFlow('10.1.0.20', '10.1.0.10', 100);

interface Case {
  readonly name: string;
  readonly program: string;
  readonly frame: Uint8Array;
  readonly from: string;
  /** The minimal program that does the same work. */
  readonly same?: string;
  /** One packet a call: on tc the kernel refuses to encapsulate a packet twice. */
  readonly once?: boolean;
}
const cases = (hook: string): Case[] =>
  [
    {
      name: 'agent: encapsulate and send, IPv4',
      program: 'agent_loop4',
      frame: toRemote4,
      from: 'a',
      same: 'min_encap_loop',
    },
    {
      name: 'agent: encapsulate and send, IPv6',
      program: 'agent_loop6',
      frame: toRemote6,
      from: 'a',
      same: 'min_encap_loop',
    },
    { name: 'agent: deliver on the same host', program: 'agent_near', frame: toLocal4, from: 'a' },
    {
      name: 'transit: decapsulate and deliver, IPv4',
      program: 'transit_loop4',
      frame: fromRemote4,
      from: 'droplet',
      same: 'min_decap_loop',
    },
    {
      name: 'transit: decapsulate and deliver, IPv6',
      program: 'transit_loop6',
      frame: fromRemote6,
      from: 'droplet',
      same: 'min_decap_loop',
    },
  ].map((c) => {
    const once = hook === 'tc' && c.same === 'min_encap_loop';
    return {
      ...c,
      name: `${hook} ${c.name}${once ? ' *' : ''}`,
      ...(once ? { once, program: 'agent', same: 'min_encap_once' } : {}),
    };
  });

/** Mean ns of one packet. */
function time(
  program: string,
  frame: Uint8Array,
  from: string,
  once: boolean,
  expect?: number,
): number {
  const loaded = rig.programs.programs.get(program);
  if (!loaded) throw new Error(`no program ${program}`);
  const runs = once ? ONCE_RUNS : 1;
  let sum = 0;
  for (let i = 0; i < runs; i++) {
    const result = loaded.run(frame, device(from), once ? 1 : REPEAT);
    if (expect !== undefined && result.verdict !== expect) {
      throw new Error(`${program}: verdict ${result.verdict}, not ${expect}`);
    }
    sum += result.durationNs;
  }
  return sum / runs;
}

const journal = new Journal('datapath');
const rows: string[][] = [];
for (const hook of ['xdp', 'tc'] as const) {
  const sent = hook === 'xdp' ? 4 : 7;
  for (const one of cases(hook)) {
    rig.run(one.from === 'droplet' ? 'transit' : 'agent', hook, one.from, one.frame); // leaves the record
    const own: number[] = [];
    const bare: number[] = [];
    const minimal: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const once = one.once === true;
      const frame = one.same?.startsWith('min_encap') === false ? fromRemote4 : toRemote4;
      const values = [
        time(`${hook}_bare`, toRemote4, 'a', once),
        one.same === undefined ? NaN : time(`${hook}_${one.same}`, frame, one.from, once, sent),
        time(`${hook}_${one.program}`, one.frame, one.from, once, sent),
      ];
      if (round < 0) continue;
      bare.push(values[0] ?? NaN);
      minimal.push(values[1] ?? NaN);
      own.push(values[2] ?? NaN);
    }
    const overBare = ratios(own, bare);
    const overMinimal = one.same === undefined ? undefined : ratios(own, minimal);
    journal.write({ case: one.name, unit: 'ns', own, bare, minimal, overBare, overMinimal });
    rows.push([
      one.name,
      shortSummary(summarize(own)),
      shortSummary(overBare),
      overMinimal === undefined ? '–' : shortSummary(overMinimal),
      one.same === undefined ? '' : '≤ 1.25',
    ]);
  }
}
printTable(
  `Hit path, one flow, ${ROUNDS} rounds of ${REPEAT} packets`,
  ['what', 'ns a packet', 'over a bare program', 'over minimal, same work (IPv4)', 'goal'],
  rows,
);
console.log(
  '* one packet a call: all three columns carry the cost of starting the clock, about 30 ns',
);
process.exit(0);
