// SPDX-License-Identifier: Apache-2.0
/** How far pools are used, and by whom. */
import type { NatResponse } from '../../api/index.js';
import type { LimitUseVal, NatLease } from '../../maps/index.js';
import {
  holderOf,
  mappingsOf,
  UNKNOWN,
  type Gateway,
  type NatTables,
  type PoolMember,
} from './nat-tables.js';

type Address = NatResponse['gateways'][number]['addresses'][number];
type Endpoint = NatResponse['endpoints'][number];
type Block = Endpoint['blocks'][number];

/** Ports of an address of each protocol; port 0 is not one. */
const PORTS = 65535;

interface Held {
  readonly member: PoolMember;
  readonly block: Block;
}

/** One address, noting who holds its blocks. */
function readAddress(
  tables: NatTables,
  member: PoolMember,
  { blockSize }: Gateway,
  held: Map<number, Held[]>,
): Address {
  const blocks = 65536 / blockSize;
  const holders = new Set<number>();
  const used = [0, 0, 0, 0, 0, 0];
  let blocksUsed = 0;
  for (let number = 0; number < blocks; number++) {
    const value = tables.block(member, number);
    if (value === undefined || value.lease === 0n) continue;
    blocksUsed++;
    const holder = holderOf(value);
    holders.add(holder);
    for (const [kind, ports] of value.used.entries()) used[kind] = (used[kind] ?? 0) + ports;
    const first = number * blockSize;
    const block = { first, last: first + blockSize - 1, mappings: mappingsOf(value) };
    const list = held.get(holder) ?? [];
    held.set(holder, list);
    list.push({ member, block });
  }
  const [tcpEven = 0, tcpOdd = 0, udpEven = 0, udpOdd = 0, icmp = 0] = used;
  return {
    address: member.address,
    blocks,
    blocksUsed,
    ports: PORTS,
    tcpPorts: tcpEven + tcpOdd,
    udpPorts: udpEven + udpOdd,
    icmpIds: icmp,
    endpoints: holders.size,
  };
}

function isUsed(lease: NatLease): boolean {
  const { ext, mappings, refused_quota, refused_pool, refused_table } = lease;
  return [ext, mappings, refused_quota, refused_pool, refused_table].some((word) => word !== 0);
}

/** Packets that quotas of connections refused. */
function refusedLimits(use: LimitUseVal | undefined): number {
  if (use === undefined) return 0;
  return Number(use.refused_connections + use.refused_half_open + use.refused_rate);
}

/** Pools and, by family, the endpoints that have used them. */
export function natUse(tables: NatTables): Omit<NatResponse, 'services' | 'prefixes'> {
  const gateways = new Map<number, NatResponse['gateways'][number]>();
  const held = new Map<number, Held[]>();
  const members = new Map(tables.members.map((member) => [member.index, member]));
  for (const member of tables.members) {
    const gateway = tables.gateways.get(member.gw);
    if (gateway === undefined) continue;
    const shown = gateways.get(member.gw) ?? {
      gateway: gateway.name,
      blockSize: gateway.blockSize,
      refusedQuota: 0,
      refusedPool: 0,
      refusedTable: 0,
      refusedLimits: 0,
      addresses: [],
    };
    gateways.set(member.gw, shown);
    shown.addresses.push(readAddress(tables, member, gateway, held));
  }
  const endpoints: Endpoint[] = [];
  for (const [sub, lease] of tables.leases()) {
    const use = tables.use(sub);
    const limits = refusedLimits(use);
    const limited = gateways.get(tables.gatewayOf(sub));
    if (limited !== undefined) limited.refusedLimits += limits;
    for (const family of [4, 6] as const) {
      const mine = family === 4 ? lease.v4 : lease.v6;
      if (!isUsed(mine)) continue;
      const gateway = gateways.get(tables.gatewayOf(sub));
      const refused = {
        refusedQuota: mine.refused_quota,
        refusedPool: mine.refused_pool,
        refusedTable: mine.refused_table,
      };
      if (gateway !== undefined) {
        gateway.refusedQuota += refused.refusedQuota;
        gateway.refusedPool += refused.refusedPool;
        gateway.refusedTable += refused.refusedTable;
      }
      const blocks = (held.get(sub) ?? []).filter(
        ({ member }) => member.address.includes(':') === (family === 6),
      );
      endpoints.push({
        ...(tables.subscribers().get(sub) ?? UNKNOWN),
        gateway: gateway?.gateway ?? '',
        address: members.get(mine.ext)?.address ?? '',
        blocks: blocks.map(({ block }) => block),
        mappings: mine.mappings,
        connections: use?.opened.connections ?? 0,
        ...refused,
        refusedLimits: limits,
      });
    }
  }
  return { gateways: [...gateways.values()], endpoints };
}
