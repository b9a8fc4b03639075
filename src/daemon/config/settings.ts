// SPDX-License-Identifier: Apache-2.0
/** Settings as the daemon uses them: nothing left open. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SettingsFile } from './schema.js';

type Complete<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]-?: NonNullable<T[P]> };

export interface TcpSettings {
  readonly address: string;
  readonly port: number;
  readonly tokenFile: string;
}

export interface Settings {
  readonly instance: string;
  readonly host: string;
  readonly dataDir: string;
  readonly runDir: string;
  readonly rest: { readonly socket: string; readonly tcp?: TcpSettings };
  readonly log: Readonly<SettingsFile['log']>;
  readonly datapath: DatapathSettings;
}

export type DatapathSettings = Readonly<Complete<SettingsFile['datapath'], 'bpfDir' | 'pinDir'>>;

/** Where packages install the compiled programs. */
export const INSTALLED_BPF_DIR = '/usr/lib/transit/bpf';

/** The tree we run from has build/bpf three levels up, from src/ and from dist/ alike. */
function defaultBpfDir(): string {
  const built = fileURLToPath(new URL('../../../build/bpf', import.meta.url));
  return existsSync(built) ? built : INSTALLED_BPF_DIR;
}

/** Fills in what depends on the instance and the machine. */
export function completeSettings(file: SettingsFile): Settings {
  const { instance } = file;
  const runDir = file.runDir ?? `/run/transit/${instance}`;
  const { tcp } = file.rest;
  return {
    instance,
    host: file.host ?? hostname(),
    dataDir: file.dataDir ?? `/var/lib/transit/${instance}`,
    runDir,
    rest: {
      socket: file.rest.socket ?? join(runDir, 'api.sock'),
      // The schema has refused TCP without a token file.
      ...(tcp?.tokenFile === undefined ? {} : { tcp: { ...tcp, tokenFile: tcp.tokenFile } }),
    },
    log: file.log,
    datapath: {
      ...file.datapath,
      bpfDir: file.datapath.bpfDir ?? defaultBpfDir(),
      pinDir: file.datapath.pinDir ?? `/sys/fs/bpf/transit/${instance}`,
    },
  };
}
