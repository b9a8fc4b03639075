// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import { Metrics } from '../../../src/daemon/metrics/index.js';
import { fakeView } from './fake-view.js';

const log = silentLogger();
const store = { revision: 7 };

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('metrics are what the data path says', async (t) => {
  const metrics = new Metrics(
    { view: fakeView(), store, log },
    { version: '1.2.3', process: false },
  );
  metrics.countRequest({ method: 'GET', route: '/v1/{kind}', status: 200 });
  metrics.countRequest({ method: 'GET', route: '/v1/{kind}', status: 200 });
  await metrics.text();
  const text = await metrics.text();
  t.same(
    lines(text).sort(),
    [
      'transit_alg_connections 2',
      'transit_alg_drops_total{cause="broken"} 1',
      'transit_alg_drops_total{cause="connections"} 0',
      'transit_alg_drops_total{cause="rate"} 4',
      'transit_alg_drops_total{cause="unknown"} 2',
      'transit_alg_expectations_total{result="expected"} 7',
      'transit_alg_expectations_total{result="foreign"} 3',
      'transit_alg_expectations_total{result="refused"} 1',
      'transit_alg_lines_rewritten_total 6',
      'transit_alg_packets_total{direction="received"} 50',
      'transit_alg_packets_total{direction="sent"} 48',
      `transit_build_info{version="1.2.3",node="${process.version}"} 1`,
      'transit_bytes_received_total{hook="agent-tc"} 6400',
      'transit_config_revision{state="applied"} 6',
      'transit_config_revision{state="desired"} 7',
      'transit_drops_total{hook="agent-tc",reason="NO_ROUTE"} 3',
      'transit_drops_total{hook="agent-tc",reason="TOO_BIG"} 1',
      'transit_endpoint_bytes_total{endpoint="web",vpc="blue",direction="rx"} 800',
      'transit_endpoint_bytes_total{endpoint="web",vpc="blue",direction="tx"} 700',
      'transit_endpoint_connections{endpoint="web-1",vpc="blue",direction="accepted"} 2',
      'transit_endpoint_connections{endpoint="web-1",vpc="blue",direction="opened"} 12',
      'transit_endpoint_half_open_connections{endpoint="web-1",vpc="blue",direction="accepted"} 0',
      'transit_endpoint_half_open_connections{endpoint="web-1",vpc="blue",direction="opened"} 3',
      'transit_endpoint_packets_total{endpoint="web",vpc="blue",direction="rx"} 8',
      'transit_endpoint_packets_total{endpoint="web",vpc="blue",direction="tx"} 7',
      'transit_endpoint_refusals_total{endpoint="web-1",vpc="blue",cause="connections"} 4',
      'transit_endpoint_refusals_total{endpoint="web-1",vpc="blue",cause="half-open"} 1',
      'transit_endpoint_refusals_total{endpoint="web-1",vpc="blue",cause="rate"} 2',
      'transit_flows_expired_total 11',
      'transit_fragments_early_total 100',
      'transit_fragments_held 3',
      'transit_fragments_held_bytes 5000',
      'transit_fragments_held_total{result="refused-datagram"} 1',
      'transit_fragments_held_total{result="refused-room"} 3',
      'transit_fragments_held_total{result="refused-source"} 2',
      'transit_fragments_held_total{result="released"} 80',
      'transit_fragments_held_total{result="timed-out"} 11',
      'transit_http_requests_total{method="GET",route="/v1/{kind}",status="200"} 2',
      'transit_map_capacity{map="flow"} 1024',
      'transit_map_capacity{map="nh"} 64',
      'transit_map_entries{map="flow"} 12',
      'transit_nat_block_events_lost_total 13',
      'transit_nat_blocks_capacity{gateway="ng",address="203.0.113.1"} 128',
      'transit_nat_blocks_used{gateway="ng",address="203.0.113.1"} 3',
      'transit_nat_mappings{gateway="ng"} 46',
      'transit_nat_ports_capacity{gateway="ng",address="203.0.113.1"} 65535',
      'transit_nat_ports_used{gateway="ng",address="203.0.113.1",protocol="icmp"} 1',
      'transit_nat_ports_used{gateway="ng",address="203.0.113.1",protocol="tcp"} 40',
      'transit_nat_ports_used{gateway="ng",address="203.0.113.1",protocol="udp"} 5',
      'transit_nat_refusals_total{gateway="ng",cause="limits"} 7',
      'transit_nat_refusals_total{gateway="ng",cause="pool"} 2',
      'transit_nat_refusals_total{gateway="ng",cause="quota"} 4',
      'transit_nat_refusals_total{gateway="ng",cause="table"} 5',
      'transit_node_visits_total{hook="agent-tc",node="route"} 40',
      'transit_packets_generated_total{hook="agent-tc"} 2',
      'transit_packets_received_total{hook="agent-tc"} 100',
      'transit_packets_total{hook="agent-tc",outcome="dropped"} 4',
      'transit_packets_total{hook="agent-tc",outcome="passed"} 5',
      'transit_packets_total{hook="agent-tc",outcome="punted"} 1',
      'transit_packets_total{hook="agent-tc",outcome="sent"} 90',
      'transit_policy_addresses{kind="host"} 120',
      'transit_policy_addresses{kind="net"} 9',
      'transit_policy_addresses{kind="port"} 2',
      'transit_policy_blocks 5',
      'transit_policy_programs 4',
      'transit_policy_rules 31',
      'transit_service_ports_capacity{service="dns"} 64512',
      'transit_service_ports_used{service="dns",protocol="tcp"} 3',
      'transit_service_ports_used{service="dns",protocol="udp"} 20',
      'transit_service_refusals_total{service="dns",cause="pool"} 7',
      'transit_service_refusals_total{service="dns",cause="quota"} 6',
    ],
    'read anew, not added up, on the second scrape',
  );
  for (const line of lines(text)) {
    const name = /^[a-z_]+/.exec(line)?.[0] ?? '';
    t.ok(text.includes(`# HELP ${name} `), `${name} has a description`);
  }
});

test('what cannot be read is left out and counted', async (t) => {
  const view = fakeView({
    drops: () => {
      throw new Error('map is not pinned');
    },
    maps: () => Promise.reject(new Error('map is not pinned')),
  });
  const metrics = new Metrics({ view, store, log }, { version: '1', process: false });
  await metrics.text();
  const text = await metrics.text();
  t.notMatch(text, /\ntransit_drops_total\{/);
  t.notMatch(text, /\ntransit_map_entries\{/);
  t.match(text, 'transit_packets_total{hook="agent-tc",outcome="sent"} 90');
  // The failures of this very scrape are in it.
  t.match(text, 'transit_scrape_failures_total{source="drops"} 2');
  t.match(text, 'transit_scrape_failures_total{source="maps"} 2');
});

test('the process is measured, too', async (t) => {
  const metrics = new Metrics({ view: fakeView(), store, log }, { version: '1' });
  t.match(await metrics.text(), /process_resident_memory_bytes \d+/);
  t.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
});
