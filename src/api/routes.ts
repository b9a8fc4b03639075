// SPDX-License-Identifier: Apache-2.0
/**
 * The route table. Declared once: the server, the client and OpenAPI are derived from it. Order
 * matters to the server: fixed paths stand before those with a kind.
 */
import { z } from 'zod';
import { addressField, doc } from './fields.js';
import { KIND_TABLE, kindByWord } from './kinds.js';
import type { RouteDeclaration, RouteInput, RouteResult } from './route-types.js';
import {
  changeResponse,
  deleteBody,
  diffResponse,
  listResponse,
  objectResponse,
  objectsBody,
  objectsBodyDoc,
  watchEventSchema,
} from './schemas/changes.js';
import { limitsResponse } from './schemas/limits-observed.js';
import { natEventsResponse, natResponse, natWhoResponse } from './schemas/nat.js';
import { inputObjectSchema, outputObjectSchema } from './schemas/objects.js';
import { policyDiffResponse } from './schemas/policy-diff.js';
import { endpointPoliciesResponse, policyCheckResponse } from './schemas/policy-observed.js';
import {
  countersResponse,
  dropsResponse,
  flowsResponse,
  healthResponse,
  mapsResponse,
  nodesResponse,
  reloadResponse,
  statusResponse,
} from './schemas/observed.js';

/** RFC 3339 with a zone. */
const timeField = () =>
  z.string().refine((text) => TIME.test(text) && !Number.isNaN(Date.parse(text)), {
    error: ({ input }) =>
      `"${String(input)}" is not a time of RFC 3339, as in 2026-11-27T13:05:00Z`,
  });
const TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

const kindWord = z.string().transform((word, context) => {
  const kind = kindByWord(word);
  if (kind !== undefined) return kind;
  context.issues.push({
    code: 'custom',
    input: word,
    message: `"${word}" is not a kind: must be ${KIND_TABLE.map((entry) => entry.plural).join(', ')}`,
  });
  return z.NEVER;
});

const kindParam = kindWord.meta({
  type: 'string',
  enum: KIND_TABLE.map((entry) => entry.plural),
  description: 'Kind: plural, singular or short name in any case.',
});
const nameParam = doc(z.string().min(1), 'Name of the object.');
const ofKind = z.object({ kind: kindParam });
const ofObject = z.object({ kind: kindParam, name: nameParam });

const truth = z
  .union([z.boolean(), z.enum(['true', 'false', '', '1', '0'])])
  .transform((value) => value === true || value === 'true' || value === '' || value === '1');
const dryRun = truth
  .meta({ type: 'boolean', description: 'Judge and report, but change nothing. Default: false.' })
  .optional();
const version = z.coerce
  .number<number | string>()
  .int()
  .min(0)
  .meta({
    type: 'integer',
    description: 'Precondition: the stored object must have this resourceVersion; 0: not exist.',
  })
  .optional();
const writeQuery = z.object({ dryRun, resourceVersion: version });

const protocolQuery = z
  .union([
    z.enum(['tcp', 'udp', 'sctp', 'icmp', 'icmpv6']),
    z.coerce.number<number | string>().int().min(0).max(255),
  ])
  .meta({
    description: 'Protocol: tcp, udp, sctp, icmp, icmpv6 or a number.',
    examples: ['tcp'],
  });
const small = (description: string, max: number) =>
  z.coerce
    .number<number | string>()
    .int()
    .min(0)
    .max(max)
    .meta({ type: 'integer', description })
    .optional();

