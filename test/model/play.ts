// SPDX-License-Identifier: Apache-2.0
/** Plays a history on the real data plane and on the model, and compares after every packet. */
import { Host, World, type Outcome } from '../support/model/index.js';
import { answered, type Neighbour, type Sent } from './answers.js';
import { WAN_MAC } from './arrivals.js';
import type { History, Step } from './history.js';
import { gatewayMac, type Packet } from './packets.js';
import { WAN_MTU } from './outside.js';
import { NODE_NAMES, type Plane, type Ran } from './plane.js';
import { HOST, OUTSIDE, Scene, type Change } from './scene.js';

/** Expected and got, where they differed first. */
export interface Difference {
  readonly hook: string;
  /** Index of the step; of none when the counters differ at the end. */
  readonly step: number | undefined;
  readonly expected: Seen;
  readonly got: Seen;
  /** What was played, by step. */
  readonly packets: readonly (Packet | undefined)[];
}

export interface Seen {
  readonly verdict: string;
  readonly counted: string;
  readonly out: string;
  readonly data: Uint8Array | undefined;
}

/** Device of the daemon, which runs in half of all histories: none that packets come by. */
const DAEMON = 1;

/** What the program should have counted. */
function countedOf(outcome: Outcome): string {
  const labels = ['received', ...outcome.nodes];
  const { reason, error, verdict } = outcome;
  if (reason === undefined) labels.push(verdict);
  else labels.push(`drop ${reason}`);
  if (error === 'yes') labels.push('generated');
  return labels.sort().join(', ');
}

function expectation(outcome: Outcome, plane: Plane, observed: boolean): Seen {
  const { verdict, emitted } = outcome;
  let out = '';
  if (observed && emitted && (verdict === 'sent' || verdict === 'punted')) {
    const direct = emitted.peer && plane.hook === 'tc';
    out = `device ${emitted.ifindex}${direct ? ', peer' : ''}`;
  }
  const given = verdict === 'punted' ? 'sent' : verdict;
  return { verdict: given, counted: countedOf(outcome), out, data: emitted?.bytes };
}

function result(ran: Ran): Seen {
  const { verdict, counted, data, redirect } = ran;
  const out =
    redirect && verdict === 'sent'
      ? `device ${redirect.ifindex}${redirect.peer ? ', peer' : ''}`
      : '';
  return { verdict, counted, out, data: verdict === 'dropped' ? undefined : data };
}

/** Which nodes were visited is left out. */
function outcomes(counted: string): string {
  return counted
    .split(', ')
    .filter((label) => !NODE_NAMES.has(label.split(' ')[0] ?? ''))
    .join(', ');
}

/**
 * @param loosely whatever way led to it. A translated packet's record is more than a conclusion, so the
 * model does not say when one is used.
 */
function same(a: Seen, b: Seen, loosely: boolean): boolean {
  const as = loosely ? outcomes : (counted: string): string => counted;
  if (a.verdict !== b.verdict || as(a.counted) !== as(b.counted) || a.out !== b.out) return false;
  if (!a.data || !b.data) return a.data === b.data;
  return Buffer.from(a.data).equals(b.data);
}

/** The two things that may happen when only the program's clock knows whether an error may go. */
function readings(outcome: Outcome): readonly Outcome[] {
  if (outcome.error !== 'perhaps') return [outcome];
  const nodes = outcome.nodes.filter((node) => node !== 'ICMP_ERROR');
  return [
    { ...outcome, error: 'yes' },
    { ...outcome, error: 'no', verdict: 'dropped', emitted: undefined, nodes },
  ];
}

/** Bytes: a page less 64 of room before the frame and 320 of struct skb_shared_info. */
const TC_LARGEST = 4096 - 64 - 320;

/**
 * Whether the kernel runs tc programs on a frame: to give the socket buffer addresses it reads the
 * IP header, which must be whole, and the frame must fit one page with what a buffer has before
 * and behind it (bpf_prog_test_run_skb). Nothing to do with our programs.
 */
function runsOnTc({ frame }: Packet): boolean {
  if (frame.length > TC_LARGEST) return false;
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return frame.length >= 14 + (type === 0x0800 ? 20 : type === 0x86dd ? 40 : 0);
}

/** What a scene is to the model: the same on both hooks. */
function worldOf(scene: Scene, plane: Plane): World {
  const devices = [...scene.devices].map(
    ([name, d]) => [name, { ...d, ifindex: plane.device(d.slot) }] as const,
  );
  const ways = [...scene.ways].map(
    ([vtep, w]) => [vtep, { ...w, ifindex: plane.device('wire') }] as const,
  );
  const ifindex = plane.device('wan');
  const outside = {
    droplets: new Map([[OUTSIDE, { ifindex, mac: WAN_MAC, mtu: WAN_MTU }]]),
    routes: [...scene.outsideRoutes].map(([prefix, route]) => ({ prefix, ...route, ifindex })),
    neighbours: new Map(
      [...scene.neighbours].map(([address, mac]) => [address, { ifindex, mac }] as const),
    ),
  };
  const around = { devices: new Map(devices), ways: new Map(ways), outside };
  return new World([...scene.objects.values()], around, HOST);
}

