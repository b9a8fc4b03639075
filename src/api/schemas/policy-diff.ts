// SPDX-License-Identifier: Apache-2.0
/** Which connections a change of policies would cut. */
import { z } from 'zod';
import { doc } from '../fields.js';

const port = (whose: string) =>
  doc(z.int().min(0).max(65535), `${whose} port; for ICMP the identifier, otherwise 0.`);

export const cutConnectionSchema = z
  .object({
    endpoint: doc(z.string(), 'Name of the Endpoint whose policies would deny it.'),
    direction: doc(
      z.enum(['ingress', 'egress']),
      'egress: the endpoint has opened it; ingress: it was opened to the endpoint.',
    ),
    vpc: doc(z.string(), 'Name of the Vpc that it was opened in.'),
    proto: doc(z.string(), 'Protocol: tcp, udp, icmp, icmpv6 or a number.'),
    source: doc(z.string(), 'Address that opened it, as the endpoint sees it.'),
    sourcePort: port('Source'),
    destination: doc(z.string(), 'Address that it was opened to, as the endpoint sees it.'),
    destinationPort: port('Destination'),
    idleSeconds: doc(z.number(), 'Time since the last packet, seconds.'),
    rule: doc(
      z.string(),
      'What would deny it: Policy/NAME/DIRECTION/PLACE, Profile/NAME/DIRECTION/PLACE (places from 0), Profile/NAME/missing, Tier/NAME/DIRECTION (its default action) or Default/DIRECTION (behind the profiles).',
      { examples: ['Tier/default/ingress'] },
    ),
  })
  .meta({ id: 'CutConnection', description: 'A connection that policies would deny.' });

export const policyDiffResponse = z
  .object({
    revision: doc(z.int().min(0), 'Revision of the store that the objects were compared with.'),
    connections: doc(
      z.array(cutConnectionSchema),
      'Connections on this host that policies allow now and would not any more.',
    ),
    truncated: doc(z.boolean(), 'True when limit left flow records out.'),
  })
  .meta({ id: 'PolicyDiff', description: 'What an apply of the same objects would cut.' });