export const ROUTES = {
  apply: {
    method: 'post',
    path: '/v1/apply',
    tag: 'objects',
    summary: 'Create and update objects, all or none.',
    query: z.object({ dryRun }),
    body: objectsBody,
    bodyDoc: objectsBodyDoc,
    format: 'json',
    response: changeResponse,
  },
  diff: {
    method: 'post',
    path: '/v1/diff',
    tag: 'objects',
    summary: 'Say what applying the objects would change.',
    body: objectsBody,
    bodyDoc: objectsBodyDoc,
    format: 'json',
    response: diffResponse,
  },
  policyDiff: {
    method: 'post',
    path: '/v1/policy-diff',
    tag: 'data path',
    summary: "Say which of this host's connections applying the objects would cut.",
    query: z.object({
      limit: z.coerce
        .number<number | string>()
        .int()
        .min(1)
        .max(1000000)
        .meta({ type: 'integer', description: 'Most flow records to judge. Default: 100000.' })
        .optional(),
    }),
    body: objectsBody,
    bodyDoc: objectsBodyDoc,
    format: 'json',
    response: policyDiffResponse,
  },
  deleteMany: {
    method: 'post',
    path: '/v1/delete',
    tag: 'objects',
    summary: 'Delete objects, all or none.',
    query: z.object({ dryRun }),
    body: deleteBody,
    format: 'json',
    response: changeResponse,
  },
  watch: {
    method: 'get',
    path: '/v1/watch',
    tag: 'objects',
    summary:
      'Follow changes. Without sinceRevision the objects there are come first as ADDED, then a BOOKMARK, then changes. 410 REVISION_GONE when changes since then are not kept any more.',
    query: z.object({
      kind: kindParam.optional(),
      sinceRevision: z.coerce
        .number<number | string>()
        .int()
        .min(0)
        .meta({ type: 'integer', description: 'Send changes after this revision only.' })
        .optional(),
    }),
    format: 'ndjson',
    response: watchEventSchema,
  },
  status: {
    method: 'get',
    path: '/v1/status',
    tag: 'daemon',
    summary: 'State of the daemon.',
    format: 'json',
    response: statusResponse,
  },
  flows: {
    method: 'get',
    path: '/v1/flows',
    tag: 'data path',
    summary: 'Flow records.',
    query: z.object({
      vpc: doc(z.string(), 'Only flows of this Vpc.').optional(),
      limit: z.coerce
        .number<number | string>()
        .int()
        .min(1)
        .max(1000000)
        .meta({ type: 'integer', description: 'Most records to return. Default: 1000.' })
        .optional(),
    }),
    format: 'json',
    response: flowsResponse,
  },
  nat: {
    method: 'get',
    path: '/v1/nat',
    tag: 'data path',
    summary: 'Pools of NatGateways, port blocks and who holds them.',
    format: 'json',
    response: natResponse,
  },
  limits: {
    method: 'get',
    path: '/v1/limits',
    tag: 'data path',
    summary: 'Connections of endpoints, against their quotas.',
    format: 'json',
    response: limitsResponse,
  },
  endpointPolicies: {
    method: 'get',
    path: '/v1/endpoints/{name}/policies',
    tag: 'data path',
    summary:
      'Rules of policies, tiers and profiles that apply to an endpoint of this host, in order, and what they have decided.',
    params: z.object({ name: doc(z.string().min(1), 'Name of the Endpoint.') }),
    format: 'json',
    response: endpointPoliciesResponse,
  },
  policyCheck: {
    method: 'get',
    path: '/v1/policy-check',
    tag: 'data path',
    summary:
      'Whether policies let a connection through, by which rule, for the ends on this host: computed, and asked of the data path.',
    query: z.object({
      from: doc(z.string().min(1), 'Who opens it: name of an Endpoint, or an address.'),
      to: doc(z.string().min(1), 'Whom it is opened to: name of an Endpoint, or an address.'),
      protocol: protocolQuery,
      port: small('Destination port, of tcp, udp and sctp.', 65535),
      sourcePort: small('Source port; 49152 when left out.', 65535),
      icmpType: small('Type, of icmp and icmpv6; an echo request when left out.', 255),
      icmpCode: small('Code; 0 when left out.', 255),
      vpc: doc(z.string(), 'Name of the Vpc, when both ends are addresses.').optional(),
    }),
    format: 'json',
    response: policyCheckResponse,
  },
  natWho: {
    method: 'get',
    path: '/v1/nat/who',
    tag: 'data path',
    summary: 'Who has a public address and port, or had them while they are in quarantine.',
    query: z.object({
      address: doc(addressField(), 'Public address.'),
      port: z.coerce
        .number<number | string>()
        .int()
        .min(0)
        .max(65535)
        .meta({ type: 'integer', description: 'Port, or identifier of ICMP queries.' }),
      protocol: doc(z.enum(['tcp', 'udp', 'icmp']), 'Only this protocol.').optional(),
      at: doc(timeField(), 'Who had it then, RFC 3339; without: now.').optional(),
    }),
    format: 'json',
    response: natWhoResponse,
  },
  natEvents: {
    method: 'get',
    path: '/v1/nat/events',
    tag: 'data path',
    summary: 'Port blocks that were taken and given back, the newest first.',
    query: z.object({
      since: doc(timeField(), 'Only events of this time or later, RFC 3339.').optional(),
      until: doc(timeField(), 'Only events of this time or earlier, RFC 3339.').optional(),
      limit: z.coerce
        .number<number | string>()
        .int()
        .min(1)
        .max(100_000)
        .meta({ type: 'integer', description: 'Most events to return; 1000 when left out.' })
        .optional(),
    }),
    format: 'json',
    response: natEventsResponse,
  },
  drops: {
    method: 'get',
    path: '/v1/drops',
    tag: 'data path',
    summary: 'Dropped packets by hook and reason, and recent samples.',
    format: 'json',
    response: dropsResponse,
  },
  nodes: {
    method: 'get',
    path: '/v1/nodes',
    tag: 'data path',
    summary: 'Visits of the nodes of the graph by hook.',
    format: 'json',
    response: nodesResponse,
  },
  maps: {
    method: 'get',
    path: '/v1/maps',
    tag: 'data path',
    summary: 'Maps and how full they are.',
    format: 'json',
    response: mapsResponse,
  },
  counters: {
    method: 'get',
    path: '/v1/counters',
    tag: 'data path',
    summary: 'The balance of packets by hook.',
    format: 'json',
    response: countersResponse,
  },
  reload: {
    method: 'post',
    path: '/v1/programs/reload',
    tag: 'data path',
    summary: 'Replace the programs by the files on disk, without losing a packet or a flow.',
    format: 'json',
    response: reloadResponse,
  },
  list: {
    method: 'get',
    path: '/v1/{kind}',
    tag: 'objects',
    summary: 'Objects of a kind.',
    params: ofKind,
    query: z.object({
      labelSelector: doc(
        z.string(),
        'Label selector: KEY=VALUE, KEY!=VALUE, KEY or !KEY, with commas between.',
      ).optional(),
    }),
    format: 'json',
    response: listResponse,
  },
  get: {
    method: 'get',
    path: '/v1/{kind}/{name}',
    tag: 'objects',
    summary: 'One object.',
    params: ofObject,
    format: 'json',
    response: outputObjectSchema,
  },
  put: {
    method: 'put',
    path: '/v1/{kind}/{name}',
    tag: 'objects',
    summary: 'Create or replace one object; kind and name must be those of the path.',
    params: ofObject,
    query: writeQuery,
    body: z.unknown(),
    bodyDoc: inputObjectSchema,
    format: 'json',
    response: objectResponse,
  },
  delete: {
    method: 'delete',
    path: '/v1/{kind}/{name}',
    tag: 'objects',
    summary: 'Delete one object.',
    params: ofObject,
    query: writeQuery,
    format: 'json',
    response: changeResponse,
  },
  healthz: {
    method: 'get',
    path: '/healthz',
    tag: 'daemon',
    summary: 'Whether the daemon works: 200, or 503.',
    format: 'json',
    response: healthResponse,
    open: true,
  },
  readyz: {
    method: 'get',
    path: '/readyz',
    tag: 'daemon',
    summary: 'Whether the data path has the configuration: 200, or 503.',
    format: 'json',
    response: healthResponse,
    open: true,
  },
  metrics: {
    method: 'get',
    path: '/metrics',
    tag: 'daemon',
    summary: 'Metrics in the Prometheus text format.',
    format: 'text',
    response: z.string(),
  },
  openapi: {
    method: 'get',
    path: '/openapi.json',
    tag: 'daemon',
    summary: 'This description (OpenAPI 3.1).',
    format: 'json',
    response: z.record(z.string(), z.unknown()),
  },
  docs: {
    method: 'get',
    path: '/docs',
    tag: 'daemon',
    summary: 'This description, for people.',
    format: 'html',
    response: z.string(),
  },
} as const satisfies Record<string, RouteDeclaration>;

export type Routes = typeof ROUTES;
export type RouteId = keyof Routes;

/** One function per route: what a server implements. */
export type Handlers = {
  readonly [Id in RouteId]: (input: RouteInput<Routes[Id]>) => RouteResult<Routes[Id]>;
};
