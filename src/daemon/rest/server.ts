// SPDX-License-Identifier: Apache-2.0
/** The API's server: a unix socket always, TCP when configured. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Handlers } from '../../api/index.js';
import type { Component } from '../../base/lifecycle.js';
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';
import { createApp, type AppDeps } from './app.js';
import { readToken, tokenCheck, type TokenCheck } from './auth.js';
import { listenTcp, listenUnix } from './listen.js';

export interface RestServerDeps {
  readonly handlers: Handlers;
  readonly log: Logger;
  readonly clock: Clock;
  readonly onRequest?: AppDeps['onRequest'];
}

export interface RestServerOptions {
  readonly socket: string;
  readonly tcp?: { readonly address: string; readonly port: number; readonly tokenFile: string };
  /** How long requests under way may take when the server stops, ms. */
  readonly graceMs?: number;
}

export class RestServer implements Component {
  private readonly servers: Server[] = [];
  private readonly stopping = new AbortController();

  constructor(
    private readonly deps: RestServerDeps,
    private readonly opts: RestServerOptions,
  ) {}

  /** @throws RestError */
  async start(_signal: AbortSignal): Promise<void> {
    const { socket, tcp } = this.opts;
    try {
      await listenUnix(this.server(undefined), socket);
      this.deps.log.info({ socket }, 'API listening');
      if (tcp === undefined) return;
      const check = tokenCheck(readToken(tcp.tokenFile));
      await listenTcp(this.server(check), tcp.address, tcp.port);
      this.deps.log.info({ address: tcp.address, port: this.tcpPort() }, 'API listening');
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Streams end at once; other requests may finish. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const servers = this.servers.splice(0).filter((server) => server.listening);
    const timer = this.deps.clock.after(this.opts.graceMs ?? 3000, () => {
      for (const server of servers) server.closeAllConnections();
    });
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve();
            });
            server.closeIdleConnections();
          }),
      ),
    );
    timer.cancel();
  }

  /** The port taken; differs from the setting when that is 0. */
  tcpPort(): number | undefined {
    for (const server of this.servers) {
      const address: AddressInfo | string | null = server.address();
      if (address !== null && typeof address === 'object') return address.port;
    }
    return undefined;
  }

  private server(token: TokenCheck | undefined): Server {
    const { handlers, log, onRequest } = this.deps;
    const app = createApp(
      { handlers, log, ...(onRequest === undefined ? {} : { onRequest }) },
      { token, stopping: this.stopping.signal },
    );
    const server = createServer(app);
    this.servers.push(server);
    return server;
  }
}
