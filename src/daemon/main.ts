#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/** transitd: the daemon's process. Reads its words and settings, runs, ends cleanly. */
import { errorText } from '../base/errors.js';
import { Runner } from '../base/lifecycle.js';
import { childLogger, createLogger, type Logger } from '../base/log.js';
import { compose } from './compose.js';
import { loadSettings, parseArguments, USAGE, type Settings } from './config/index.js';
import { purge } from './purge.js';
import { VERSION } from './version.js';

/** The data path goes on without us; a supervisor starts us again. */
function endOn(log: Logger, event: 'uncaughtException' | 'unhandledRejection'): void {
  process.on(event, (error: unknown) => {
    log.fatal({ err: error, event }, 'unexpected error: the daemon ends, the data path goes on');
    process.exit(1);
  });
}

async function run(settings: Settings): Promise<void> {
  const log = createLogger({ level: settings.log.level, instance: settings.instance });
  endOn(log, 'uncaughtException');
  endOn(log, 'unhandledRejection');
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'stopping; the data path goes on');
      stopping.abort();
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
  log.info({ version: VERSION, host: settings.host, pid: process.pid }, 'transitd starts');
  try {
    const composition = await compose(settings, log);
    const runner = new Runner({ log: childLogger(log, 'main') }, composition);
    try {
      await runner.start(stopping.signal);
      log.info('transitd is ready');
      await stopped;
    } finally {
      await runner.stop();
      await composition.close();
    }
    log.info('transitd ended');
  } catch (error) {
    if (stopping.signal.aborted) return;
    log.fatal({ err: error }, errorText(error));
    process.stderr.write(`transitd: ${errorText(error)}\n`);
    process.exitCode = 1;
  }
}

async function main(): Promise<void> {
  try {
    const invocation = parseArguments(process.argv.slice(2));
    if (!('config' in invocation)) {
      process.stdout.write(invocation.mode === 'help' ? USAGE : `transitd ${VERSION}\n`);
    } else {
      const settings = loadSettings(invocation.config);
      if (invocation.mode === 'check') process.stdout.write(`${invocation.config}: ok\n`);
      else if (invocation.mode === 'purge') await purge(settings);
      else await run(settings);
    }
  } catch (error) {
    process.stderr.write(`transitd: ${errorText(error)}\n`);
    process.exitCode = error instanceof Error && 'code' in error && error.code === 'USAGE' ? 2 : 1;
  }
  // Whatever still holds the event loop must not hold up a restart.
  process.exit();
}

await main();
