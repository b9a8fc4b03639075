// SPDX-License-Identifier: Apache-2.0
/**
 * Whether an endpoint or a NatGateway was refused something lately, for the condition WithinLimits.
 * Read from the maps when asked for; what all NatGateways share is read once a second at most.
 */
import type { Clock } from '../../base/time.js';
import { MAPS, REASON, TypedMap, type NatLease, type RawMap } from '../../maps/index.js';
import type { StoredObject } from '../../model/index.js';
import { Accounts } from './limit-use.js';
import { natTables, type Objects } from './nat-tables.js';

/** So long an object is said to be refused something after it was. */
const RECENT_S = 60;
const CACHE_MS = 1000;

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** undefined: this host does not count for it. */
export type LimitVerdict = { readonly refusal: Refusal | undefined } | undefined;

const WITHIN: LimitVerdict = { refusal: undefined };

/** Conditions' reasons by those of drops, and what was used up. */
const REASONS: Readonly<Record<number, readonly [string, string]>> = {
  [REASON.CONN_QUOTA]: ['ConnectionQuota', 'it has as many connections as it may have'],
  [REASON.HALF_OPEN_QUOTA]: ['HalfOpenQuota', 'too many of its TCP connections are half-open'],
  [REASON.CONN_RATE]: ['ConnectionRate', 'it opens connections faster than it may'],
  [REASON.NAT_QUOTA]: ['PortQuota', 'all port blocks it may hold are full'],
  [REASON.NAT_EXHAUSTED]: ['PoolExhausted', 'the public address has no free port block'],
  [REASON.NAT_TABLE_FULL]: [
    'TableFull',
    'there is no room for a mapping (datapath.nat.maxMappings)',
  ],
};

function refusalOf(reason: number, who = ''): Refusal {
  const [word, text] = REASONS[reason] ?? ['Refused', 'connections were refused'];
  const message = who === '' ? text : `${who}: ${text}`;
  return { reason: word, message: `in the last minute a connection was refused: ${message}` };
}

export interface LimitStatusDeps {
  readonly map: (name: string) => RawMap;
  readonly objects: Objects;
  readonly clock: Clock;
}

export class LimitStatus {
  #gateways: ReadonlyMap<string, LimitVerdict> = new Map();
  #readAt = -Infinity;

  constructor(private readonly deps: LimitStatusDeps) {}

  /** The verdict on an object. */
  of(object: StoredObject): LimitVerdict {
    if (object.kind === 'Endpoint') return this.#endpoint(object.spec);
    return object.kind === 'NatGateway' ? this.#gateway(object.metadata.name) : undefined;
  }

  #now(): number {
    return new TypedMap(this.deps.map('clock'), MAPS.clock).get(0)?.now_s ?? 0;
  }

  #endpoint(spec: Extract<StoredObject, { kind: 'Endpoint' }>['spec']): LimitVerdict {
    const { map, objects } = this.deps;
    const account = new Accounts(map, objects).of(spec);
    if (account === undefined) return undefined;
    const now = this.#now();
    const use = new TypedMap(map('limit_use'), MAPS.limit_use).get(account.account);
    if (use !== undefined && isRecent(use.refused_s, now))
      return { refusal: refusalOf(use.refused_reason) };
    if (account.sub === 0) return WITHIN;
    const lease = new TypedMap(map('nat_lease'), MAPS.nat_lease).get(account.sub);
    const refused = lease && refusedLately([lease.v4, lease.v6], now);
    return refused === undefined ? WITHIN : { refusal: refusalOf(refused) };
  }

  #gateway(name: string): LimitVerdict {
    const at = this.deps.clock.monotonic();
    if (at - this.#readAt >= CACHE_MS) {
      this.#readAt = at;
      this.#gateways = this.#readGateways();
    }
    return this.#gateways.get(name);
  }

  #readGateways(): Map<string, LimitVerdict> {
    const tables = natTables(this.deps.map, this.deps.objects);
    const out = new Map<string, LimitVerdict>();
    for (const { name } of tables.gateways.values()) out.set(name, WITHIN);
    for (const [sub, { v4, v6 }] of tables.leases()) {
      const refused = refusedLately([v4, v6], tables.now);
      // An endpoint's own quota is the endpoint's affair.
      if (refused === undefined || refused === REASON.NAT_QUOTA) continue;
      const name = tables.gateways.get(tables.gatewayOf(sub))?.name;
      if (name === undefined) continue;
      const who = tables.subscribers().get(sub)?.endpoint;
      out.set(name, { refusal: refusalOf(refused, who && `endpoint ${who}`) });
    }
    return out;
  }
}

function isRecent(second: number, now: number): boolean {
  return second !== 0 && now - second <= RECENT_S;
}

/** Reason of the last refusal of either family. */
function refusedLately(leases: readonly NatLease[], now: number): number | undefined {
  return leases.find(({ refused_s: second }) => isRecent(second, now))?.refused_reason;
}
