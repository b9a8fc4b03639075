// SPDX-License-Identifier: Apache-2.0
/** `get limits`: connections of endpoints, against their quotas. */
import type { LimitsResponse } from '../../api/index.js';
import { tableText } from '../output/table.js';
import { countText, durationText } from '../output/text.js';
import type { View } from './view.js';

type Row = LimitsResponse['endpoints'][number];

/** "3/16384", "3" without a limit. */
function against(count: number, limit: number): string {
  return limit === 0 ? countText(count) : `${countText(count)}/${countText(limit)}`;
}

function rateText({ newPerSecond, burst }: Row['limits']): string {
  return newPerSecond === 0 ? '' : `${newPerSecond}/s, ${burst}`;
}

function row(of: Row, wide: boolean): string[] {
  const { opened, accepted, limits, lastRefusal } = of;
  return [
    of.vpc,
    of.endpoint,
    against(opened.connections, limits.connections),
    against(opened.halfOpen, limits.halfOpen),
    against(accepted.connections, limits.connections),
    against(accepted.halfOpen, limits.halfOpen),
    ...[of.refusedConnections, of.refusedHalfOpen, of.refusedRate].map(countText),
    lastRefusal === undefined ? '' : durationText(lastRefusal.secondsAgo),
    ...(wide
      ? [rateText(limits), lastRefusal?.reason ?? '', of.here ? 'endpoint' : 'gateway']
      : []),
  ];
}

/** Endpoints that have or were refused connections; -o wide adds the rate and why. */
export const limits: View = async (client) => {
  const value = await client.call('limits', {});
  const head = ['VPC', 'ENDPOINT', 'OPENED', 'HALF-OPEN', 'ACCEPTED', 'HALF-OPEN'];
  const refused = ['REFUSED-CONNECTIONS', 'REFUSED-HALF-OPEN', 'REFUSED-RATE', 'LAST'];
  return {
    value,
    table: (wide) =>
      tableText(
        [...head, ...refused, ...(wide ? ['RATE', 'REASON', 'HOST-IS'] : [])],
        value.endpoints.map((of) => row(of, wide)),
      ),
  };
};
