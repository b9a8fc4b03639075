// SPDX-License-Identifier: Apache-2.0
/** Types of what travels, inferred from the schemas. */
import type { z } from 'zod';
import type {
  changeResponse,
  diffResponse,
  resultSchema,
  watchEventSchema,
} from './schemas/changes.js';
import type { limitsResponse } from './schemas/limits-observed.js';
import type { natResponse, natEventsResponse, natWhoResponse } from './schemas/nat.js';
import type { outputObjectSchema } from './schemas/objects.js';
import type { cutConnectionSchema, policyDiffResponse } from './schemas/policy-diff.js';
import type { endpointPoliciesResponse, policyCheckResponse } from './schemas/policy-observed.js';
import type {
  countersResponse,
  dropSampleSchema,
  dropsResponse,
  flowSchema,
  flowsResponse,
  healthResponse,
  mapSchema,
  mapsResponse,
  nodesResponse,
  programSchema,
  reloadResponse,
  statusResponse,
} from './schemas/observed.js';

export type { ProblemDocument } from './schemas/problem.js';
export type ApiObject = z.output<typeof outputObjectSchema>;
export type ChangeResponse = z.output<typeof changeResponse>;
export type ChangeResult = z.output<typeof resultSchema>;
export type DiffResponse = z.output<typeof diffResponse>;
export type CutConnection = z.output<typeof cutConnectionSchema>;
export type PolicyDiffResponse = z.output<typeof policyDiffResponse>;
export type WatchEvent = z.output<typeof watchEventSchema>;
export type Flow = z.output<typeof flowSchema>;
export type FlowsResponse = z.output<typeof flowsResponse>;
export type LimitsResponse = z.output<typeof limitsResponse>;
export type EndpointPoliciesResponse = z.output<typeof endpointPoliciesResponse>;
export type PolicyCheckResponse = z.output<typeof policyCheckResponse>;
export type NatResponse = z.output<typeof natResponse>;
export type NatWhoResponse = z.output<typeof natWhoResponse>;
export type NatEventsResponse = z.output<typeof natEventsResponse>;
export type DropsResponse = z.output<typeof dropsResponse>;
export type DropSample = z.output<typeof dropSampleSchema>;
export type NodesResponse = z.output<typeof nodesResponse>;
export type MapInfo = z.output<typeof mapSchema>;
export type MapsResponse = z.output<typeof mapsResponse>;
export type CountersResponse = z.output<typeof countersResponse>;
export type ProgramInfo = z.output<typeof programSchema>;
export type ReloadResponse = z.output<typeof reloadResponse>;
export type StatusResponse = z.output<typeof statusResponse>;
export type HealthResponse = z.output<typeof healthResponse>;
