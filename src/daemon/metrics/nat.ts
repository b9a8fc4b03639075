// SPDX-License-Identifier: Apache-2.0
/** Metrics of translation: how far pools and services are used, and what was refused. */
import type { Counter, Gauge } from 'prom-client';
import type { DataPathView } from '../ports/datapath-view.js';
import type { Source } from './source.js';

/** Makes and registers a metric. */
export interface MetricMakers {
  readonly counter: (name: string, help: string, labelNames: string[]) => Counter;
  readonly gauge: (name: string, help: string, labelNames: string[]) => Gauge;
}

export function natSource(view: DataPathView, { counter, gauge }: MetricMakers): Source {
  const ofAddress = ['gateway', 'address'];
  const ports = gauge(
    'nat_ports_used',
    'Ports of a public address that are mapped, those in quarantine included.',
    [...ofAddress, 'protocol'],
  );
  const portCapacity = gauge(
    'nat_ports_capacity',
    'Ports of a public address, of each protocol.',
    ofAddress,
  );
  const blocks = gauge(
    'nat_blocks_used',
    'Port blocks of a public address that an endpoint holds.',
    ofAddress,
  );
  const blockCapacity = gauge('nat_blocks_capacity', 'Port blocks of a public address.', ofAddress);
  const mappings = gauge(
    'nat_mappings',
    'Mappings of a NatGateway, those in quarantine included.',
    ['gateway'],
  );
  const refusals = counter(
    'nat_refusals_total',
    'Packets that got no mapping: quota, the endpoint had used up its blocks; pool, its public address had no free block; table, map nat_map was full; limits, see transit_endpoint_refusals_total.',
    ['gateway', 'cause'],
  );
  const lost = counter(
    'nat_block_events_lost_total',
    'Port blocks that changed hands and were not told of, as the ring of events was full. The log of blocks is compared with the tables afterwards.',
    [],
  );
  const servicePorts = gauge(
    'service_ports_used',
    'Source ports of a VirtualService that have a connection.',
    ['service', 'protocol'],
  );
  const serviceCapacity = gauge(
    'service_ports_capacity',
    'Source ports of a VirtualService on this host, of each protocol.',
    ['service'],
  );
  const serviceRefusals = counter(
    'service_refusals_total',
    'Packets to a VirtualService that got no source port: quota, the endpoint had as many connections as it may; pool, no port was free.',
    ['service', 'cause'],
  );
  return {
    name: 'nat',
    metrics: [
      ...[ports, portCapacity, blocks, blockCapacity, mappings, refusals, lost],
      ...[servicePorts, serviceCapacity, serviceRefusals],
    ],
    read: async () => {
      const { gateways, endpoints, services } = await view.nat();
      lost.inc(await view.lostBlockEvents());
      for (const { service, ...use } of services) {
        servicePorts.set({ service, protocol: 'tcp' }, use.tcp);
        servicePorts.set({ service, protocol: 'udp' }, use.udp);
        serviceCapacity.set({ service }, use.ports);
        serviceRefusals.inc({ service, cause: 'quota' }, use.refusedQuota);
        serviceRefusals.inc({ service, cause: 'pool' }, use.refusedPool);
      }
      for (const { gateway, addresses, ...refused } of gateways) {
        mappings.set({ gateway }, 0);
        refusals.inc({ gateway, cause: 'quota' }, refused.refusedQuota);
        refusals.inc({ gateway, cause: 'pool' }, refused.refusedPool);
        refusals.inc({ gateway, cause: 'table' }, refused.refusedTable);
        refusals.inc({ gateway, cause: 'limits' }, refused.refusedLimits);
        for (const { address, ...use } of addresses) {
          const labels = { gateway, address };
          ports.set({ ...labels, protocol: 'tcp' }, use.tcpPorts);
          ports.set({ ...labels, protocol: 'udp' }, use.udpPorts);
          ports.set({ ...labels, protocol: 'icmp' }, use.icmpIds);
          portCapacity.set(labels, use.ports);
          blocks.set(labels, use.blocksUsed);
          blockCapacity.set(labels, use.blocks);
        }
      }
      for (const { gateway, mappings: count } of endpoints) mappings.inc({ gateway }, count);
    },
  };
}
