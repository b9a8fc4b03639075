// SPDX-License-Identifier: Apache-2.0
/** The version of this build, from package.json. */
import { readFileSync } from 'node:fs';

function read(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
    ? manifest.version
    : '0.0.0';
}

/** "0.1.0" */
export const VERSION = read();
