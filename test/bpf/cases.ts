// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a table of packets through both hooks. Every case is asked for its verdict, reason,
 * accounting and (by tshark) its bytes; the hooks must agree to the byte; and a packet that
 * was forwarded is sent again, when it must take the flow record and come out the same. On XDP
 * it is also sent in several buffers, cut at many places, which must change nothing.
 */
import { test } from 'tap';
import { decode, differences, type Decoded, type ExpectedLayer } from '../support/decode.js';
import {
  HOOKS,
  Rig,
  type Hook,
  type Outcome,
  type ProgramName,
  type Verdict,
} from '../support/rig.js';
import { CannotSplit } from '../support/programs.js';
import { kernel } from '../support/kernel/index.js';
import type { World } from '../support/world.js';

export interface Case {
  readonly name: string;
  /** The endpoint it comes from; the droplet in a table for transit. */
  readonly from?: string;
  readonly frame: Uint8Array;
  /** Frames that go through first. */
  readonly before?: readonly Uint8Array[];
  readonly verdict: Verdict;
  readonly reason?: string;
  /** What tshark must read in the frame that comes out. */
  readonly out?: readonly ExpectedLayer[];
  /** The endpoint that receives it. */
  readonly to?: string;
  /** Nodes it must have visited when it came first. */
  readonly nodes?: readonly string[];
  /** An ICMP error must leave although the packet is dropped. */
  readonly generated?: boolean;
  /** It cannot use a flow record (first fragments). */
  readonly noRecord?: boolean;
  /** BPF_PROG_TEST_RUN refuses, on tc, frames cut within the IP header: XDP alone sees it. */
  readonly xdpOnly?: boolean;
  /** The bytes come out as they went in. */
  readonly untouched?: boolean;
}

const [MAJOR = 0, MINOR = 0] = kernel.release.split('.').map(Number);
/** The kernel brings headers forward. */
const PULLS = MAJOR > 6 || (MAJOR === 6 && MINOR >= 18);
/**
 * Bytes in the first buffer: none, within and behind each header, behind what may be read. Where
 * they cannot be brought forward, all that is ever read must be there.
 */
const FIRST = [0, 14, 20, 34, 42, 50, 54, 64, 90, 100, 126, 200, 256, 320, 1000].filter(
  (length) => PULLS || length >= 320,
);

interface Ran {
  readonly spec: Case;
  /** How it came out in several buffers, by the length of the first. */
  readonly split: ReadonlyMap<number, Outcome>;
  readonly outcomes: ReadonlyMap<Hook, { readonly first: Outcome; readonly second: Outcome }>;
}

function problems(spec: Case, hook: Hook, o: Outcome, what: string): string[] {
  const out: string[] = [];
  const expect = (ok: boolean, text: string): void => {
    if (!ok) out.push(`${hook} ${what}: ${text}`);
  };
  const { counts } = o;
  const errors = spec.generated ? 1 : 0;
  // an ICMP error leaves with the verdict of a packet that is sent
  const verdict = spec.generated ? 'sent' : spec.verdict;
  expect(o.verdict === verdict, `verdict ${o.verdict} (${String(o.reason)}), expected ${verdict}`);
  expect(o.reason === spec.reason, `reason ${String(o.reason)}, expected ${String(spec.reason)}`);
  expect(counts.received === 1, `counted ${counts.received} as received`);
  const sum = counts.sent + counts.passed + counts.punted + counts.dropped;
  expect(sum === 1, `verdicts counted ${sum} times`);
  const field = { sent: counts.sent, passed: counts.passed, dropped: counts.dropped }[spec.verdict];
  expect(field === 1, `not counted as ${spec.verdict}`);
  expect(counts.generated === errors, `${counts.generated} errors generated`);
  const receivers = Object.entries(o.endpoints).filter(([, c]) => c.rx_packets);
  const names = receivers.map(([name]) => name).join();
  expect(names === (spec.to ?? ''), `delivered to "${names}", expected "${spec.to ?? ''}"`);
  return out;
}

