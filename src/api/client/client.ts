// SPDX-License-Identifier: Apache-2.0
/** The typed client: what it can call, with what and for what, follows from the route table. */
import { ApiError, API_ERRORS, type ApiErrorCode } from '../errors.js';
import { contentType, PROBLEM_TYPE } from '../request.js';
import type { RouteArguments, RouteDeclaration, RouteResponse } from '../route-types.js';
import { ROUTES, type RouteId, type Routes } from '../routes.js';
import { problemSchema } from '../schemas/problem.js';
import { readLines, readText, send, type Target } from './transport.js';
import type { IncomingMessage } from 'node:http';

type StreamId = { [Id in RouteId]: Routes[Id]['format'] extends 'ndjson' ? Id : never }[RouteId];
type CallId = Exclude<RouteId, StreamId>;

type Needed<A> = {
  [Key in keyof A as A[Key] extends undefined ? never : Key extends 'query' ? never : Key]: A[Key];
};

/** Arguments of a call: the parts its route has; the query may be left out. */
export type CallArguments<Id extends RouteId> = Needed<RouteArguments<Routes[Id]>> & {
  readonly query?: RouteArguments<Routes[Id]>['query'];
  readonly signal?: AbortSignal;
};

interface LooseArguments {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function pathOf(route: RouteDeclaration, args: LooseArguments): string {
  const params = new Map(entries(args.params));
  const path = route.path.replace(/\{([a-zA-Z]+)\}/g, (_, key: string) =>
    encodeURIComponent(String(params.get(key))),
  );
  const query = new URLSearchParams();
  for (const [key, value] of entries(args.query)) {
    if (value !== undefined)
      query.set(key, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function isCode(code: string): code is ApiErrorCode {
  return Object.hasOwn(API_ERRORS, code);
}

async function failure(message: IncomingMessage): Promise<ApiError> {
  const text = await readText(message);
  const status = message.statusCode ?? 0;
  if ((message.headers['content-type'] ?? '').startsWith(PROBLEM_TYPE)) {
    const problem = problemSchema.safeParse(JSON.parse(text));
    if (problem.success) {
      const { code, detail, problems } = problem.data;
      return new ApiError(isCode(code) ? code : 'INTERNAL', detail, problems);
    }
  }
  return new ApiError('INTERNAL', `HTTP status ${status}: ${text.slice(0, 200)}`);
}

export class Client {
  readonly target: Target;

  constructor(target: Target) {
    this.target = target;
  }

  async #send(route: RouteDeclaration, args: LooseArguments): Promise<IncomingMessage> {
    const message = await send(this.target, {
      method: route.method,
      path: pathOf(route, args),
      accept: contentType(route),
      body: args.body === undefined ? undefined : JSON.stringify(args.body),
      signal: args.signal,
    });
    const status = message.statusCode ?? 0;
    const isProblem = (message.headers['content-type'] ?? '').startsWith(PROBLEM_TYPE);
    // A failed health check is an answer, not an error.
    if (status < 300 || (status === 503 && !isProblem)) return message;
    throw await failure(message);
  }

  /** @throws ApiError as the daemon said, UnreachableError */
  async call<Id extends CallId>(
    id: Id,
    args: CallArguments<Id>,
  ): Promise<RouteResponse<Routes[Id]>> {
    const route: RouteDeclaration = ROUTES[id];
    const text = await readText(await this.#send(route, args));
    // The daemon made it from the same schema; a newer one may say more, which is no error.
    return (route.format === 'json' ? JSON.parse(text) : text) as RouteResponse<Routes[Id]>;
  }

  /** Follows a stream until it ends or the signal is aborted. @throws as call() */
  async *stream<Id extends StreamId>(
    id: Id,
    args: CallArguments<Id>,
  ): AsyncGenerator<RouteResponse<Routes[Id]>> {
    const message = await this.#send(ROUTES[id], args);
    for await (const line of readLines(message))
      yield JSON.parse(line) as RouteResponse<Routes[Id]>;
  }
}
