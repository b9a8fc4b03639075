// SPDX-License-Identifier: Apache-2.0
/** Metrics of application layer gateways. */
import type { DataPathView } from '../ports/datapath-view.js';
import type { MetricMakers } from './nat.js';
import type { Source } from './source.js';

export function algSource(view: DataPathView, { counter, gauge }: MetricMakers): Source {
  const connections = gauge(
    'alg_connections',
    'Connections of FTP and TFTP whose packets go through the daemon.',
    [],
  );
  const packets = counter(
    'alg_packets_total',
    'Packets of such connections: those that came to the daemon, and those it sent on.',
    ['direction'],
  );
  const dropped = counter(
    'alg_drops_total',
    'Packets that the daemon did not send on: broken, of an unknown connection, or beyond a bound.',
    ['cause'],
  );
  const rewritten = counter(
    'alg_lines_rewritten_total',
    'Lines of FTP in which an address and port were replaced.',
    [],
  );
  const expectations = counter(
    'alg_expectations_total',
    'Connections that were announced: let in; refused, as there was no port for them; foreign, as another host or a port below 1024 was named.',
    ['result'],
  );
  return {
    name: 'algs',
    metrics: [connections, packets, dropped, rewritten, expectations],
    read: async () => {
      const counts = await view.algs();
      connections.set(counts.connections);
      packets.inc({ direction: 'received' }, counts.packets);
      packets.inc({ direction: 'sent' }, counts.sent);
      dropped.inc({ cause: 'broken' }, counts.dropBroken);
      dropped.inc({ cause: 'unknown' }, counts.dropUnknown);
      dropped.inc({ cause: 'connections' }, counts.dropFull);
      dropped.inc({ cause: 'rate' }, counts.dropRate);
      rewritten.inc({}, counts.rewritten);
      expectations.inc({ result: 'expected' }, counts.expected);
      expectations.inc({ result: 'refused' }, counts.refused);
      expectations.inc({ result: 'foreign' }, counts.foreign);
    },
  };
}
