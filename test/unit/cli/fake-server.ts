// SPDX-License-Identifier: Apache-2.0
/** A small daemon made from the route table: real HTTP, objects in a Map. */
import * as http from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiError,
  PROBLEM_TYPE,
  ROUTES,
  contentType,
  invalid,
  objectChanges,
  parseObjects,
  parseRequest,
  parseSelector,
  problemDocument,
  kindByWord,
  type ApiObject,
  type Handlers,
  type RouteDeclaration,
  type RouteId,
} from '../../../src/api/index.js';
import { StateIndex, type Kind, type StoredObject } from '../../../src/model/index.js';

/** What a test may replace. */
export type SomeHandlers = Partial<Handlers>;

const CREATED = '2026-01-01T00:00:00Z';

export class FakeServer {
  readonly objects = new Map<string, StoredObject>();
  readonly socket: string;
  readonly requests: string[] = [];
  /** Of the last request. */
  authorization: string | undefined;
  port = 0;
  readonly #dir = mkdtempSync(join(tmpdir(), 'transit-cli-'));
  readonly #servers: http.Server[] = [];
  readonly #handlers: SomeHandlers;
  #revision = 0;

  constructor(handlers: SomeHandlers = {}) {
    this.socket = join(this.#dir, 'api.sock');
    this.#handlers = { ...this.#defaults(), ...handlers };
  }

  async start(): Promise<void> {
    for (const where of [{ path: this.socket }, { host: '127.0.0.1', port: 0 }]) {
      const server = http.createServer((request, response) => {
        void this.#serve(request, response);
      });
      server.listen(where);
      await once(server, 'listening');
      const address = server.address();
      if (typeof address === 'object' && address !== null) this.port = address.port;
      this.#servers.push(server);
    }
  }

  stop(): void {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.#dir, { recursive: true });
  }

  show(object: StoredObject): ApiObject {
    // Types differ only in how optional fields are written.
    return {
      ...object,
      status: {
        observedGeneration: object.metadata.generation,
        conditions: [
          {
            type: 'Programmed',
            status: 'True',
            reason: 'Programmed',
            message: 'in the data path',
            lastTransitionTime: CREATED,
          },
        ],
        facts: { ifindex: 7 },
      },
    } as ApiObject;
  }

  #plan(inputs: readonly unknown[]) {
    const { objects, problems } = parseObjects(inputs);
    if (problems.length > 0) throw invalid(problems);
    const changes = objects.map(({ object }) => ({
      kind: object.kind,
      name: object.metadata.name,
      object,
    }));
    const found = new StateIndex(this.objects.values()).check(changes);
    if (found.length > 0) throw invalid(found);
    return objects.map(({ object }) => {
      const { kind, metadata } = object;
      const old = this.objects.get(`${kind}/${metadata.name}`);
      const list = objectChanges(old, object);
      const action =
        old === undefined
          ? ('created' as const)
          : list.length === 0
            ? ('unchanged' as const)
            : ('updated' as const);
      return { object, result: { kind, name: metadata.name, action }, changes: list };
    });
  }

  #find(kind: Kind, name: string): StoredObject {
    const object = this.objects.get(`${kind}/${name}`);
    if (object === undefined) throw new ApiError('NOT_FOUND', `${kind}/${name} does not exist`);
    return object;
  }

  #defaults(): SomeHandlers {
    return {
      apply: ({ body, query }) => {
        const plan = this.#plan(body.objects);
        if (query.dryRun !== true) {
          this.#revision++;
          for (const { object } of plan) {
            const metadata = {
              ...object.metadata,
              generation: 1,
              resourceVersion: this.#revision,
              createdAt: CREATED,
            };
            const stored = { ...object, metadata } as StoredObject;
            this.objects.set(`${object.kind}/${metadata.name}`, stored);
          }
        }
        return { revision: this.#revision, results: plan.map(({ result }) => result) };
      },
      diff: ({ body }) => ({
        revision: this.#revision,
        results: this.#plan(body.objects).map(({ result, changes }) => ({ ...result, changes })),
      }),
      deleteMany: ({ body, query }) => {
        const results = body.objects.map(({ kind: word, name }) => {
          const kind = kindByWord(word) ?? 'Vpc';
          this.#find(kind, name);
          return { kind, name, action: 'deleted' as const };
        });
        if (query.dryRun !== true)
          for (const { kind, name } of results) this.objects.delete(`${kind}/${name}`);
        return { revision: ++this.#revision, results };
      },
      get: ({ params }) => this.show(this.#find(params.kind, params.name)),
      list: ({ params, query }) => {
        const matches = parseSelector(query.labelSelector ?? '');
        const items = [...this.objects.values()]
          .filter((object) => object.kind === params.kind && matches(object.metadata.labels))
          .map((object) => this.show(object));
        return { kind: 'List', revision: this.#revision, items };
      },
    };
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://x');
      this.requests.push(`${request.method ?? ''} ${url.pathname}${url.search}`);
      this.authorization = request.headers.authorization;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      for (const [id, route] of Object.entries<RouteDeclaration>(ROUTES)) {
        const pattern = new RegExp(`^${route.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
        const match = pattern.exec(url.pathname);
        if (match === null || route.method.toUpperCase() !== request.method) continue;
        const handler = this.#handlers[id as RouteId];
        if (handler === undefined) throw new ApiError('UNAVAILABLE', `no handler for ${id}`);
        const input = parseRequest(route, {
          params: { ...match.groups },
          query: Object.fromEntries(url.searchParams),
          body: text === '' ? undefined : JSON.parse(text),
          signal: new AbortController().signal,
        });
        // The input was parsed for this very route.
        const result: unknown = await (handler as (input: unknown) => unknown)(input);
        response.writeHead(200, { 'content-type': contentType(route) });
        if (route.format === 'ndjson') {
          for await (const event of result as AsyncIterable<unknown>)
            response.write(`${JSON.stringify(event)}\n`);
          response.end();
        } else {
          response.end(typeof result === 'string' ? result : JSON.stringify(result));
        }
        return;
      }
      throw new ApiError('NOT_FOUND', `${url.pathname} does not exist`);
    } catch (error) {
      const problem = problemDocument(error);
      if (!response.headersSent)
        response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE });
      response.end(JSON.stringify(problem));
    }
  }
}
