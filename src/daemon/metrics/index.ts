// SPDX-License-Identifier: Apache-2.0
/** Metrics, collected when scraped. */
export {
  Metrics,
  type HttpRequestFacts,
  type MetricsDeps,
  type MetricsOptions,
} from './metrics.js';
