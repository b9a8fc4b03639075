// SPDX-License-Identifier: Apache-2.0
/** A reading of the data path. */
import type { Counter, Gauge } from 'prom-client';

/** Metrics that come from one reading of the data path. */
export interface Source {
  /** Short and stable: a label of transit_scrape_failures_total. */
  readonly name: string;
  readonly metrics: readonly (Counter | Gauge)[];
  /** Fills the metrics, which were emptied before. */
  readonly read: () => Promise<void>;
}
