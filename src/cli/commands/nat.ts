// SPDX-License-Identifier: Apache-2.0
/** Translation: `get nat` shows pools, prefixes, services and who holds their ports, `nat who` who has one port. */
import { Option, type Command } from 'commander';
import type { NatEventsResponse, NatResponse, NatWhoResponse } from '../../api/index.js';
import { UsageError } from '../exit.js';
import { documentText, formatOption, type Format } from '../output/format.js';
import { tableText } from '../output/table.js';
import { countText, durationText, socketText } from '../output/text.js';
import type { Session } from '../session.js';
import type { View } from './view.js';

function poolTable({ gateways }: NatResponse): string {
  const head = ['GATEWAY', 'ADDRESS', 'BLOCK-SIZE', 'BLOCKS', 'TCP', 'UDP', 'ICMP', 'ENDPOINTS'];
  return tableText(
    head,
    gateways.flatMap(({ gateway, blockSize, addresses }) =>
      addresses.map((use) => [
        gateway,
        use.address,
        countText(blockSize),
        `${use.blocksUsed}/${use.blocks}`,
        ...[use.tcpPorts, use.udpPorts, use.icmpIds, use.endpoints].map(countText),
      ]),
    ),
  );
}

const REFUSED = ['REFUSED-QUOTA', 'REFUSED-POOL', 'REFUSED-TABLE', 'REFUSED-LIMITS'];

function refusedCells(of: NatResponse['gateways' | 'endpoints'][number]): string[] {
  return [of.refusedQuota, of.refusedPool, of.refusedTable, of.refusedLimits].map(countText);
}

function refusalTable({ gateways }: NatResponse): string {
  return tableText(
    ['GATEWAY', ...REFUSED],
    gateways.map((gateway) => [gateway.gateway, ...refusedCells(gateway)]),
  );
}

function endpointTable({ endpoints }: NatResponse): string {
  const head = ['VPC', 'ENDPOINT', 'GATEWAY', 'ADDRESS', 'BLOCKS', 'MAPPINGS', 'CONNECTIONS'];
  return tableText(
    [...head, ...REFUSED],
    endpoints.map((holder) => [
      holder.vpc,
      holder.endpoint,
      holder.gateway,
      holder.address,
      holder.blocks.map(({ first, last }) => `${first}-${last}`).join(','),
      ...[holder.mappings, holder.connections].map(countText),
      ...refusedCells(holder),
    ]),
  );
}

function prefixTable({ prefixes }: NatResponse): string {
  return tableText(
    ['PREFIX', 'VPC', 'SEEN-AS', 'SEEN-BY', 'BY'],
    prefixes.map(({ prefix, vpc, as, seenBy, by }) => [
      prefix,
      vpc,
      as,
      seenBy === '' ? 'outside' : seenBy,
      by,
    ]),
  );
}

function serviceTable({ services }: NatResponse): string {
  return tableText(
    ['SERVICE', 'SOURCE', 'PORTS', 'TCP', 'UDP', 'ENDPOINTS', 'REFUSED-QUOTA', 'REFUSED-POOL'],
    services.map((use) => [
      use.service,
      use.source,
      use.ports === 0 ? '' : `${use.firstPort}-${use.firstPort + use.ports - 1}`,
      ...[use.tcp, use.udp, use.endpoints.length, use.refusedQuota, use.refusedPool].map(countText),
    ]),
  );
}

function serviceUserTable({ services }: NatResponse): string {
  return tableText(
    ['SERVICE', 'VPC', 'ENDPOINT', 'TCP', 'UDP'],
    services.flatMap(({ service, endpoints }) =>
      endpoints.map(({ vpc, endpoint, tcp, udp }) => [
        service,
        vpc,
        endpoint,
        countText(tcp),
        countText(udp),
      ]),
    ),
  );
}

/** Pools, prefixes and services; those that there are none of are left out, unless nothing would be left. */
function natTablesOf(value: NatResponse, wide: boolean): string[] {
  const services = value.services.length > 0;
  const prefixes = value.prefixes.length > 0;
  const gateways = value.gateways.length > 0 || !(services || prefixes);
  return [
    ...(gateways ? [poolTable(value), refusalTable(value)] : []),
    ...(gateways && wide ? [endpointTable(value)] : []),
    ...(prefixes ? [prefixTable(value)] : []),
    ...(services ? [serviceTable(value)] : []),
    ...(services && wide ? [serviceUserTable(value)] : []),
  ];
}

