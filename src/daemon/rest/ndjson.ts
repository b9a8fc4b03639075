// SPDX-License-Identifier: Apache-2.0
/** Streams of JSON documents, one a line, as fast as the client reads. */
import type { ServerResponse } from 'node:http';
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';

/** Ends when the documents end or the signal aborts (client gone, server stopping). */
export async function writeLines(
  documents: AsyncIterable<unknown>,
  response: ServerResponse,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  // A stream ends with its connection, so that a stopping server need not wait for idle ones.
  response.setHeader('Connection', 'close');
  // The client shall know that it is connected before something happens.
  response.flushHeaders();
  try {
    for await (const document of documents) {
      if (signal.aborted) break;
      if (!response.write(`${JSON.stringify(document)}\n`)) await drained(response, signal);
    }
    response.end();
  } catch (error) {
    // The status is out already: cutting off is the only way to say that this is not the end.
    log.error({ reason: errorText(error) }, 'stream failed');
    response.destroy();
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) {
      resolve();
      return;
    }
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
