// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a table of packets through both hooks. Every case is asked for its verdict, reason,
 * accounting and (by tshark) its bytes; the hooks must agree to the byte; and a packet that
 * was forwarded is sent again, when it must take the flow record and come out the same.
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

interface Ran {
  readonly spec: Case;
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

function runOne(rig: Rig, program: ProgramName, spec: Case): Ran {
  const outcomes = new Map<Hook, { first: Outcome; second: Outcome }>();
  for (const hook of spec.xdpOnly ? (['xdp'] as const) : HOOKS) {
    rig.raiseGeneration();
    const from = spec.from ?? (program === 'agent' ? 'a' : 'droplet');
    for (const frame of spec.before ?? []) rig.inject(program, hook, from, frame);
    const first = rig.run(program, hook, from, spec.frame);
    const second = rig.run(program, hook, from, spec.frame);
    outcomes.set(hook, { first, second });
  }
  return { spec, outcomes };
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
