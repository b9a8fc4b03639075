// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import {
  DEFAULT_ICMP_BURST,
  DEFAULT_ICMP_RATE,
  DEFAULT_TIMEOUTS,
  TIMEOUT_FLOORS,
  type ConnectionTimeouts,
} from '../../model/index.js';
import { doc, hostField, macField } from '../fields.js';
import { limitsField } from './limits.js';

/** 30 days: the age of a record that nobody can want. */
const MAX_TIMEOUT = 2592000;

function timeout(name: keyof ConnectionTimeouts, what: string) {
  const { seconds, rfc } = TIMEOUT_FLOORS[name];
  const field = z
    .int()
    .max(MAX_TIMEOUT)
    .refine((value) => value >= seconds, {
      error: ({ input }) => `${String(input)} is too short: at least ${seconds} s (${rfc})`,
    });
  return doc(field, `${what}, at least ${seconds} (${rfc}).`, {
    default: DEFAULT_TIMEOUTS[name],
  }).optional();
}

/** Spec of a Vpc. */
export const vpcSpec = z
  .strictObject({
    vni: doc(
      z.int().min(1).max(16777215),
      'VXLAN network identifier, 1..16777215, unique over all VPCs. Cannot be changed later.',
      { examples: [100] },
    ),
    gatewayMac: doc(
      macField(),
      "MAC address of the VPC's gateways. Default: 02:54:00 and the three bytes of the VNI.",
      { examples: ['02:54:00:00:00:64'] },
    ).optional(),
    underlay: doc(
      z.enum(['auto', 'ipv4', 'ipv6']),
      'Address family of the tunnels; auto takes IPv4 when both hosts have it.',
      { default: 'auto' },
    ).optional(),
    icmp: doc(
      z.strictObject({
        rate: doc(z.int().min(0).max(1000000), 'ICMP errors per second; 0 sends none.', {
          default: DEFAULT_ICMP_RATE,
        }).optional(),
        burst: doc(
          z.int().min(1).max(1000000),
          'ICMP errors sent at once before the rate applies.',
          {
            default: DEFAULT_ICMP_BURST,
          },
        ).optional(),
      }),
      "Limit of the ICMP and ICMPv6 errors sent from the VPC's gateways.",
    ).optional(),
    outside: doc(
      z.strictObject({
        host: doc(hostField(), 'Name of the host, which has a Droplet with outside: true.', {
          examples: ['host-a'],
        }),
      }),
      'Where the VPC meets the outside. The VPC has default routes there.',
    ).optional(),
    timeouts: doc(
      z.strictObject({
        tcpEstablished: timeout('tcpEstablished', 'Established TCP'),
        tcpTransitory: timeout('tcpTransitory', 'TCP that opens, closes or was reset'),
        udp: timeout('udp', 'UDP'),
        icmp: timeout('icmp', 'ICMP and ICMPv6 queries'),
        other: timeout('other', 'Other protocols'),
      }),
      'Seconds without a packet until a translated connection goes.',
    ).optional(),
    limits: limitsField(
      "Quotas of each endpoint of the VPC, on each host; default: the host's datapath.limits.",
    ).optional(),
  })
  .meta({ id: 'VpcSpec', description: 'What a VPC shall be.' });
