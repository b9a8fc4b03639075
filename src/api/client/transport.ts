// SPDX-License-Identifier: Apache-2.0
/** HTTP to a daemon: over its unix socket, or over TCP with a bearer token. */
import * as http from 'node:http';
import * as https from 'node:https';
import { TransitError, errorText } from '../../base/errors.js';

export type Target =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'url'; readonly url: URL; readonly token: string | undefined };

/** The daemon does not answer at all. */
export class UnreachableError extends TransitError {
  constructor(target: Target, cause: unknown) {
    super('UNREACHABLE', `${targetText(target)} cannot be reached: ${reason(cause)}`, {}, cause);
  }
}

function reason(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') return 'there is no such socket; is transitd running?';
  if (code === 'ECONNREFUSED') return 'nothing listens there; is transitd running?';
  if (code === 'EACCES') return 'permission denied; the socket belongs to root';
  // An AggregateError (several addresses tried) has an empty message.
  const text = errorText(cause);
  return text === '' ? String(code) : text;
}

/** How a target is named in messages. */
export function targetText(target: Target): string {
  return target.kind === 'unix' ? target.path : target.url.href;
}

/** "http://host:port" is TCP, anything else the path of a socket. */
export function parseTarget(text: string, token?: string): Target {
  if (/^https?:\/\//i.test(text)) {
    if (!URL.canParse(text)) throw new TransitError('BAD_TARGET', `"${text}" is not a URL`);
    return { kind: 'url', url: new URL(text), token };
  }
  return { kind: 'unix', path: text.replace(/^unix:(\/\/)?/, '') };
}

export interface HttpRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly accept: string;
  /** JSON text. */
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

function connection(target: Target): http.RequestOptions {
  if (target.kind === 'unix') return { socketPath: target.path };
  const { url, token } = target;
  return {
    protocol: url.protocol,
    // URL keeps the brackets of IPv6 addresses, connect() does not take them.
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

/** Sends a request. @returns the answer, its body unread. @throws UnreachableError */
export async function send(target: Target, request: HttpRequest): Promise<http.IncomingMessage> {
  const base = connection(target);
  const prefix = target.kind === 'url' ? target.url.pathname.replace(/\/$/, '') : '';
  const options: http.RequestOptions = {
    ...base,
    method: request.method.toUpperCase(),
    path: prefix + request.path,
    headers: {
      ...(base.headers as http.OutgoingHttpHeaders | undefined),
      accept: request.accept,
      ...(request.body === undefined
        ? {}
        : {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(request.body),
          }),
    },
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  return new Promise((resolve, reject) => {
    const secure = target.kind === 'url' && target.url.protocol === 'https:';
    const outgoing = (secure ? https : http).request(options, resolve);
    outgoing.on('error', (error) => {
      reject(request.signal?.aborted === true ? error : new UnreachableError(target, error));
    });
    outgoing.end(request.body);
  });
}

/** Reads a body to its end. */
export async function readText(message: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A body line by line, as the lines come. */
export async function* readLines(message: http.IncomingMessage): AsyncGenerator<string> {
  message.setEncoding('utf8');
  let rest = '';
  for await (const chunk of message) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
  if (rest !== '') yield rest;
}
