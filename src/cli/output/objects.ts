// SPDX-License-Identifier: Apache-2.0
/** Objects as table rows, by kind. */
import type { ApiObject } from '../../api/index.js';
import {
  expandPool,
  gatewayAddress,
  gatewayMac,
  NAT_DEFAULTS,
  POLICY_DEFAULTS,
  SERVICE_DEFAULTS,
  type Kind,
} from '../../model/index.js';
import { netsText, orderText, rulesText, selectorText, typesText } from './policy.js';
import { ageText, durationText, paint, socketText } from './text.js';
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

type NatSourceOf = ObjectOf<'NatGateway'>['spec']['sources'][number];

type NatPrefix = NonNullable<ObjectOf<'NatGateway'>['spec']['prefixes']>[number];
type PeeringSide = ObjectOf<'Peering'>['spec']['sides'][number];

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

/** "blue", "blue/subnet/a,endpoint/b". */
function sourceText({ vpc, subnets = [], endpoints = [] }: NatSourceOf): string {
  const parts = [
    ...subnets.map((name) => `subnet/${name}`),
    ...endpoints.map((name) => `endpoint/${name}`),
  ];
  return parts.length === 0 ? vpc : `${vpc}(${parts.join(',')})`;
}

/** "fd00:1::/48=2001:db8:1::/48". */
function natPrefixText({ vpc, inside, outside }: NatPrefix): string {
  return `${vpc === undefined ? '' : `${vpc}:`}${inside}=${outside}`;
}

/** "blue(10.0.0.0/24=100.64.1.0/24)": as it is, and as the other side sees it; ">" into a pool. */
function peeringSideText(side: PeeringSide | undefined): string {
  if (side === undefined) return '';
  const prefixes = side.expose.map(({ prefix, as, nat }) =>
    as === undefined ? prefix : `${prefix}${nat === 'masquerade' ? '>' : '='}${as}`,
  );
  return `${side.vpc}(${prefixes.join(',')})`;
}

function insideText({ spec }: ObjectOf<'PublicIp' | 'PortForward'>): string {
  return spec.endpointAddress === undefined
    ? `endpoint/${spec.endpoint}`
    : `endpoint/${spec.endpoint}(${spec.endpointAddress})`;
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
    { head: 'OUTSIDE', wide: true, cell: ({ spec }) => spec.outside?.host ?? '' },
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
    { head: 'OUTSIDE', wide: true, cell: ({ spec }) => (spec.outside === true ? 'yes' : 'no') },
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
  NatGateway: [
    { head: 'SOURCES', cell: ({ spec }) => spec.sources.map(sourceText).join(' ') },
    { head: 'POOL', cell: ({ spec }) => (spec.addresses ?? []).join(',') },
    { head: 'PREFIXES', cell: ({ spec }) => (spec.prefixes ?? []).map(natPrefixText).join(' ') },
    {
      head: 'ADDRESSES',
      wide: true,
      cell: (o) => String(expandPool(o.spec.addresses ?? []).length),
    },
    { head: 'FILTERING', cell: ({ spec }) => spec.filtering ?? NAT_DEFAULTS.filtering },
    { head: 'ALGS', wide: true, cell: ({ spec }) => (spec.algs ?? []).join(',') },
    {
      head: 'BLOCKS',
      wide: true,
      cell: ({ spec }) =>
        `${spec.blocksPerEndpoint ?? NAT_DEFAULTS.blocksPerEndpoint}x${spec.blockSize ?? NAT_DEFAULTS.blockSize}`,
    },
    {
      head: 'QUARANTINE',
      wide: true,
      cell: ({ spec }) => durationText(spec.quarantine ?? NAT_DEFAULTS.quarantine),
    },
    { head: 'EXEMPT', wide: true, cell: ({ spec }) => (spec.exempt ?? []).join(',') },
  ],
  PublicIp: [
    { head: 'ADDRESS', cell: ({ spec }) => spec.address },
    { head: 'TARGET', cell: insideText },
  ],
  PortForward: [
    { head: 'ADDRESS', cell: ({ spec }) => spec.address },
    { head: 'PROTOCOL', cell: ({ spec }) => spec.protocol },
    { head: 'PORT', cell: ({ spec }) => String(spec.port) },
    { head: 'TARGET', cell: insideText },
    { head: 'TARGET-PORT', cell: ({ spec }) => String(spec.endpointPort ?? spec.port) },
  ],
  VirtualService: [
    { head: 'VPCS', cell: ({ spec }) => spec.vpcs?.join(',') ?? 'all' },
    { head: 'ADDRESS', cell: ({ spec }) => spec.address },
    { head: 'PROTOCOL', cell: ({ spec }) => spec.protocol },
    { head: 'PORT', cell: ({ spec }) => String(spec.port) },
    {
      head: 'SERVER',
      cell: ({ spec: { server, port } }) => socketText(server.address, server.port ?? port),
    },
    {
      head: 'PER-ENDPOINT',
      wide: true,
      cell: ({ spec }) =>
        String(spec.connectionsPerEndpoint ?? SERVICE_DEFAULTS.connectionsPerEndpoint),
    },
  ],
  Peering: [
    { head: 'SIDE', cell: ({ spec }) => peeringSideText(spec.sides[0]) },
    { head: 'SIDE', cell: ({ spec }) => peeringSideText(spec.sides[1]) },
    { head: 'HOST', cell: ({ spec }) => spec.host ?? '' },
  ],
  Profile: [
    { head: 'LABELS', cell: ({ spec }) => labelsText(spec.labels) },
    { head: 'RULES', cell: ({ spec }) => rulesText(spec) },
  ],
  Tier: [
    { head: 'ORDER', cell: ({ spec }) => orderText(spec.order) },
    { head: 'DEFAULT', cell: ({ spec }) => spec.defaultAction ?? POLICY_DEFAULTS.tierAction },
  ],
  Policy: [
    { head: 'VPC', wide: true, cell: ({ spec }) => spec.vpc ?? 'each' },
    { head: 'TIER', cell: ({ spec }) => spec.tier ?? POLICY_DEFAULTS.tier },
    { head: 'ORDER', cell: ({ spec }) => orderText(spec.order) },
    { head: 'SELECTOR', cell: ({ spec }) => selectorText(spec) },
    { head: 'TYPES', cell: ({ spec }) => typesText(spec) },
    { head: 'RULES', cell: ({ spec }) => rulesText(spec) },
  ],
  NetworkSet: [
    { head: 'VPC', cell: ({ spec }) => spec.vpc ?? 'each' },
    { head: 'NETS', cell: ({ spec }) => netsText(spec.nets) },
    { head: 'COUNT', wide: true, cell: ({ spec }) => String(spec.nets.length) },
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
