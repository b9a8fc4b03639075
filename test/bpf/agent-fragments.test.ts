// SPDX-License-Identifier: Apache-2.0
/** Fragments through the agent: the first is remembered, later ones follow it. */
import { isolate } from '../support/rig.js';
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { runCases, type Case } from './cases.js';
import { fromA4, fromA6, GW, MAC, routed, UDP, viaV1, WORLD } from './world.js';

isolate();

const data = p.raw(40);
const toR = { layer: 'eth', dst: MAC.r, src: GW };
const sent = (
  name: string,
  frame: Uint8Array,
  out: readonly ExpectedLayer[],
  more: Partial<Case> = {},
): Case => ({ name, frame, verdict: 'sent', out, ...more });

const first4 = (id: number): Uint8Array =>
  p.packet(
    routed,
    fromA4('10.1.0.20', { id, mf: true }),
    p.udp({ sport: 40001, dport: 40002, length: 600 }),
    p.raw(232),
  );
const later4 = (id: number, more = false): Uint8Array =>
  p.packet(routed, fromA4('10.1.0.20', { id, offset: 240, mf: more, protocol: 17 }), p.raw(104));
const first6 = (id: number): Uint8Array =>
  p.packet(
    routed,
    fromA6('fd01::11'),
    p.hopByHop(),
    p.fragment({ offset: 0, more: true, id }),
    p.udp({ sport: 40001, dport: 40002, length: 600 }),
    p.raw(232),
  );
const later6 = (id: number): Uint8Array =>
  p.packet(
    routed,
    fromA6('fd01::11'),
    p.hopByHop(),
    p.fragment({ offset: 240, more: false, id, next: 17 }),
    p.raw(104),
  );

const fragments: readonly Case[] = [
  sent(
    'a first fragment',
    first4(1001),
    viaV1([toR, { layer: 'ip', mf: true, ttl: 63 }, { layer: 'udp' }]),
    {
      noRecord: true,
    },
  ),
  sent(
    'a later fragment takes the first one’s record',
    later4(1002),
    viaV1([toR, { layer: 'ip', offset: 240, mf: false, ttl: 63, checksum: 'good' }]),
    { before: [first4(1002)], nodes: ['FLOW'] },
  ),
  sent(
    'a middle fragment',
    later4(1003, true),
    viaV1([toR, { layer: 'ip', offset: 240, mf: true }]),
    {
      before: [first4(1003)],
    },
  ),
  sent(
    'a first IPv6 fragment',
    first6(1004),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ipv6', ttl: 63 }, { layer: 'udp' }],
    {
      noRecord: true,
      to: 'b',
    },
  ),
  sent(
    'a later IPv6 fragment',
    later6(1005),
    [
      { layer: 'eth', dst: MAC.b },
      { layer: 'ipv6', ttl: 63 },
    ],
    {
      before: [first6(1005)],
      to: 'b',
      nodes: ['FLOW'],
    },
  ),
  {
    name: 'a later fragment of an unknown datagram',
    frame: later4(2001),
    verdict: 'dropped',
    reason: 'FRAG_UNHELD',
  },
  {
    name: 'a later IPv6 fragment of an unknown datagram',
    frame: later6(2002),
    verdict: 'dropped',
    reason: 'FRAG_UNHELD',
  },
  {
    name: 'a first fragment too short for TCP',
    frame: p.packet(routed, fromA4('10.1.0.20', { id: 2003, mf: true, protocol: 6 }), p.raw(16)),
    verdict: 'dropped',
    reason: 'FRAG_TINY',
  },
  {
    name: 'a fragment that could overwrite TCP’s flags (RFC 3128)',
    frame: p.packet(routed, fromA4('10.1.0.20', { id: 2004, offset: 8, protocol: 6 }), p.raw(16)),
    verdict: 'dropped',
    reason: 'FRAG_TINY',
  },
  {
    name: 'two fragment headers',
    frame: p.packet(
      routed,
      fromA6('fd01::11'),
      p.fragment({ offset: 0, more: true, id: 1 }),
      p.fragment({ offset: 0, more: true, id: 2 }),
      UDP,
      data,
    ),
    verdict: 'dropped',
    reason: 'BAD_HEADER',
  },
  sent(
    'fragmented echo to the gateway: the later part is answered too',
    p.packet(routed, fromA4('10.1.0.1', { id: 2005, offset: 240, protocol: 1 }), p.raw(104)),
    [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: 'ip', src: '10.1.0.1', dst: '10.1.0.10', offset: 240 },
    ],
    {
      before: [
        p.packet(routed, fromA4('10.1.0.1', { id: 2005, mf: true }), p.echo4(7), p.raw(232)),
      ],
    },
  ),
];

runCases(WORLD, 'agent', fragments);
