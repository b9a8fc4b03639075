// SPDX-License-Identifier: Apache-2.0
/**
 * What we changed on devices that are not ours, so that it can be put back, also by a later run
 * of the daemon. Kept in a file that counts until the next boot, as the devices' settings do.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Settings as they were before; what is left out was not changed. */
export interface Original {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly 'tx-checksum'?: boolean;
  readonly tso?: boolean;
  readonly gro?: boolean;
  readonly allMulticast?: boolean;
}

export interface BookEntry {
  readonly ifindex: number;
  readonly name: string;
  readonly original: Original;
}

function isEntry(value: unknown): value is BookEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'ifindex' in value &&
    typeof value.ifindex === 'number' &&
    'name' in value &&
    typeof value.name === 'string' &&
    'original' in value &&
    typeof value.original === 'object'
  );
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

export class RestoreBook {
  readonly #entries = new Map<number, BookEntry>();

  /** @param opts.path undefined: kept in memory only */
  constructor(private readonly opts: { readonly path: string | undefined }) {
    if (opts.path === undefined) return;
    try {
      const read: unknown = JSON.parse(readFileSync(opts.path, 'utf8'));
      const known = typeof read === 'object' && read !== null && 'boot' in read ? read : undefined;
      // Devices of an earlier boot are other devices, whatever their numbers.
      if (known?.boot !== bootId() || !('entries' in known) || !Array.isArray(known.entries))
        return;
      for (const entry of known.entries.filter(isEntry)) this.#entries.set(entry.ifindex, entry);
    } catch {
      // None, or cut short by a crash of the machine: then the devices are as they are.
    }
  }

  entries(): BookEntry[] {
    return [...this.#entries.values()];
  }

  /** Original settings of a device; of another device that had its ifindex there are none. */
  get(ifindex: number, name: string): Original {
    const entry = this.#entries.get(ifindex);
    return entry?.name === name ? entry.original : {};
  }

  /** Notes how something was, before it is changed. What was noted before stands. */
  note(ifindex: number, name: string, was: Original): void {
    const original = { ...was, ...this.get(ifindex, name) };
    this.#entries.set(ifindex, { ifindex, name, original });
    this.#save();
  }

  /** One setting is as it was again. */
  strike(ifindex: number, setting: keyof Original): void {
    const entry = this.#entries.get(ifindex);
    if (entry?.original[setting] === undefined) return;
    const { [setting]: _, ...original } = entry.original;
    if (Object.keys(original).length === 0) this.#entries.delete(ifindex);
    else this.#entries.set(ifindex, { ...entry, original });
    this.#save();
  }

  forget(ifindex: number): void {
    if (this.#entries.delete(ifindex)) this.#save();
  }

  #save(): void {
    const { path } = this.opts;
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(
      `${path}.new`,
      `${JSON.stringify({ boot: bootId(), entries: this.entries() })}\n`,
    );
    renameSync(`${path}.new`, path);
  }
}