let canSplit = true;

function runOne(rig: Rig, program: ProgramName, spec: Case): Ran {
  const outcomes = new Map<Hook, { first: Outcome; second: Outcome }>();
  const split = new Map<number, Outcome>();
  for (const hook of spec.xdpOnly ? (['xdp'] as const) : HOOKS) {
    rig.raiseGeneration();
    const from = spec.from ?? (program === 'agent' ? 'a' : 'droplet');
    for (const frame of spec.before ?? []) rig.inject(program, hook, from, frame);
    const first = rig.run(program, hook, from, spec.frame);
    const second = rig.run(program, hook, from, spec.frame);
    outcomes.set(hook, { first, second });
    for (const length of hook === 'xdp' && canSplit ? FIRST : []) {
      if (length >= spec.frame.length) break;
      rig.raiseGeneration();
      for (const frame of spec.before ?? []) rig.inject(program, hook, from, frame);
      try {
        split.set(length, rig.run(program, hook, from, spec.frame, undefined, length));
      } catch (error) {
        if (!(error instanceof CannotSplit)) throw error;
        canSplit = false;
      }
    }
  }
  return { spec, outcomes, split };
}

function check(ran: Ran, decoded: Decoded | undefined): string[] {
  const { spec, outcomes } = ran;
  const out: string[] = [];
  for (const [hook, { first, second }] of outcomes) {
    out.push(...problems(spec, hook, first, 'first'), ...problems(spec, hook, second, 'second'));
    if (!Buffer.from(first.data).equals(second.data)) out.push(`${hook}: second run differs`);
    for (const node of spec.nodes ?? []) {
      if (!(node in first.counts.nodes)) out.push(`${hook}: node ${node} not visited`);
    }
    const walks = !(first.counts.nodes.FLOW ?? 0);
    const hits = (second.counts.nodes.FLOW ?? 0) === 1;
    const forwarded = first.counts.nodes.COMMIT !== undefined;
    if (!walks && !spec.before) out.push(`${hook}: the first packet found a record`);
    if (forwarded && !hits && !spec.noRecord) out.push(`${hook}: the second packet walked`);
    if (spec.untouched && !Buffer.from(first.data).equals(spec.frame)) {
      out.push(`${hook}: the frame was changed`);
    }
  }
  for (const [length, o] of ran.split) {
    out.push(...problems(spec, 'xdp', o, `first ${length} bytes apart`));
    // without PULLS an ICMP error may quote less
    const same = Buffer.from(o.data).equals(outcomes.get('xdp')!.first.data);
    if (!same && (PULLS || !spec.generated)) {
      out.push(`xdp: comes out differently when its first ${length} bytes are apart`);
    }
  }
  const xdp = outcomes.get('xdp')!.first;
  const tc = outcomes.get('tc')?.first ?? xdp;
  if (xdp.verdict === 'sent' && !Buffer.from(xdp.data).equals(tc.data)) {
    out.push(`hooks differ: xdp ${hex(xdp.data)} tc ${hex(tc.data)}`);
  }
  if (spec.out && decoded) out.push(...differences(decoded, spec.out));
  if (out.length > 0) out.push(`frame: ${hex(spec.frame)}`);
  return out;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Runs the table and declares one test per case. */
export function runCases(world: World, program: ProgramName, cases: readonly Case[]): void {
  const rig = new Rig(world);
  const ran = cases.map((spec) => runOne(rig, program, spec));
  rig.close();
  const decoded = decode(ran.map((r) => r.outcomes.get('xdp')!.first.data));
  test(`${program}: ${cases.length} packets on both hooks`, (t) => {
    ran.forEach((r, i) => {
      t.same(check(r, decoded[i]), [], r.spec.name);
    });
    t.end();
  });
}
