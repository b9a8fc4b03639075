// SPDX-License-Identifier: Apache-2.0
/** The server's side of a route: from raw parts to a typed input. */
import type { z } from 'zod';
import { ApiError } from './errors.js';
import { issueRules } from './issues.js';
import type { RouteDeclaration, RouteInput } from './route-types.js';

export interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

function parsePart(
  name: 'params' | 'query' | 'body',
  schema: z.ZodType | undefined,
  value: unknown,
): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) =>
    issueRules(issue, value).map((rule) => ({ object: name, ...rule })),
  );
  const text = problems.map((p) => (p.field === '' ? p.rule : `${p.field}: ${p.rule}`)).join('; ');
  throw new ApiError('BAD_REQUEST', text, problems);
}

/** @throws ApiError BAD_REQUEST, with problems of the object "params", "query" or "body". */
export function parseRequest<R extends RouteDeclaration>(route: R, raw: RawRequest): RouteInput<R> {
  const input: Record<keyof RouteInput<RouteDeclaration>, unknown> = {
    params: parsePart('params', route.params, raw.params),
    query: parsePart('query', route.query, raw.query ?? {}),
    body: parsePart('body', route.body, raw.body),
    signal: raw.signal,
  };
  // The schemas that made the parts are those the type is computed from.
  return input as RouteInput<R>;
}

/** "/v1/{kind}" as express writes it: "/v1/:kind". */
export function expressPath(path: string): string {
  return path.replace(/\{([a-zA-Z]+)\}/g, ':$1');
}

/** Content type of a route's answer. */
export function contentType(route: RouteDeclaration): string {
  switch (route.format) {
    case 'json':
      return 'application/json';
    case 'ndjson':
      return 'application/x-ndjson';
    case 'html':
      return 'text/html; charset=utf-8';
    case 'text':
      return 'text/plain; version=0.0.4; charset=utf-8';
  }
}

export const PROBLEM_TYPE = 'application/problem+json';
