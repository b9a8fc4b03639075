// SPDX-License-Identifier: Apache-2.0
/** Bearer tokens (RFC 6750) for clients that come over TCP. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { errorText } from '../../base/errors.js';
import { RestError } from './errors.js';

/** Judges an Authorization header. */
export type TokenCheck = (authorization: string | undefined) => boolean;

/** Shorter ones can be guessed. */
const MIN_LENGTH = 16;

/**
 * Reads the token; white space around it does not count.
 * @throws RestError REST_BAD_TOKEN
 */
export function readToken(path: string): string {
  let token: string;
  let mode: number;
  try {
    token = readFileSync(path, 'utf8').trim();
    mode = statSync(path).mode;
  } catch (error) {
    throw bad(path, `cannot be read: ${errorText(error)}`, error);
  }
  if ((mode & 0o007) !== 0) throw bad(path, `can be read by everyone: run chmod o= ${path}`);
  if (token.length < MIN_LENGTH || !/^[\x21-\x7e]+$/.test(token)) {
    throw bad(
      path,
      `holds no usable token: write at least ${MIN_LENGTH} printable characters without white ` +
        'space, as of: openssl rand -hex 32',
    );
  }
  return token;
}

function bad(path: string, rule: string, cause?: unknown): RestError {
  return new RestError(
    'REST_BAD_TOKEN',
    `rest.tcp.tokenFile: ${path} ${rule}`,
    { field: 'rest.tcp.tokenFile', path },
    cause,
  );
}

/** Compares digests, so that the time taken tells nothing about the token or its length. */
export function tokenCheck(token: string): TokenCheck {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const wanted = digest(token);
  return (authorization) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    return timingSafeEqual(digest(given ?? ''), wanted) && given !== undefined;
  };
}
