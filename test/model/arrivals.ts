// SPDX-License-Identifier: Apache-2.0
/** What comes from outside unasked: to PublicIps, forwarded ports and nobody; questions; the host's own. */
import * as p from '../support/packet/index.js';
import type { Choose } from './choose.js';
import { innerLayers, type Deviation } from './layers.js';
import { publicAddresses, REMOTES } from './outside.js';
import type { Packet } from './packets.js';

/** Of the droplet that leads outside, and of the router on its link. */
export const WAN_MAC = '02:dd:00:00:00:02';
const ROUTER_MAC = '02:ff:00:00:00:fe';

const DEVIATIONS: readonly Deviation[] = [
  'ttl 1',
  'large',
  'destination MAC',
  'source address',
  'first fragment',
  'later fragment',
  'priority tag',
  'VLAN tag',
  'options',
  'extensions',
  'truncated',
  'trailing',
  'flags',
  'ICMP error',
  'length',
];

function unasked(c: Choose): Packet {
  const six = c.chance(35);
  const a = c.pick(REMOTES[six ? 6 : 4]);
  const b = c.chance(95) ? c.pick(publicAddresses(six)) : six ? '2001:db8:66::1' : '198.51.100.1';
  const flow = {
    vpc: '',
    a,
    b,
    protocol: c.pick(['tcp', 'tcp', 'udp', 'udp', 'echo', 'sctp', 'icmp', 'other'] as const),
    sport: 1000 + c.below(4),
    dport: c.pick([80, 443, 8000, 8005, 1024, 1050, 53, 1001]),
  };
  const deviation = c.chance(70) ? 'none' : c.pick(DEVIATIONS);
  const dst = deviation === 'destination MAC' ? '02:77:00:00:00:01' : WAN_MAC;
  const frame = innerLayers(c, flow, { dst, src: ROUTER_MAC }, deviation);
  return { from: 'wan', frame, note: `from outside ${flow.protocol} ${deviation}` };
}

function arp(c: Choose): Packet {
  const odd = c.below(8);
  const tpa = odd === 0 ? '198.51.100.1' : c.pick(publicAddresses(false));
  const frame = p.packet(
    p.ether({ dst: c.chance(80) ? 'ff:ff:ff:ff:ff:ff' : WAN_MAC, src: ROUTER_MAC, pad: 60 }),
    p.arp({
      op: odd === 1 ? 2 : 1,
      sha: ROUTER_MAC,
      spa: odd === 2 ? '0.0.0.0' : '198.51.100.254',
      tpa,
      ...(odd === 3 ? { hlen: 8 } : {}),
    }),
  );
  return { from: 'wan', frame, note: 'ARP from outside' };
}

function neighbour(c: Choose): Packet {
  const odd = c.below(10);
  const target = odd === 0 ? '2001:db8:66::1' : c.pick(publicAddresses(true));
  const solicited = p.solicitedNode(target);
  const what =
    odd === 1
      ? p.neighbourAdvertisement({ target })
      : p.neighbourSolicitation({ target, ...(odd === 2 ? { code: 1 } : {}) });
  const ip = p.ip6({
    src: odd === 3 ? '::' : c.pick(['2001:db8:66::fe', 'fe80::fe']),
    dst: solicited.ip,
    hopLimit: odd === 4 ? 64 : 255,
  });
  const dst = c.chance(80) ? solicited.mac : WAN_MAC;
  return {
    from: 'wan',
    frame: p.packet(p.ether({ dst, src: ROUTER_MAC }), ip, what),
    note: 'neighbour discovery from outside',
  };
}

export function arrival(c: Choose): Packet {
  const kind = c.below(10);
  if (kind === 0) return arp(c);
  return kind === 1 ? neighbour(c) : unasked(c);
}
