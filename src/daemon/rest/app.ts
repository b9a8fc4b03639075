// SPDX-License-Identifier: Apache-2.0
/** HTTP over the route table: parsing, tokens, answers, errors. What routes do is handlers.ts. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import {
  ApiError,
  contentType,
  expressPath,
  parseRequest,
  PROBLEM_TYPE,
  problemDocument,
  ROUTES,
  type Handlers,
  type RouteDeclaration,
  type RouteId,
} from '../../api/index.js';
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import { eventLoop, inPortions } from '../../base/portions.js';
import type { TokenCheck } from './auth.js';
import { isLargeAnswer, largeJson, writingJson } from './large-json.js';
import { writeLines } from './ndjson.js';

/** Room for an apply of 100,000 objects. */
export const BODY_LIMIT = 64 * 1024 * 1024;

export interface AppDeps {
  readonly handlers: Handlers;
  readonly log: Logger;
  /** Called when an answer is done. `route` is the declared path, "" when none matched. */
  readonly onRequest?: (request: RequestFacts) => void;
}

export interface RequestFacts {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

export interface AppOptions {
  /** undefined: whoever can connect may do everything (the socket's file mode decides). */
  readonly token?: TokenCheck | undefined;
  /** Ends streams when the server stops. */
  readonly stopping: AbortSignal;
}

/** Handlers differ in type by route; parseRequest has made the input that this one takes. */
type AnyHandler = (input: unknown) => unknown;

export function createApp(deps: AppDeps, opts: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(observe(deps));
  // Compressed bodies are refused: a small one could stand for all of BODY_LIMIT.
  const json = express.json({ limit: BODY_LIMIT, type: () => true, inflate: false });
  const large = largeJson(eventLoop, BODY_LIMIT);
  for (const [path, ids] of routesByPath()) {
    const at = expressPath(path);
    for (const id of ids) {
      const route: RouteDeclaration = ROUTES[id];
      const handler = deps.handlers[id] as AnyHandler;
      const steps: RequestHandler[] = [
        (_request, response, next) => {
          response.locals['route'] = path;
          next();
        },
      ];
      if (route.open !== true && opts.token !== undefined) steps.push(requireToken(opts.token));
      if (route.body !== undefined) steps.push(large, json);
      app[route.method](at, ...steps, answer(route, handler, deps, opts));
    }
    app.all(at, (_request, response) => {
      const allowed = ids.map((id) => ROUTES[id].method.toUpperCase());
      response.setHeader('Allow', allowed.join(', '));
      throw new ApiError('METHOD_NOT_ALLOWED', `${path} takes ${allowed.join(', ')} only`);
    });
  }
  app.use((request) => {
    throw new ApiError('NOT_FOUND', `there is no ${request.path}; see /docs`);
  });
  app.use(sendProblem(deps.log));
  return app;
}

/** Paths in the order of the table, each with its routes. */
function routesByPath(): Map<string, RouteId[]> {
  const paths = new Map<string, RouteId[]>();
  for (const id of Object.keys(ROUTES) as RouteId[]) {
    const { path } = ROUTES[id];
    const ids = paths.get(path);
    if (ids === undefined) paths.set(path, [id]);
    else ids.push(id);
  }
  return paths;
}

function observe(deps: AppDeps): RequestHandler {
  return (request, response, next) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    response.once('close', () => {
      const { method } = request;
      const route = String(response.locals['route'] ?? '');
      const status = response.statusCode;
      deps.onRequest?.({ method, route, status });
      deps.log.debug({ method, url: request.originalUrl, status }, 'request answered');
    });
    next();
  };
}

function requireToken(check: TokenCheck): RequestHandler {
  return (request, response, next) => {
    if (check(request.headers.authorization)) {
      next();
      return;
    }
    response.setHeader('WWW-Authenticate', 'Bearer realm="transit"');
    throw new ApiError(
      'UNAUTHORIZED',
      'send the token of rest.tcp.tokenFile: Authorization: Bearer TOKEN',
    );
  };
}

function answer(
  route: RouteDeclaration,
  handler: AnyHandler,
  deps: AppDeps,
  opts: AppOptions,
): RequestHandler {
  return async (request, response) => {
    const gone = new AbortController();
    response.once('close', () => {
      gone.abort();
    });
    const signal = AbortSignal.any([gone.signal, opts.stopping]);
    const body: unknown = request.body;
    const input = parseRequest(route, {
      params: request.params,
      query: request.query,
      body,
      signal,
    });
    const result = handler(input);
    if (route.format === 'ndjson') {
      response.setHeader('Content-Type', contentType(route));
      await writeLines(result as AsyncIterable<unknown>, response, signal, deps.log);
      return;
    }
    const value = await result;
    response.setHeader('Content-Type', contentType(route));
    if (route.format === 'json') {
      if (isUnavailable(value)) response.status(503);
      if (isLargeAnswer(value)) {
        for (const piece of await inPortions(writingJson(value), eventLoop)) response.write(piece);
        response.end('\n');
      } else {
        response.end(`${JSON.stringify(value)}\n`);
      }
    } else {
      response.end(String(value));
    }
  };
}

function isUnavailable(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    value.status === 'unavailable'
  );
}

/** Errors of express's own parsers carry a type; see the body-parser documentation. */
function asApiError(error: unknown): unknown {
  if (!(error instanceof Error) || !('type' in error)) {
    // decodeURIComponent of a path parameter
    return error instanceof URIError ? new ApiError('BAD_REQUEST', error.message) : error;
  }
  switch (error.type) {
    case 'entity.too.large':
      return new ApiError(
        'TOO_LARGE',
        `the body is larger than ${BODY_LIMIT / 1024 / 1024}mb`,
        [],
        error,
      );
    case 'entity.parse.failed':
      return new ApiError('BAD_REQUEST', `the body is not JSON: ${error.message}`, [], error);
    default:
      return new ApiError('BAD_REQUEST', error.message, [], error);
  }
}

function sendProblem(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = asApiError(thrown);
    const problem = problemDocument(error);
    if (problem.status >= 500) {
      log.error({ err: error, method: request.method, url: request.originalUrl }, 'request failed');
    }
    if (response.headersSent) {
      // Half an answer is out: only cutting it off tells the client.
      log.error({ url: request.originalUrl, reason: errorText(error) }, 'answer cut off');
      response.destroy();
      return;
    }
    response.status(problem.status);
    response.setHeader('Content-Type', PROBLEM_TYPE);
    response.end(`${JSON.stringify(problem)}\n`);
  };
}
