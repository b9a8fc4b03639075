// SPDX-License-Identifier: Apache-2.0
/** One function per route: what the API does, without HTTP. */
import { openApiDocument, type Handlers, type OpenApiDocument } from '../../api/index.js';
import type { Clock } from '../../base/time.js';
import type { DataPathView } from '../ports/datapath-view.js';
import type { Backend } from './backend.js';
import { docsPage } from './docs-page.js';
import { runProbes, type Probe } from './health.js';
import { policyDiff } from './policy-diff.js';

/** Metrics as text, made when asked for. */
export interface MetricsSource {
  text(): Promise<string>;
}

export interface HandlerDeps {
  readonly backend: Backend;
  readonly view: DataPathView;
  readonly metrics: MetricsSource;
  /** Revision of the store. */
  readonly store: { readonly revision: number };
  readonly clock: Clock;
}

export interface HandlerOptions {
  readonly version: string;
  readonly instance: string;
  readonly host: string;
  /** For /readyz. */
  readonly probes: readonly Probe[];
}

const FLOWS_LIMIT = 1000;
const POLICY_DIFF_LIMIT = 100_000;
const NAT_EVENTS_LIMIT = 1000;

export function createHandlers(deps: HandlerDeps, opts: HandlerOptions): Handlers {
  const { backend, view, metrics, store, clock } = deps;
  const startedAt = clock.monotonic();
  // Made when first asked for: it takes a while, and most daemons are never asked.
  let made: OpenApiDocument | undefined;
  const openapi = (): OpenApiDocument => (made ??= openApiDocument(opts.version));
  return {
    apply: ({ body, query }) => backend.apply(body.objects, query),
    diff: ({ body }) => backend.diff(body.objects),
    policyDiff: async ({ body, query: { limit = POLICY_DIFF_LIMIT } }) => {
      const proposal = await backend.propose(body.objects);
      return policyDiff(proposal, await view.flows({ limit }), opts.host);
    },
    deleteMany: ({ body, query }) => backend.deleteMany(body.objects, query),
    watch: ({ query, signal }) => backend.watch({ ...query, signal }),
    list: ({ params, query }) => backend.list(params.kind, query.labelSelector),
    get: ({ params }) => backend.get(params.kind, params.name),
    put: ({ params, query, body }) => backend.put(params.kind, params.name, body, query),
    delete: ({ params: { kind, name }, query: { dryRun, resourceVersion } }) =>
      backend.deleteMany([{ kind, name, resourceVersion }], { dryRun }),
    status: async () => ({
      version: opts.version,
      instance: opts.instance,
      host: opts.host,
      uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
      revision: store.revision,
      ...(await view.status()),
    }),
    flows: ({ query }) => view.flows({ vpc: query.vpc, limit: query.limit ?? FLOWS_LIMIT }),
    limits: () => view.limits(),
    endpointPolicies: ({ params }) => view.endpointPolicies(params.name),
    policyCheck: ({ query }) => view.policyCheck(query),
    nat: () => view.nat(),
    natWho: ({ query: { at, ...query } }) =>
      view.natWho({ ...query, ...(at === undefined ? {} : { at: Date.parse(at) }) }),
    natEvents: ({ query: { since, until, limit } }) =>
      view.natEvents({
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        limit: limit ?? NAT_EVENTS_LIMIT,
      }),
    drops: () => view.drops(),
    nodes: () => view.nodes(),
    maps: () => view.maps(),
    counters: () => view.counters(),
    reload: () => view.reload(),
    healthz: () => ({ status: 'ok' }),
    readyz: () => runProbes(opts.probes),
    metrics: () => metrics.text(),
    openapi: () => ({ ...openapi() }),
    docs: () => docsPage(openapi()),
  };
}
