// SPDX-License-Identifier: Apache-2.0
/** The data path's tables: flows, drops, nodes, maps, counters. */
import type { Client, Flow, MapInfo } from '../../api/index.js';
import { documentText, type Format } from '../output/format.js';
import { tableText } from '../output/table.js';
import { bytesText, countText, durationText } from '../output/text.js';
import type { Session } from '../session.js';

export interface ObservedOptions {
  readonly output: Format;
  readonly vpc?: string;
  readonly limit?: number;
}

interface Shown {
  /** As the daemon sent it, for JSON and YAML. */
  readonly value: unknown;
  readonly table: (wide: boolean) => string;
  /** For standard error. */
  readonly note?: string;
}

export type View = (client: Client, options: ObservedOptions) => Promise<Shown>;

function socket(address: string, port: number, family: 4 | 6): string {
  if (port === 0) return address;
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function flowRow(flow: Flow, wide: boolean): string[] {
  return [
    flow.vpc === '' ? String(flow.vni) : flow.vpc,
    flow.scope,
    flow.proto,
    socket(flow.source, flow.sourcePort, flow.family),
    socket(flow.destination, flow.destinationPort, flow.family),
    `${flow.action} ${flow.target}`,
    durationText(flow.idleSeconds),
    ...(wide
      ? [
          String(flow.vni),
          String(flow.generation),
          flow.current ? 'yes' : 'no',
          flow.routed ? 'yes' : 'no',
          flow.mtu === undefined ? '' : String(flow.mtu),
        ]
      : []),
  ];
}

const flows: View = async (client, { vpc, limit }) => {
  const value = await client.call('flows', { query: { vpc, limit } });
  const head = ['VPC', 'FROM', 'PROTO', 'SOURCE', 'DESTINATION', 'ACTION', 'IDLE'];
  const more = ['VNI', 'GENERATION', 'CURRENT', 'ROUTED', 'MTU'];
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
export const OBSERVED: Readonly<Record<string, View>> = { flows, drops, nodes, maps, counters };

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
