// SPDX-License-Identifier: Apache-2.0
/** What the daemon reports of endpoints' connections and quotas on its host. */
import { z } from 'zod';
import { doc } from '../fields.js';

const count = () => z.number().int().min(0);
const connections = z.object({
  connections: doc(count(), 'Connections.'),
  halfOpen: doc(count(), 'TCP connections among them that were not answered yet.'),
});

export const limitsResponse = z
  .object({
    endpoints: doc(
      z.array(
        z.object({
          vpc: doc(z.string(), 'Name of the Vpc.'),
          endpoint: doc(z.string(), 'Name of the Endpoint.'),
          here: doc(
            z.boolean(),
            'True: an endpoint of this host. False: one that reaches the outside by way of it.',
          ),
          opened: doc(connections, 'Connections it has opened.'),
          accepted: doc(connections, 'Connections that others have opened to it.'),
          limits: doc(
            z.object({
              connections: doc(count(), 'Most of either.'),
              halfOpen: doc(count(), 'Most half-open ones of either.'),
              newPerSecond: doc(count(), 'Most it opens per second.'),
              burst: doc(count(), 'Most it opens at once.'),
            }),
            'What holds for it; 0: no limit.',
          ),
          refusedConnections: doc(count(), 'Packets refused as it had all connections.'),
          refusedHalfOpen: doc(count(), 'Packets refused as too many were half-open.'),
          refusedRate: doc(count(), 'Packets refused as it opened too many per second.'),
          lastRefusal: doc(
            z.object({
              reason: doc(z.string(), 'Reason, as in the list of drop reasons.'),
              secondsAgo: doc(z.number(), 'How long ago, seconds.'),
            }),
            'The last packet that was refused.',
          ).optional(),
        }),
      ),
      'Endpoints that have or were refused connections.',
    ),
  })
  .meta({ id: 'Limits', description: 'Connections of endpoints, against their quotas.' });
