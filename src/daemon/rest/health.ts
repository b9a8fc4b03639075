// SPDX-License-Identifier: Apache-2.0
/** Readiness: what must be true before traffic may rely on this host. */
import type { HealthResponse } from '../../api/index.js';
import { errorText } from '../../base/errors.js';

export interface Probe {
  /** Short and stable, as monitoring shows it: "store", "programs", "first-sync". */
  readonly name: string;
  /** @returns why not; undefined when all is well. Throwing is a reason, too. */
  readonly check: () => string | undefined | Promise<string | undefined>;
}

/** Asks every probe. */
export async function runProbes(probes: readonly Probe[]): Promise<HealthResponse> {
  const checks = await Promise.all(
    probes.map(async ({ name, check }) => {
      let message: string | undefined;
      try {
        message = await check();
      } catch (error) {
        message = errorText(error);
      }
      return message === undefined ? { name, ok: true } : { name, ok: false, message };
    }),
  );
  return { status: checks.every((check) => check.ok) ? 'ok' : 'unavailable', checks };
}
