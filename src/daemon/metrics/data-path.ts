// SPDX-License-Identifier: Apache-2.0
/** Metrics of the data path: read from the maps when scraped, kept nowhere in between. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { DataPathView } from '../ports/datapath-view.js';
import { algSource } from './algs.js';
import { fragmentSource } from './fragments.js';
import { limitsSource } from './limits.js';
import { natSource } from './nat.js';
import { policySource } from './policies.js';
import type { Source } from './source.js';

export interface DataPathSourcesDeps {
  readonly view: DataPathView;
  readonly registry: Registry;
  /** Revision of the store. */
  readonly store: { readonly revision: number };
}

/** Registers the data path's metrics and says how each is filled. */
export function dataPathSources({ view, registry, store }: DataPathSourcesDeps): Source[] {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[]): Counter =>
    new Counter({ name: `transit_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[]): Gauge =>
    new Gauge({ name: `transit_${name}`, help, labelNames, registers });

  const packets = counter(
    'packets_total',
    'What became of packets; the outcomes of a hook add up to what it received.',
    ['hook', 'outcome'],
  );
  const received = counter('packets_received_total', 'Packets that entered a hook.', ['hook']);
  const receivedBytes = counter('bytes_received_total', 'Bytes that entered a hook.', ['hook']);
  const generated = counter(
    'packets_generated_total',
    'Packets made by a hook itself: ICMP errors and answers of responders.',
    ['hook'],
  );
  const drops = counter('drops_total', 'Dropped packets by reason.', ['hook', 'reason']);
  const visits = counter('node_visits_total', 'Packets that visited a node of the graph.', [
    'hook',
    'node',
  ]);
  const ofEndpoint = ['endpoint', 'vpc', 'direction'];
  const endpointPackets = counter(
    'endpoint_packets_total',
    'Packets of an endpoint; tx is what it sent.',
    ofEndpoint,
  );
  const endpointBytes = counter(
    'endpoint_bytes_total',
    'Bytes of an endpoint; tx is what it sent.',
    ofEndpoint,
  );
  const mapEntries = gauge('map_entries', 'Entries in a map.', ['map']);
  const mapCapacity = gauge('map_capacity', 'Entries a map has room for.', ['map']);
  const expired = counter(
    'flows_expired_total',
    'Flow records that went because they were idle.',
    [],
  );
  const revision = gauge(
    'config_revision',
    'Revision of the store (desired) and of what the data path has (applied).',
    ['state'],
  );

  return [
    natSource(view, { counter, gauge }),
    algSource(view, { counter, gauge }),
    fragmentSource(view, { counter, gauge }),
    limitsSource(view, { counter, gauge }),
    policySource(view, { gauge }),
    {
      name: 'counters',
      metrics: [packets, received, receivedBytes, generated],
      read: async () => {
        for (const hook of (await view.counters()).hooks) {
          const label = { hook: hook.hook };
          for (const outcome of ['sent', 'passed', 'punted', 'dropped'] as const) {
            packets.inc({ ...label, outcome }, hook[outcome]);
          }
          received.inc(label, hook.received);
          receivedBytes.inc(label, hook.receivedBytes);
          generated.inc(label, hook.generated);
        }
      },
    },
    {
      name: 'drops',
      metrics: [drops],
      read: async () => {
        for (const entry of (await view.drops()).counts) {
          drops.inc({ hook: entry.hook, reason: entry.reason }, entry.packets);
        }
      },
    },
    {
      name: 'nodes',
      metrics: [visits],
      read: async () => {
        for (const entry of (await view.nodes()).nodes) {
          visits.inc({ hook: entry.hook, node: entry.node }, entry.visits);
        }
      },
    },
    {
      name: 'endpoints',
      metrics: [endpointPackets, endpointBytes],
      read: async () => {
        for (const { endpoint, vpc, ...counts } of await view.endpoints()) {
          endpointPackets.inc({ endpoint, vpc, direction: 'tx' }, counts.txPackets);
          endpointPackets.inc({ endpoint, vpc, direction: 'rx' }, counts.rxPackets);
          endpointBytes.inc({ endpoint, vpc, direction: 'tx' }, counts.txBytes);
          endpointBytes.inc({ endpoint, vpc, direction: 'rx' }, counts.rxBytes);
        }
      },
    },
    {
      name: 'maps',
      metrics: [mapEntries, mapCapacity],
      read: async () => {
        for (const { name, entries, maxEntries } of (await view.maps()).maps) {
          mapCapacity.set({ map: name }, maxEntries);
          // Arrays have no entries to count.
          if (entries !== null) mapEntries.set({ map: name }, entries);
        }
      },
    },
    {
      name: 'expired-flows',
      metrics: [expired],
      read: async () => {
        expired.inc(await view.expiredFlows());
      },
    },
    {
      name: 'status',
      metrics: [revision],
      read: async () => {
        revision.set({ state: 'desired' }, store.revision);
        revision.set({ state: 'applied' }, (await view.status()).appliedRevision);
      },
    },
  ];
}