/** Pools, prefixes and services; -o wide adds the endpoints. */
export const nat: View = async (client) => {
  const value = await client.call('nat', {});
  return {
    value,
    table: (wide) => natTablesOf(value, wide).join('\n'),
  };
};

function portsText({
  first,
  last,
}: {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}): string {
  return first === undefined || last === undefined ? '' : `${first}-${last}`;
}

/** A time, or the two between which it was. */
function timeText(time: string | undefined, after: string | undefined): string {
  return after === undefined ? (time ?? '') : `${after}..${time ?? ''}`;
}

function aboutEvent(event: NatEventsResponse['events'][number]): string {
  if (event.event === 'lost') return `${event.count ?? 0} events`;
  return event.event === 'plan' ? (event.addresses ?? []).join(',') : (event.inside ?? '');
}

/** Port blocks that changed hands, the newest first. */
export const natEvents: View = async (client, { limit }) => {
  const value = await client.call('natEvents', { query: { limit } });
  return {
    value,
    ...(value.truncated ? { note: 'there are more: --limit' } : {}),
    table: () =>
      tableText(
        ['TIME', 'EVENT', 'ADDRESS', 'PORTS', 'VPC', 'ENDPOINT', 'INSIDE', 'GATEWAY', 'OWNER'],
        value.events.map((event) => [
          timeText(event.time, event.after),
          event.event,
          event.address ?? '',
          portsText(event),
          event.vpc ?? '',
          event.endpoint ?? '',
          aboutEvent(event),
          event.gateway ?? '',
          event.owner ?? '',
        ]),
      ),
  };
};

/** "203.0.113.7:40211" or "[2001:db8::7]:40211". */
function parseSocket(text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2];
  if (address === undefined)
    throw new UsageError(`"${text}" is not ADDRESS:PORT: IPv6 addresses are in brackets`);
  return { address, port: Number(match?.[3]) };
}

function whoTable({ holders }: NatWhoResponse): string {
  return tableText(
    ['PROTOCOL', 'STATE', 'VPC', 'ENDPOINT', 'INSIDE', 'VIA', 'CONNECTIONS', 'IDLE'],
    holders.map((holder) => [
      holder.protocol,
      holder.state,
      holder.vpc,
      holder.endpoint,
      socketText(holder.address, holder.port),
      holder.via,
      holder.connections === undefined ? '' : countText(holder.connections),
      holder.idleSeconds === undefined ? '' : durationText(holder.idleSeconds),
    ]),
  );
}

/** Of a time that has gone: blocks, not mappings. */
function whoAtTable({ holders }: NatWhoResponse): string {
  return tableText(
    ['STATE', 'VPC', 'ENDPOINT', 'INSIDE', 'PORTS', 'SINCE', 'VIA', 'OWNER'],
    holders.map((holder) => [
      holder.state,
      holder.vpc,
      holder.endpoint,
      holder.address,
      portsText(holder),
      timeText(holder.since, holder.after),
      holder.via,
      holder.owner ?? '',
    ]),
  );
}

interface WhoOptions {
  readonly at?: string;
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  readonly output: Format;
}

/** `transit nat who ADDRESS:PORT`. */
export function registerNat(program: Command, session: Session): void {
  program
    .command('nat')
    .description('ask about translation')
    .command('who')
    .description('who has a public address and port, or had them while they are in quarantine')
    .argument('<socket>', 'public ADDRESS:PORT; for ICMP the identifier; IPv6 in brackets')
    .addOption(
      new Option('--protocol <name>', 'only this protocol').choices(['tcp', 'udp', 'icmp']),
    )
    .option('--at <time>', 'who had it then: RFC 3339, as in 2026-11-27T13:05:00Z')
    .addOption(formatOption())
    .action(async (text: string, { protocol, at, output }: WhoOptions) => {
      const query = { ...parseSocket(text), protocol, at };
      const value = await session.client().call('natWho', { query });
      if (output === 'json' || output === 'yaml') session.print(documentText(value, output));
      else if (at !== undefined && value.holders.length === 0)
        session.note(
          `nobody had ${text} at ${at}${value.logFrom === undefined ? '' : `; the log begins at ${value.logFrom}`}`,
        );
      else if (at !== undefined) session.print(whoAtTable(value));
      else if (value.holders.length === 0) session.note(`nobody has ${text}`);
      else session.print(whoTable(value));
    });
}
