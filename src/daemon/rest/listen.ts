// SPDX-License-Identifier: Apache-2.0
/** Taking an address, with errors that name it and the setting it comes from. */
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errorText } from '../../base/errors.js';
import { RestError } from './errors.js';

/**
 * Listens on a unix socket only its owner can open. A socket nobody answers on is what a killed
 * daemon left, and is removed.
 * @throws RestError REST_ADDRESS_IN_USE, REST_LISTEN_FAILED
 */
export async function listenUnix(server: Server, path: string): Promise<void> {
  const field = 'rest.socket';
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined) {
      if (!found.isSocket()) throw new Error('there is a file of this name, which is no socket');
      if (await answers(path)) throw inUse(path, field);
      unlinkSync(path);
    }
    // bind() happens within listen(): the socket is never open to others, not even at first.
    const umask = process.umask(0o177);
    const listening = settled(server);
    try {
      server.listen({ path });
    } finally {
      process.umask(umask);
    }
    await listening;
    chmodSync(path, 0o600);
  } catch (error) {
    throw asRestError(error, path, field);
  }
}

/** @throws RestError REST_ADDRESS_IN_USE, REST_LISTEN_FAILED */
export async function listenTcp(server: Server, address: string, port: number): Promise<void> {
  const text = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  try {
    const listening = settled(server);
    server.listen({ host: address, port });
    await listening;
  } catch (error) {
    throw asRestError(error, text, 'rest.tcp.port');
  }
}

function settled(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(error);
    };
    server.once('listening', onListening);
    server.once('error', onError);
  });
}

/** Whether something accepts connections there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // A full backlog is somebody, too.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

function inUse(address: string, field: string): RestError {
  return new RestError(
    'REST_ADDRESS_IN_USE',
    `${field}: something else, perhaps another transitd, listens on ${address}`,
    { field, address },
  );
}

function asRestError(error: unknown, address: string, field: string): RestError {
  if (error instanceof RestError) return error;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return inUse(address, field);
  }
  return new RestError(
    'REST_LISTEN_FAILED',
    `${field}: cannot listen on ${address}: ${errorText(error)}`,
    { field, address },
    error,
  );
}
