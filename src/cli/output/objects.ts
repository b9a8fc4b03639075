// SPDX-License-Identifier: Apache-2.0
/** Objects as table rows, by kind. */
import type { ApiObject } from '../../api/index.js';
import { gatewayAddress, gatewayMac, type Kind } from '../../model/index.js';
import { ageText, paint } from './text.js';
import { tableText } from './table.js';

type ObjectOf<K extends Kind> = Extract<ApiObject, { kind: K }>;

interface Column<K extends Kind> {
  readonly head: string;
  /** Shown by -o wide only. */
  readonly wide?: boolean;
  readonly cell: (object: ObjectOf<K>) => string;
}

/** A column of whatever kind; its cells only take that kind's objects. */
interface AnyColumn {
  readonly head: string;
  readonly wide?: boolean;
  readonly cell: (object: never) => string;
}

type Columns = { readonly [K in Kind]: readonly Column<K>[] };

function fact(object: ApiObject, name: string): string {
  const value = object.status?.facts?.[name];
  return value === undefined ? '' : String(value);
}

function routeTarget({ spec }: ObjectOf<'Route'>): string {
  if (spec.blackhole === true) return 'blackhole';
  if (spec.endpoint !== undefined) return `endpoint/${spec.endpoint}`;
  return (spec.nexthops ?? []).map((nexthop) => nexthop.vtep).join(',');
}

function gatewayText(prefix: string | undefined, gateway: string | undefined): string {
  if (prefix === undefined) return '';
  return gatewayAddress(gateway === undefined ? { prefix } : { prefix, gateway });
}

const COLUMNS: Columns = {
  Vpc: [
    { head: 'VNI', cell: ({ spec }) => String(spec.vni) },
    { head: 'UNDERLAY', cell: ({ spec }) => spec.underlay ?? 'auto' },
    {
      head: 'GATEWAY-MAC',
      wide: true,
      cell: ({ spec: { vni, gatewayMac: mac } }) =>
        gatewayMac(mac === undefined ? { vni } : { vni, gatewayMac: mac }),
    },
  ],
  Subnet: [
    { head: 'VPC', cell: ({ spec }) => spec.vpc },
    { head: 'IPV4', cell: ({ spec }) => spec.ipv4?.prefix ?? '' },
    { head: 'IPV6', cell: ({ spec }) => spec.ipv6?.prefix ?? '' },
    {
      head: 'GATEWAYS',
      wide: true,
      cell: ({ spec }) =>
        [spec.ipv4, spec.ipv6]
          .map((family) => gatewayText(family?.prefix, family?.gateway))
          .filter((text) => text !== '')
          .join(','),
    },
  ],
  Droplet: [
    { head: 'HOST', cell: ({ spec }) => spec.host },
    { head: 'DEVICE', cell: ({ spec }) => spec.device },
    { head: 'ADDRESSES', cell: ({ spec }) => spec.addresses.join(',') },
    { head: 'HOOK', wide: true, cell: (o) => fact(o, 'hook') || (o.spec.hook ?? 'auto') },
    { head: 'MTU', wide: true, cell: (object) => fact(object, 'mtu') },
  ],
  Endpoint: [
    { head: 'HOST', cell: ({ spec }) => spec.host },
    { head: 'VPC', cell: ({ spec }) => spec.vpc },
    { head: 'SUBNET', cell: ({ spec }) => spec.subnet },
    { head: 'ADDRESSES', cell: ({ spec }) => spec.addresses.join(',') },
    { head: 'MAC', wide: true, cell: (o) => o.spec.mac ?? fact(o, 'mac') },
    { head: 'DEVICE', wide: true, cell: (o) => o.spec.device?.name ?? fact(o, 'device') },
    { head: 'HOOK', wide: true, cell: (o) => fact(o, 'hook') || (o.spec.hook ?? 'auto') },
    { head: 'MTU', wide: true, cell: (o) => String(o.spec.mtu ?? fact(o, 'mtu')) },
  ],
  Route: [
    { head: 'VPC', cell: ({ spec }) => spec.vpc },
    { head: 'PREFIX', cell: ({ spec }) => spec.prefix },
    { head: 'TARGET', cell: routeTarget },
  ],
};

/** "Programmed", or in one word why not. */
export function stateText(object: ApiObject, colours: boolean): string {
  const conditions = object.status?.conditions ?? [];
  const accepted = conditions.find((condition) => condition.type === 'Accepted');
  if (accepted?.status === 'False') return paint(accepted.reason, 'red', colours);
  const programmed = conditions.find((condition) => condition.type === 'Programmed');
  if (programmed === undefined) return '';
  if (programmed.status === 'True') return paint('Programmed', 'green', colours);
  return paint(programmed.reason, programmed.status === 'False' ? 'red' : 'yellow', colours);
}

function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

export interface TableOptions {
  readonly wide: boolean;
  readonly colours: boolean;
  readonly nowMs: number;
  /** Put before the name: "endpoint/". */
  readonly prefix?: string;
  readonly headers?: boolean;
}

/** Rows of one kind. */
export function objectTable(
  kind: Kind,
  objects: readonly ApiObject[],
  options: TableOptions,
): string {
  const columns: readonly AnyColumn[] = COLUMNS[kind];
  const shown = columns.filter((column) => options.wide || column.wide !== true);
  const rows = objects.map((object) => [
    `${options.prefix ?? ''}${object.metadata.name}`,
    // Every object of the list is of the kind asked for.
    ...shown.map((column) => column.cell(object as never)),
    stateText(object, options.colours),
    ageText(object.metadata.createdAt, options.nowMs),
    ...(options.wide ? [labelsText(object.metadata.labels)] : []),
  ]);
  const tail = options.wide ? ['STATE', 'AGE', 'LABELS'] : ['STATE', 'AGE'];
  const head = ['NAME', ...shown.map((column) => column.head), ...tail];
  return tableText(options.headers === false ? [] : head, rows);
}
