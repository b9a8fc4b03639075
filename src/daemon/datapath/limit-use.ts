// SPDX-License-Identifier: Apache-2.0
/** Connections of each endpoint, against its quotas. Read anew by each call. */
import type { LimitsResponse } from '../../api/index.js';
import { parseAddress } from '../../base/net.js';
import { MAPS, reasonName, TypedMap, type LimitUseVal, type RawMap } from '../../maps/index.js';
import type { EndpointSpec } from '../../model/index.js';
import { accountOf } from '../calc/index.js';
import { listOf, type Objects } from './nat-tables.js';

type Row = LimitsResponse['endpoints'][number];

/** Where an endpoint's connections are charged on this host. */
export interface Account {
  readonly account: number;
  /** Of nat_sub; 0: it has none. */
  readonly sub: number;
  readonly here: boolean;
}

/** Finds accounts by the entries of endpoints' first addresses. */
export class Accounts {
  readonly #addr;

  constructor(
    map: (name: string) => RawMap,
    private readonly objects: Objects,
  ) {
    this.#addr = new TypedMap(map('addr'), MAPS.addr);
  }

  /** undefined: its connections are not seen here. */
  of({ vpc, addresses }: EndpointSpec): Account | undefined {
    const object = this.objects.get('Vpc', vpc);
    const [first] = addresses;
    if (object?.kind !== 'Vpc' || first === undefined) return undefined;
    const entry = this.#addr.get({ vni: object.spec.vni, addr: parseAddress(first).bytes });
    if (entry === undefined) return undefined;
    const { ep, sub } = entry;
    if (ep !== 0) return { account: accountOf('endpoint', ep), sub, here: true };
    return sub === 0 ? undefined : { account: accountOf('sub', sub), sub, here: false };
  }
}

function isUsed(use: LimitUseVal): boolean {
  const { opened, accepted, refused_s: refused } = use;
  return opened.connections > 0 || accepted.connections > 0 || refused !== 0;
}

/** Endpoints that have or were refused connections. */
export function limitUse(map: (name: string) => RawMap, objects: Objects): LimitsResponse {
  const uses = new TypedMap(map('limit_use'), MAPS.limit_use);
  const limits = new TypedMap(map('limit'), MAPS.limit);
  const now = new TypedMap(map('clock'), MAPS.clock).get(0)?.now_s ?? 0;
  const accounts = new Accounts(map, objects);
  const endpoints: Row[] = [];
  for (const { metadata, spec } of listOf(objects, 'Endpoint')) {
    const account = accounts.of(spec);
    const use = account && uses.get(account.account);
    if (account === undefined || use === undefined || !isUsed(use)) continue;
    const limit = limits.get(account.account);
    endpoints.push({
      vpc: spec.vpc,
      endpoint: metadata.name,
      here: account.here,
      opened: { connections: use.opened.connections, halfOpen: use.opened.half_open },
      accepted: { connections: use.accepted.connections, halfOpen: use.accepted.half_open },
      limits: {
        connections: limit?.connections ?? 0,
        halfOpen: limit?.half_open ?? 0,
        newPerSecond: limit?.rate ?? 0,
        burst: limit?.burst ?? 0,
      },
      refusedConnections: Number(use.refused_connections),
      refusedHalfOpen: Number(use.refused_half_open),
      refusedRate: Number(use.refused_rate),
      ...(use.refused_s === 0
        ? {}
        : {
            lastRefusal: {
              reason: reasonName(use.refused_reason),
              secondsAgo: Math.max(0, now - use.refused_s),
            },
          }),
    });
  }
  return { endpoints };
}
