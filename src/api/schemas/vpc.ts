// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { DEFAULT_ICMP_BURST, DEFAULT_ICMP_RATE } from '../../model/index.js';
import { doc, macField } from '../fields.js';

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
  })
  .meta({ id: 'VpcSpec', description: 'What a VPC shall be.' });
