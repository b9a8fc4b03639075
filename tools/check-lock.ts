// SPDX-License-Identifier: Apache-2.0
/**
 * Every optional dependency of every package has an entry in package-lock.json: a lock written
 * without some platform's binary makes `npm ci` fail there.
 */
import { readFileSync } from 'node:fs';

interface Entry {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>;
};
const names = new Set(
  Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, '')),
);
const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
  Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !names.has(name))
    .map((name) => `${path}: ${name}`),
);
for (const line of missing) console.error(`package-lock.json has no entry for ${line}`);
if (missing.length > 0) process.exitCode = 1;
