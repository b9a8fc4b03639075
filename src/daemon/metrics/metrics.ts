// SPDX-License-Identifier: Apache-2.0
/** The daemon's metrics in the Prometheus text format. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Logger } from '../../base/log.js';
import type { DataPathView } from '../ports/datapath-view.js';
import { dataPathSources } from './data-path.js';
import type { Source } from './source.js';

export interface MetricsDeps {
  readonly view: DataPathView;
  /** Revision of the store. */
  readonly store: { readonly revision: number };
  readonly log: Logger;
}

export interface MetricsOptions {
  readonly version: string;
  /** Also process_* and nodejs_*, which start a monitor of the event loop. Default: true. */
  readonly process?: boolean;
}

/** A request the API has answered. */
export interface HttpRequestFacts {
  readonly method: string;
  /** The declared path, so that labels stay few; "" when none matched. */
  readonly route: string;
  readonly status: number;
}

export class Metrics {
  private readonly registry = new Registry();
  private readonly sources: readonly Source[];
  private readonly failures: Counter;
  private readonly requests: Counter;
  /** A scrape under way; others that come meanwhile get the same text. */
  private scrape: Promise<string> | undefined;

  constructor(
    private readonly deps: MetricsDeps,
    opts: MetricsOptions,
  ) {
    const registers = [this.registry];
    this.sources = dataPathSources({ view: deps.view, store: deps.store, registry: this.registry });
    this.requests = new Counter({
      name: 'transit_http_requests_total',
      help: 'Requests to the API that were answered.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.failures = new Counter({
      name: 'transit_scrape_failures_total',
      help: 'Readings of the data path that failed; their metrics were left out.',
      labelNames: ['source'],
      registers,
    });
    new Gauge({
      name: 'transit_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      registers,
    }).set({ version: opts.version, node: process.version }, 1);
    if (opts.process !== false) collectDefaultMetrics({ register: this.registry });
  }

  countRequest({ method, route, status }: HttpRequestFacts): void {
    this.requests.inc({ method, route, status });
  }

  /** Content type of text(). */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Reads the data path and renders everything. */
  text(): Promise<string> {
    this.scrape ??= this.collect().finally(() => {
      this.scrape = undefined;
    });
    return this.scrape;
  }

  private async collect(): Promise<string> {
    await Promise.all(this.sources.map((source) => this.read(source)));
    return this.registry.metrics();
  }

  /**
   * A source that cannot be read leaves its metrics out of the scrape instead of failing all of
   * it: the others are what explains why.
   */
  private async read(source: Source): Promise<void> {
    for (const metric of source.metrics) metric.reset();
    try {
      await source.read();
    } catch (error) {
      for (const metric of source.metrics) metric.reset();
      this.failures.inc({ source: source.name });
      this.deps.log.warn({ source: source.name, err: error }, 'metrics could not be read');
    }
  }
}
