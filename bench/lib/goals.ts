// SPDX-License-Identifier: Apache-2.0
/**
 * How fast it should be, as ratios to what the same machine does in the same run. A goal that
 * several figures answer is met when the worst of them meets it. docs/performance.md shows them.
 */
import { ownSummary, ratioSummary, type Figure } from './figure.js';
import type { Summary } from './stats.js';

export interface Goal {
  readonly what: string;
  readonly baseline: string;
  /** Which figures answer it, by id. */
  readonly figures: RegExp;
  /** Which of their comparisons; absent: the figure itself. */
  readonly comparison?: string;
  readonly limit: readonly ['≤' | '≥', number];
  readonly unit?: string;
  /** Why there is no figure, when nothing measures it. */
  readonly missing?: string;
}

const BY_HAND = 'over the same work by hand';
const KERNEL = 'to the kernel';
const MASQUERADE = 'to nftables masquerade';
const NOTHING = /(?!)/;

export const GOALS: readonly Goal[] = [
  {
    what: 'hit path, one flow, encapsulate and send',
    baseline: 'a minimal hand-written program',
    figures: /^datapath\/hit\/\w+\/encap\/v4-/,
    comparison: BY_HAND,
    limit: ['≤', 1.25],
  },
  {
    what: 'hit path, one flow, decapsulate and deliver',
    baseline: 'a minimal hand-written program',
    figures: /^datapath\/hit\/\w+\/decap\/v4-/,
    comparison: BY_HAND,
    limit: ['≤', 1.25],
  },
  {
    what: 'hit path, one flow, XDP, delivery on the same host',
    baseline: "forwarding by the kernel's routes, as xdp-forward does",
    figures: /^datapath\/hit\/xdp\/near\//,
    comparison: "over forwarding by the kernel's routes",
    limit: ['≤', 0.7],
  },
  {
    what: 'hit path, one flow',
    baseline: "katran's hit on a virtual address",
    figures: NOTHING,
    limit: ['≤', 0.55],
    missing: 'its program is not among the packages this machine has',
  },
  {
    what: 'hit path, a million connections at random',
    baseline: 'one look-up in as large a hash',
    figures: /^flows\/hit\/.*\/1000000$/,
    comparison: 'over one look-up',
    limit: ['≤', 1.25],
  },
  {
    what: 'hit path with NAT44',
    baseline: 'the plain hit path',
    figures: /^nat\/hit\/.*\/v4$/,
    comparison: 'over the plain hit path',
    limit: ['≤', 1.1],
  },
  {
    what: 'hit path with NAT66',
    baseline: 'the plain hit path',
    figures: /^nat\/hit\/.*\/v6$/,
    comparison: 'over the plain hit path',
    limit: ['≤', 1.15],
  },
  {
    what: 'hit path with NAT64',
    baseline: 'the plain hit path',
    figures: /^nat\/hit\/.*\/64$/,
    comparison: 'over the plain hit path',
    limit: ['≤', 1.3],
  },
  {
    what: 'hit path, all features configured',
    baseline: 'the same with none',
    figures: NOTHING,
    limit: ['≤', 1.05],
    missing: 'there are no features to switch on yet',
  },
  {
    what: 'first packet of a connection (so far without policy and NAT)',
    baseline: 'the hit path',
    figures: /^datapath\/walk\//,
    comparison: 'over the hit path',
    limit: ['≤', 15],
  },
  {
    what: 'first packet, 10,000 policy rules',
    baseline: '10 rules',
    figures: /^policy\/walk\/.*\/10000$/,
    comparison: 'over 10 rules',
    limit: ['≤', 3],
  },
  {
    what: 'TCP across hosts, GSO link',
    baseline: 'kernel bridge and VXLAN',
    figures: /^e2e\/gso\/across\/tcp1$/,
    comparison: KERNEL,
    limit: ['≥', 1.25],
  },
  {
    // what docs/guide/operations.md recommends for a veth as droplet; wire1500 stays in the tables
    what: 'TCP across hosts, wire, MTU 1500, droplets on tc',
    baseline: 'kernel bridge and VXLAN',
    figures: /^e2e\/wire1500-tc\/across\/tcp1$/,
    comparison: KERNEL,
    limit: ['≥', 1],
  },
  {
    what: 'TCP across hosts, wire, MTU 9000',
    baseline: 'kernel bridge and VXLAN',
    figures: /^e2e\/wire9000\/across\/tcp1$/,
    comparison: KERNEL,
    limit: ['≥', 1.15],
  },
  {
    what: 'round trip across hosts, wire, median',
    baseline: 'kernel bridge and VXLAN',
    figures: /^e2e\/wire1500\/across\/rtt-p50$/,
    comparison: KERNEL,
    limit: ['≤', 0.65],
  },
  {
    what: 'small UDP packets across hosts, wire',
    baseline: 'kernel bridge and VXLAN',
    figures: /^e2e\/wire1500\/across\/udp18$/,
    comparison: KERNEL,
    limit: ['≥', 1.6],
  },
  {
    what: 'TCP on the same host',
    baseline: 'kernel bridge',
    figures: /^e2e\/wire1500\/same\/tcp1$/,
    comparison: KERNEL,
    limit: ['≥', 1.1],
  },
  {
    what: 'connections per second on the same host',
    baseline: 'kernel bridge',
    figures: /^e2e\/wire1500\/same\/connections$/,
    comparison: KERNEL,
    limit: ['≥', 1.35],
  },
  {
    what: 'connections per second through NAT',
    baseline: 'nftables masquerade',
    figures: /^e2e\/nat\/out\/connections$/,
    comparison: MASQUERADE,
    limit: ['≥', 1.3],
  },
  {
    what: 'new UDP flows per second through NAT',
    baseline: 'nftables masquerade',
    figures: /^e2e\/nat\/out\/new-flows$/,
    comparison: MASQUERADE,
    limit: ['≥', 1.5],
  },
  {
    what: 'memory of a connection, both directions',
    baseline: '–',
    figures: /^scale\/flows\/memory\/1000000$/,
    limit: ['≤', 400],
    unit: 'bytes',
  },
  {
    what: 'ageing, a million idle records',
    baseline: '–',
    figures: /^ageing\/idle\/1000000$/,
    limit: ['≤', 1],
    unit: '% of a core',
  },
  {
    what: 'ageing, a million connections with a mapping each',
    baseline: '–',
    figures: /^ageing\/nat\/idle\/1000000$/,
    limit: ['≤', 1],
    unit: '% of a core',
  },
  {
    what: '100,000 map entries by the daemon',
    baseline: 'a C program with batch calls',
    figures: /^config\/write\//,
    comparison: 'to C with batch calls',
    limit: ['≤', 1.3],
  },
  {
    what: 'one change until in the map, idle, p99',
    baseline: '–',
    figures: /^latency\/idle\/p99$/,
    limit: ['≤', 5],
    unit: 'ms',
  },
  {
    what: 'one change until in the map while 100,000 objects load, p99',
    baseline: '–',
    figures: /^latency\/loading\/p99$/,
    limit: ['≤', 50],
    unit: 'ms',
  },
];

export interface Verdict {
  readonly goal: Goal;
  readonly state: 'met' | 'unmet' | 'not measured';
  /** The worst figure, and how many there are. */
  readonly worst?: { readonly id: string; readonly value: Summary };
  readonly count: number;
}

export function judge(goal: Goal, figures: readonly Figure[]): Verdict {
  const [direction, limit] = goal.limit;
  const values = figures.flatMap((figure) => {
    if (!goal.figures.test(figure.id)) return [];
    if (goal.comparison === undefined) return [{ id: figure.id, value: ownSummary(figure) }];
    const comparison = figure.compare.find((c) => c.name === goal.comparison);
    return comparison ? [{ id: figure.id, value: ratioSummary(figure, comparison) }] : [];
  });
  const worse = direction === '≤' ? 1 : -1;
  const worst = values.sort((a, b) => worse * (b.value.median - a.value.median))[0];
  if (!worst) return { goal, state: 'not measured', count: 0 };
  const met = worse * worst.value.median <= worse * limit;
  return { goal, state: met ? 'met' : 'unmet', worst, count: values.length };
}
