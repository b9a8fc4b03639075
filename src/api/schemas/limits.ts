// SPDX-License-Identifier: Apache-2.0
/** Quotas of connections, the same at a Vpc and at an Endpoint. */
import { z } from 'zod';
import { DEFAULT_LIMITS, type ConnectionLimits } from '../../model/index.js';
import { doc } from '../fields.js';

/** More than any host's tables hold. */
const MAX_CONNECTIONS = 16_777_216;
const MAX_RATE = 1_000_000;

/** burst is measured against the rate, halfOpen against all: where both are said together. */
function disagreement(
  limits: Partial<Record<keyof ConnectionLimits, number | undefined>>,
): { path: string; message: string } | undefined {
  const { connections = 0, halfOpen = 0, newPerSecond = 0, burst } = limits;
  if (connections > 0 && halfOpen > connections)
    return {
      path: 'halfOpen',
      message: `${halfOpen} half-open connections of ${connections} at most: must not be more`,
    };
  if (burst === undefined || burst === 0) return undefined;
  if (newPerSecond === 0)
    return { path: 'burst', message: 'a burst needs newPerSecond, of more than 0' };
  if (burst < newPerSecond)
    return { path: 'burst', message: `${burst} is less than newPerSecond, ${newPerSecond}` };
  return undefined;
}

const whole = (max: number) => z.int().min(0).max(max);

/** Field `limits`. @param whose what says where the limits hold */
export function limitsField(whose: string) {
  return doc(
    z
      .strictObject({
        connections: doc(
          whole(MAX_CONNECTIONS),
          'Connections an endpoint has opened, and as many that others have opened to it; 0: no limit.',
          { default: DEFAULT_LIMITS.connections },
        ).optional(),
        halfOpen: doc(
          whole(MAX_CONNECTIONS),
          'TCP connections among these that were not answered yet; 0: no limit.',
          { default: DEFAULT_LIMITS.halfOpen },
        ).optional(),
        newPerSecond: doc(
          whole(MAX_RATE),
          'Connections an endpoint opens per second; 0: no limit.',
          { default: DEFAULT_LIMITS.newPerSecond },
        ).optional(),
        burst: doc(
          whole(MAX_RATE),
          'Connections it opens at once after a pause; default: newPerSecond.',
        ).optional(),
      })
      .superRefine((limits, context) => {
        const found = disagreement(limits);
        if (found) context.addIssue({ code: 'custom', path: [found.path], message: found.message });
      }),
    whose,
  );
}
