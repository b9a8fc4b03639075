// SPDX-License-Identifier: Apache-2.0
/** A server on a memory store, and a client for its socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/log.js';
import { systemClock } from '../../../src/base/time.js';
import { StateIndex, type Status } from '../../../src/model/index.js';
import {
  createHandlers,
  RestServer,
  StoreBackend,
  type Probe,
  type RequestFacts,
  type RestServerOptions,
} from '../../../src/daemon/rest/index.js';
import { createMemoryStore } from '../../../src/daemon/store/index.js';
import { fakeView } from '../metrics/fake-view.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  /** Sent as JSON, or as it is when it is text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly port?: number | undefined;
}

export const vpc = (name: string, vni: number, extra: object = {}) => ({
  kind: 'Vpc',
  metadata: { name, ...extra },
  spec: { vni },
});

export const subnet = (name: string, vpcName: string, prefix: string) => ({
  kind: 'Subnet',
  metadata: { name },
  spec: { vpc: vpcName, ipv4: { prefix } },
});

export async function startFixture(over: Partial<RestServerOptions> = {}, probes: Probe[] = []) {
  const dir = mkdtempSync(join(tmpdir(), 'transit-rest-'));
  const socket = over.socket ?? join(dir, 'api.sock');
  const log = silentLogger();
  const store = createMemoryStore({}, { historyLimit: 50 });
  const statuses = new Map<string, Status>();
  const requests: RequestFacts[] = [];
  const backend = new StoreBackend(
    {
      store,
      rules: new StateIndex(store.list()),
      status: { get: (kind, name) => statuses.get(`${kind}/${name}`) },
      clock: systemClock,
      pause: () => turn(),
    },
    { bookmarkMs: 50, maxQueued: 100 },
  );
  const handlers = createHandlers(
    {
      backend,
      view: fakeView(),
      metrics: { text: () => Promise.resolve('transit_up 1\n') },
      store,
      clock: systemClock,
    },
    { version: '0.0.1', instance: 'test', host: 'h1', probes },
  );
  const server = new RestServer(
    { handlers, log, clock: systemClock, onRequest: (facts) => requests.push(facts) },
    { graceMs: 500, ...over, socket },
  );
  try {
    await server.start(new AbortController().signal);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  const open = (call: Call): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const target =
        call.port === undefined ? { socketPath: socket } : { host: '127.0.0.1', port: call.port };
      const sent = request(
        {
          ...target,
          agent: false,
          method: call.method ?? 'GET',
          path: call.path,
          headers: call.headers ?? {},
        },
        resolve,
      );
      sent.once('error', reject);
      sent.end(
        call.body === undefined || typeof call.body === 'string'
          ? call.body
          : JSON.stringify(call.body),
      );
    });
  const send = async (call: Call): Promise<Answer> => {
    const message = await open(call);
    let text = '';
    for await (const chunk of message.setEncoding('utf8')) text += String(chunk);
    return { status: message.statusCode ?? 0, headers: message.headers, text };
  };
  return {
    dir,
    socket,
    store,
    statuses,
    requests,
    server,
    open,
    send,
    apply: (objects: unknown[], query = '') =>
      send({ method: 'POST', path: `/v1/apply${query}`, body: { objects } }),
    stop: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export type Fixture = Awaited<ReturnType<typeof startFixture>>;

/** The answer's JSON. */
export const json = (answer: Answer): Record<string, unknown> =>
  JSON.parse(answer.text) as Record<string, unknown>;
