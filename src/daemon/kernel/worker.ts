// SPDX-License-Identifier: Apache-2.0
/** Threads of the daemon's own. */
import { Worker } from 'node:worker_threads';

/**
 * Starts a worker from the file NAME beside the caller's: compiled, or TypeScript when tests run
 * the sources. Hooks that read TypeScript do not reach into workers, so that one brings its own.
 * @param base import.meta.url of the caller
 * @param name without its ending
 */
export function startWorker(base: string, name: string, workerData: unknown): Worker {
  if (base.endsWith('.js')) return new Worker(new URL(`./${name}.js`, base), { workerData });
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const file = JSON.stringify(new URL(`./${name}.ts`, base).href);
  const code = `import(${tsx}).then((tsx) => { tsx.register(); return import(${file}); })`;
  return new Worker(code, { eval: true, workerData, execArgv: [] });
}
