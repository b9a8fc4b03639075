// SPDX-License-Identifier: Apache-2.0
/** The data path's tables: flows, drops, nodes, maps, counters; translation's are in nat.ts. */
import type { Flow, MapInfo } from '../../api/index.js';
import { documentText } from '../output/format.js';
import { tableText } from '../output/table.js';
import { bytesText, countText, durationText, socketText } from '../output/text.js';
import type { Session } from '../session.js';
import { limits } from './limits.js';
import { nat, natEvents } from './nat.js';
import type { ObservedOptions, View } from './view.js';

function vpcText({ vpc, vni }: Flow): string {
  if (vpc !== '') return vpc;
  return vni === 0 ? 'outside' : String(vni);
}

/** "10.0.0.5:40000 > 198.51.100.9:443" as packets leave; empty when they leave as they came. */
function translatedText({ translated }: Flow): string {
  if (translated === undefined) return '';
  const { source, sourcePort, destination, destinationPort } = translated;
  return `${socketText(source, sourcePort)} > ${socketText(destination, destinationPort)}`;
}

function flowRow(flow: Flow, wide: boolean): string[] {
  return [
    vpcText(flow),
    flow.scope,
    flow.proto,
    socketText(flow.source, flow.sourcePort),
    socketText(flow.destination, flow.destinationPort),
    `${flow.action} ${flow.target}`,
    durationText(flow.idleSeconds),
    translatedText(flow),
    ...(wide
      ? [
          String(flow.vni),
          String(flow.generation),
          flow.current ? 'yes' : 'no',
          flow.routed ? 'yes' : 'no',
          flow.mtu === undefined ? '' : String(flow.mtu),
          flow.alg ?? '',
        ]
      : []),
  ];
}

const flows: View = async (client, { vpc, limit }) => {
  const value = await client.call('flows', { query: { vpc, limit } });
  const head = ['VPC', 'FROM', 'PROTO', 'SOURCE', 'DESTINATION', 'ACTION', 'IDLE', 'TRANSLATED'];
  const more = ['VNI', 'GENERATION', 'CURRENT', 'ROUTED', 'MTU', 'ALG'];
  return {
    value,
    table: (wide) =>
      tableText(
        wide ? [...head, ...more] : head,
        value.flows.map((flow) => flowRow(flow, wide)),
      ),
    ...(value.truncated ? { note: 'there are more flows: see --limit' } : {}),
  };
};

const drops: View = async (client) => {
  const value = await client.call('drops', {});
  const counts = (): string =>
    tableText(
      ['HOOK', 'REASON', 'PACKETS', 'MEANING'],
      value.counts.map((drop) => [
        drop.hook,
        drop.reason,
        countText(drop.packets),
        drop.description,
      ]),
    );
  const samples = (wide: boolean): string =>
    tableText(
      ['TIME', 'HOOK', 'REASON', 'DEVICE', ...(wide ? ['VPC', 'ENDPOINT'] : []), 'PACKET'],
      value.samples.map((sample) => [
        sample.time,
        sample.hook,
        sample.reason,
        sample.device ?? String(sample.ifindex),
        ...(wide
          ? [
              sample.vpc ?? (sample.vni === undefined ? '' : String(sample.vni)),
              sample.endpoint ?? '',
            ]
          : []),
        sample.summary,
      ]),
    );
  return {
    value,
    table: (wide) =>
      value.samples.length === 0 ? counts() : `${counts()}\nRecent packets:\n${samples(wide)}`,
  };
};

const nodes: View = async (client) => {
  const value = await client.call('nodes', {});
  return {
    value,
    table: () =>
      tableText(
        ['HOOK', 'NODE', 'VISITS', 'MEANING'],
        value.nodes.map((node) => [node.hook, node.node, countText(node.visits), node.description]),
      ),
  };
};

/** Maps as a table, for `get maps` and `status`. */
export function mapsTable(maps: readonly MapInfo[]): string {
  return tableText(
    ['MAP', 'TYPE', 'ENTRIES', 'MAX', 'USED', 'MEMORY'],
    maps.map((map) => [
      map.name,
      map.type,
      map.entries === null ? '' : countText(map.entries),
      countText(map.maxEntries),
      map.entries === null || map.maxEntries === 0
        ? ''
        : `${((100 * map.entries) / map.maxEntries).toFixed(1)}%`,
      map.memoryBytes === undefined ? '' : bytesText(map.memoryBytes),
    ]),
  );
}

const maps: View = async (client) => {
  const value = await client.call('maps', {});
  return { value, table: () => mapsTable(value.maps) };
};

const counters: View = async (client) => {
  const value = await client.call('counters', {});
  return {
    value,
    table: (wide) =>
      tableText(
        [
          'HOOK',
          'RECEIVED',
          'SENT',
          'PASSED',
          'PUNTED',
          'DROPPED',
          'GENERATED',
          ...(wide ? ['BYTES'] : []),
        ],
        value.hooks.map((c) => [
          c.hook,
          ...[c.received, c.sent, c.passed, c.punted, c.dropped, c.generated].map(countText),
          ...(wide ? [bytesText(c.receivedBytes)] : []),
        ]),
      ),
  };
};

/** What `get` shows beside objects. */
export const OBSERVED: Readonly<Record<string, View>> = {
  flows,
  nat,
  limits,
  'nat-events': natEvents,
  drops,
  nodes,
  maps,
  counters,
};

/** Text of a view in the wanted format. */
export async function observedTable(
  session: Session,
  view: View,
  options: ObservedOptions,
): Promise<string> {
  const shown = await view(session.client(), options);
  if (shown.note !== undefined) session.note(shown.note);
  const { output } = options;
  if (output === 'json' || output === 'yaml') return documentText(shown.value, output);
  return shown.table(output === 'wide');
}