/** Endpoints here, which may write to what others have learnt. */
function neighbours(scene: Scene): Neighbour[] {
  return scene.all('Endpoint').flatMap(({ metadata, spec }) => {
    const device = scene.devices.get(metadata.name);
    const vpc = scene.get('Vpc', spec.vpc);
    if (!device || !vpc || spec.host !== HOST) return [];
    const { addresses, mac = '' } = spec;
    return [{ slot: device.slot, src: mac, dst: gatewayMac(vpc), addresses }];
  });
}

/** The packet of a step; undefined when there is nothing to answer. */
function packetOf(
  step: Exclude<Step, { kind: 'change' }>,
  sent: ReadonlyMap<number, Sent>,
  scene: Scene,
): Packet | undefined {
  if (step.kind === 'packet') return step.packet;
  const question = sent.get(step.of);
  return question && answered(question, step.twist, neighbours(scene));
}

/** The model's view by step, -1 for the start: made once for a history. */
export type Worlds = Map<number, World>;

interface Options {
  /** Told what becomes of each packet. */
  readonly note?: (outcome: Outcome) => void;
  readonly worlds?: Worlds;
}

/**
 * @returns where model and program differ first; undefined: nowhere.
 */
export async function play(
  history: History,
  plane: Plane,
  { note = () => undefined, worlds = new Map() }: Options = {},
): Promise<Difference | undefined> {
  let moment = { earliestMs: 0, latestMs: 0 };
  let ran: Ran | undefined;
  const daemon = history.steps.length % 2 === 0 ? DAEMON : undefined;
  const scene = new Scene();
  scene.take(history.start);
  const host = new Host({
    name: HOST,
    hook: plane.hook,
    ...(await plane.reset(scene.leadsOutside, daemon)),
    daemon,
    now: () => moment,
    emitted: () => (ran?.verdict === 'sent' ? ran.data : undefined),
  });
  // what a change of policies makes old the model says of more than the programs do
  let policed = false;
  const sent = new Map<number, Sent>();
  const packets: (Packet | undefined)[] = [];
  const change = async (what: Change, step: number): Promise<void> => {
    await plane.change(what);
    policed ||= scene.hasPolicies;
    const world = worlds.get(step) ?? worldOf(scene, plane);
    worlds.set(step, world);
    host.enter(world);
  };
  await change(history.start, -1);
  for (const [step, what] of history.steps.entries()) {
    if (what.kind === 'change') {
      scene.take(what.change);
      await change(what.change, step);
      continue;
    }
    const packet = packetOf(what, sent, scene);
    packets[step] = packet;
    if (!packet || (plane.hook === 'tc' && !runsOnTc(packet))) continue;
    const earliestMs = performance.now();
    ran = plane.run(packet.from, packet.frame);
    moment = { earliestMs, latestMs: performance.now() };
    const got = result(ran);
    const ifindex = plane.device(packet.from);
    const outcome =
      typeof packet.from === 'string'
        ? host.fromWire(packet.frame, ifindex)
        : host.fromEndpoint(ifindex, packet.frame);
    const allowed = readings(outcome).map((o) => expectation(o, plane, got.out !== ''));
    const expected = allowed.find((e) => same(e, got, scene.leadsOutside || policed));
    if (!expected) return { hook: plane.hook, step, expected: allowed[0]!, got, packets };
    host.count(outcome);
    note(outcome);
    const { emitted, verdict } = outcome;
    if (what.id === undefined || verdict !== 'sent' || !emitted) continue;
    const from = plane.entryOf(emitted.ifindex);
    if (from !== undefined) sent.set(what.id, { frame: emitted.bytes, from });
  }
  return endpointDifference(host, plane, packets);
}

function endpointDifference(
  host: Host,
  plane: Plane,
  packets: Difference['packets'],
): Difference | undefined {
  for (const [identity, totals] of host.endpoints) {
    const expected = [
      totals.tx_packets,
      totals.tx_bytes,
      totals.rx_packets,
      totals.rx_bytes,
      totals.tx_drops,
    ].join(' ');
    const got = plane.endpoint(identity).join(' ');
    if (expected === got) continue;
    const seen = (numbers: string): Seen => ({
      verdict: '',
      counted: `endpoint ${identity}: tx packets, tx bytes, rx packets, rx bytes, tx drops: ${numbers}`,
      out: '',
      data: undefined,
    });
    return { hook: plane.hook, step: undefined, expected: seen(expected), got: seen(got), packets };
  }
  return undefined;
}
