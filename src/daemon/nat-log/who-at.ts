// SPDX-License-Identifier: Apache-2.0
/** Who had a public address and port at a time: from the log, and by the arithmetic of then. */
import type { NatEventsResponse, NatWhoResponse } from '../../api/index.js';
import { fixedHolder, type StoredObject } from '../../model/index.js';
import { listOf, natWhoStatic, viaOf, type NatTables } from '../datapath/index.js';
import type { NatEventsQuery, NatWhoQuery } from '../ports/datapath-view.js';
import type { BlockLog } from './block-log.js';

type Holder = NatWhoResponse['holders'][number];

/** Objects that were there: what they said then is not known, but that they did not exist is. */
function before(tables: NatTables, time: number): NatTables {
  const old = (object: StoredObject): boolean => Date.parse(object.metadata.createdAt) <= time;
  return {
    ...tables,
    objects: {
      get: (kind, name) => tables.objects.get(kind, name),
      list: (kind) => tables.objects.list(kind).filter(old),
    },
  };
}

/** @param at milliseconds since the epoch */
export function whoAt(
  tables: NatTables,
  blocks: BlockLog,
  query: NatWhoQuery,
  at: number,
): NatWhoResponse {
  const { address, port, protocol } = query;
  const logFrom = blocks.from;
  const log = logFrom === undefined ? {} : { logFrom };
  const fixed = natWhoStatic(before(tables, at), query);
  const { holds, plans } = blocks.at(address, port, at);
  const held = holds.map(({ hold, since, after }): Holder => ({
    protocol: protocol ?? 'any',
    via: viaOf(hold.gateway),
    state: 'held',
    vpc: hold.vpc,
    endpoint: hold.endpoint,
    address: hold.inside,
    port: 0,
    first: hold.first,
    last: hold.last,
    owner: hold.owner,
    since,
    ...(after === undefined ? {} : { after }),
  }));
  const byNumbers: Holder[] = [];
  for (const [gateway, plan] of held.length > 0 ? [] : plans) {
    const holder = fixedHolder(plan, address, port);
    if (holder === undefined) continue;
    // Names are not part of arithmetic: whoever has the address now.
    const endpoint = listOf(tables.objects, 'Endpoint').find(
      ({ spec }) => spec.vpc === holder.vpc && spec.addresses.includes(holder.inside),
    );
    byNumbers.push({
      protocol: protocol ?? 'any',
      via: `NatGateway/${gateway}`,
      state: 'fixed',
      vpc: holder.vpc,
      endpoint: endpoint?.metadata.name ?? '',
      address: holder.inside,
      port: 0,
      first: holder.first,
      last: holder.last,
    });
  }
  return { holders: [...fixed, ...held, ...byNumbers], ...log };
}

/** The newest first. */
export function blockEvents(blocks: BlockLog, query: NatEventsQuery): NatEventsResponse {
  const { limit, since = 0, until = Infinity } = query;
  const events: NatEventsResponse['events'] = [];
  for (const record of blocks.records(since, until)) {
    if (events.length === limit) return { events, truncated: true };
    const { time, event, after } = record;
    const when = { time, event, ...(after === undefined ? {} : { after }) };
    if (event === 'lost') events.push({ ...when, event, count: record.count });
    else if (event === 'plan')
      events.push({
        ...when,
        event,
        gateway: record.gateway,
        addresses: [...(record.plan?.addresses ?? [])],
      });
    else if (event !== 'held') {
      const { vpc, endpoint, inside, gateway, owner, address, first, last } = record;
      events.push({ ...when, event, vpc, endpoint, inside, gateway, owner, address, first, last });
    }
  }
  return { events, truncated: false };
}
