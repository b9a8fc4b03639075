// SPDX-License-Identifier: Apache-2.0
/** The inner frame of a flow's packet, with at most one thing out of the ordinary. */
import * as p from '../support/packet/index.js';
import type { Choose } from './choose.js';
import type { Flow } from './packets.js';

export type Deviation =
  | 'none'
  | 'ttl 1'
  | 'large'
  | 'large with DF'
  | 'source MAC'
  | 'destination MAC'
  | 'source address'
  | 'first fragment'
  | 'later fragment'
  | 'priority tag'
  | 'VLAN tag'
  | 'options'
  | 'extensions'
  | 'truncated'
  | 'trailing'
  | 'flags'
  | 'ICMP error'
  | 'length';

const LARGE = [1231, 1272, 1281, 1331, 1372, 1400, 1423, 1431, 1452, 1500, 1600];
const SMALL = [0, 1, 7, 18, 26, 40, 64, 300];

function transport(c: Choose, flow: Flow, six: boolean, deviation: Deviation): p.Layer {
  const { sport, dport } = flow;
  if (deviation === 'ICMP error')
    return six
      ? p.icmp6({ type: c.pick([1, 2, 3, 4, 137]) })
      : p.icmp4({ type: c.pick([3, 4, 5, 11, 12]) });
  const bad = deviation === 'length';
  switch (flow.protocol) {
    case 'udp':
      return p.udp({ sport, dport, ...(bad ? { length: c.pick([0, 7, 9999]) } : {}) });
    case 'tcp': {
      const flags = deviation === 'flags' ? c.pick(['S', 'SA', 'FA', 'R', 'RA']) : 'A';
      return p.tcp({ sport, dport, flags, ...(bad ? { dataOffset: c.pick([0, 4, 15]) } : {}) });
    }
    case 'echo': {
      const reply = flow.sport < flow.dport;
      const id = Math.max(flow.sport, flow.dport);
      if (reply) return six ? p.echoReply6(id) : p.echoReply4(id);
      return six ? p.echo6(id) : p.echo4(id);
    }
    case 'sctp':
      return p.sctp({ sport, dport });
    case 'icmp': {
      const fields = { type: c.below(six ? 256 : 20), code: c.below(3) };
      return six ? p.icmp6(fields) : p.icmp4(fields);
    }
    case 'other':
      return p.raw(8);
  }
}

function extensions(c: Choose): p.Layer[] {
  const kinds: (() => p.Layer)[] = [
    () => p.hopByHop({ units: c.below(3) }),
    () => p.destinationOptions({ units: c.pick([0, 1, 30, 120]) }),
    () => p.routing(),
    () => p.authentication(),
    () => p.mobility(),
    () => p.fragment({ offset: 0, more: false, id: 1 }),
  ];
  return Array.from({ length: 1 + c.below(c.chance(20) ? 8 : 3) }, () => c.pick(kinds)());
}

/** A source address that is not the sender's; also one that no host may have. */
function foreign(c: Choose, six: boolean): p.Address {
  if (!six)
    return c.pick(['10.1.0.5', '10.2.0.3', '172.16.5.5', '127.0.0.1', '0.0.0.0', '224.0.0.1']);
  const mapped = p.concat(new Uint8Array(10), p.u8(0xff, 0xff, 10, 1, 0, 2 + c.below(9)));
  return c.pick<p.Address>(['fd01::5', 'fd02::3', 'fd16::1', '::1', '::', 'ff02::1', mapped]);
}

export function innerLayers(
  c: Choose,
  flow: Flow,
  macs: { readonly dst: string; readonly src: string },
  deviation: Deviation,
): Uint8Array {
  const six = flow.a.includes(':');
  const ttl = deviation === 'ttl 1' ? c.pick([0, 1]) : c.pick([2, 64, 64, 255]);
  const src = deviation === 'source address' ? foreign(c, six) : flow.a;
  const tos = c.chance(40) ? c.below(256) : 0;
  const size = deviation.startsWith('large') ? c.pick(LARGE) : c.pick(SMALL);
  const id = c.below(3);
  const isFragment = deviation.endsWith('fragment');
  const first = deviation === 'first fragment';
  const more = first || c.chance(50);
  const offset = first ? 0 : c.pick([8, 1480]);
  const layers: p.Layer[] = [
    p.ether({ ...macs, ...(c.chance(40) ? { pad: 60 } : {}) }),
    ...(deviation === 'priority tag' ? [p.vlan({ vid: 0, pcp: c.below(8) })] : []),
    ...(deviation === 'priority tag' && c.chance(10) ? [p.vlan({ vid: 7 })] : []),
    ...(deviation === 'VLAN tag' ? [p.vlan({ vid: 7 })] : []),
  ];
  const body = [transport(c, flow, six, deviation), p.raw(size)];
  if (six) {
    layers.push(
      p.ip6({ src, dst: flow.b, hopLimit: ttl, trafficClass: tos, flowLabel: c.below(99) }),
      ...(deviation === 'extensions' ? extensions(c) : []),
      ...(isFragment ? [p.fragment({ offset, more, id })] : []),
    );
  } else {
    const df = deviation === 'large with DF' || c.chance(50);
    layers.push(
      p.ip4({
        src,
        dst: flow.b,
        ttl,
        tos,
        id,
        df: df && !isFragment,
        ...(isFragment ? { offset, mf: more } : {}),
        ...(deviation === 'options' ? { options: new Uint8Array(1 + c.below(40)) } : {}),
      }),
    );
  }
  const frame = p.packet(...layers, ...body);
  if (deviation === 'truncated') return p.truncate(frame, 14 + c.below(frame.length - 14));
  if (deviation === 'trailing') return p.trailing(frame, 1 + c.below(40));
  return frame;
}
