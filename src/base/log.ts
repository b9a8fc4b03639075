// SPDX-License-Identifier: Apache-2.0
/**
 * Logging: JSON lines on standard output, one child logger per module. Messages are fixed
 * sentences; what varies goes into fields: log.info({ vni, endpoint }, 'endpoint bound').
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Put into every line, to tell daemons on one machine apart. */
  readonly instance?: string;
}

/** The root logger. Without a destination it writes to standard output. */
export function createLogger(opts: LogOptions, destination?: DestinationStream): Logger {
  const settings = {
    level: opts.level,
    base: opts.instance === undefined ? {} : { instance: opts.instance },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}

/** A logger whose lines name the module they come from. */
export function childLogger(parent: Logger, module: string): Logger {
  return parent.child({ module });
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
