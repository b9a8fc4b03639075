// SPDX-License-Identifier: Apache-2.0
/** Metrics of endpoints' connections and of what their quotas refused. */
import type { DataPathView } from '../ports/datapath-view.js';
import type { MetricMakers } from './nat.js';
import type { Source } from './source.js';

export function limitsSource(view: DataPathView, { counter, gauge }: MetricMakers): Source {
  const ofEndpoint = ['endpoint', 'vpc'];
  const connections = gauge(
    'endpoint_connections',
    'Connections that an endpoint has opened, or others to it (accepted).',
    [...ofEndpoint, 'direction'],
  );
  const halfOpen = gauge(
    'endpoint_half_open_connections',
    'TCP connections among them that were not answered yet.',
    [...ofEndpoint, 'direction'],
  );
  const refusals = counter(
    'endpoint_refusals_total',
    'Packets of new connections that a quota refused: connections, half-open or rate.',
    [...ofEndpoint, 'cause'],
  );
  return {
    name: 'limits',
    metrics: [connections, halfOpen, refusals],
    read: async () => {
      for (const row of (await view.limits()).endpoints) {
        const labels = { endpoint: row.endpoint, vpc: row.vpc };
        for (const direction of ['opened', 'accepted'] as const) {
          connections.set({ ...labels, direction }, row[direction].connections);
          halfOpen.set({ ...labels, direction }, row[direction].halfOpen);
        }
        refusals.inc({ ...labels, cause: 'connections' }, row.refusedConnections);
        refusals.inc({ ...labels, cause: 'half-open' }, row.refusedHalfOpen);
        refusals.inc({ ...labels, cause: 'rate' }, row.refusedRate);
      }
    },
  };
}
