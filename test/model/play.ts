// SPDX-License-Identifier: Apache-2.0
/** Plays a history on the real data plane and on the model, and compares after every packet. */
import { Host, type Outcome } from '../support/model/index.js';
import type { History } from './history.js';
import type { Packet } from './packets.js';
import { LIMITS, type Plane, type Ran } from './plane.js';
import { HOST, Scene } from './scene.js';

/** Expected and got, where they differed first. */
export interface Difference {
  readonly hook: string;
  /** Index of the step; of none when the counters differ at the end. */
  readonly step: number | undefined;
  readonly expected: Seen;
  readonly got: Seen;
}

export interface Seen {
  readonly verdict: string;
  readonly counted: string;
  readonly out: string;
  readonly data: Uint8Array | undefined;
}

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
  if (observed && emitted && verdict === 'sent') {
    const direct = emitted.peer && plane.hook === 'tc';
    out = `device ${emitted.ifindex}${direct ? ', peer' : ''}`;
  }
  return { verdict, counted: countedOf(outcome), out, data: emitted?.bytes };
}

function result(ran: Ran): Seen {
  const { verdict, counted, data, redirect } = ran;
  const out =
    redirect && verdict === 'sent'
      ? `device ${redirect.ifindex}${redirect.peer ? ', peer' : ''}`
      : '';
  return { verdict, counted, out, data: verdict === 'dropped' ? undefined : data };
}

function same(a: Seen, b: Seen): boolean {
  if (a.verdict !== b.verdict || a.counted !== b.counted || a.out !== b.out) return false;
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

/**
 * Whether the kernel runs tc programs on a frame: to give the socket buffer addresses it reads the
 * IP header, which must be whole. Nothing to do with our programs.
 */
function runsOnTc({ frame }: Packet): boolean {
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return frame.length >= 14 + (type === 0x0800 ? 20 : type === 0x86dd ? 40 : 0);
}

/**
 * @param seen told what becomes of each packet
 * @returns where model and program differ first; undefined: nowhere.
 */
export async function play(
  history: History,
  plane: Plane,
  seen: (outcome: Outcome) => void = () => undefined,
): Promise<Difference | undefined> {
  let moment = { earliestMs: 0, latestMs: 0 };
  const host = new Host({
    name: HOST,
    hook: plane.hook,
    flows: LIMITS.flows,
    fragments: LIMITS.fragments,
    now: () => moment,
  });
  const scene = new Scene();
  const configure = (): void => {
    const devices = [...scene.devices].map(
      ([name, d]) => [name, { ...d, ifindex: plane.device(d.slot) }] as const,
    );
    const ways = [...scene.ways].map(
      ([vtep, w]) => [vtep, { ...w, ifindex: plane.device('droplet') }] as const,
    );
    host.configure([...scene.objects.values()], {
      devices: new Map(devices),
      ways: new Map(ways),
    });
  };
  await plane.reset();
  scene.take(history.start);
  await plane.change(history.start);
  configure();
  for (const [step, what] of history.steps.entries()) {
    if (what.kind === 'change') {
      scene.take(what.change);
      await plane.change(what.change);
      configure();
      continue;
    }
    const { packet } = what;
    if (plane.hook === 'tc' && !runsOnTc(packet)) continue;
    const earliestMs = performance.now();
    const got = result(plane.run(packet.from, packet.frame));
    moment = { earliestMs, latestMs: performance.now() };
    const outcome =
      packet.from === 'wire'
        ? host.fromWire(packet.frame)
        : host.fromEndpoint(plane.device(packet.from), packet.frame);
    const allowed = readings(outcome).map((o) => expectation(o, plane, got.out !== ''));
    const expected = allowed.find((e) => same(e, got));
    if (!expected) return { hook: plane.hook, step, expected: allowed[0]!, got };
    host.count(outcome);
    seen(outcome);
  }
  return endpointDifference(host, plane);
}

function endpointDifference(host: Host, plane: Plane): Difference | undefined {
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
    return { hook: plane.hook, step: undefined, expected: seen(expected), got: seen(got) };
  }
  return undefined;
}
