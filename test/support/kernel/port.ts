// SPDX-License-Identifier: Apache-2.0
/**
 * What tests of the programs ask of a kernel: this machine's (local.ts), or one in a guest, which
 * is asked through a pipe while the test itself runs here (remote.ts).
 */

/** A value of an object's .rodata. */
export interface Constant {
  readonly offset: number;
  /** 1, 2 or 4. */
  readonly bytes: number;
  readonly value: number;
}

export interface LoadRequest {
  readonly path: string;
  /** Values of variables by name; those that the object does not have are skipped. */
  readonly rodata: Readonly<Record<string, number>>;
  readonly maxEntries: Readonly<Record<string, number>>;
  /** Maps there are, by name, which the object uses instead of its own. */
  readonly shared: ReadonlyMap<string, number>;
}

export interface LoadedMap {
  readonly name: string;
  readonly fd: number;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

export interface LoadedProgram {
  readonly name: string;
  readonly fd: number;
}

export interface LoadedObject {
  /** What close() takes. */
  readonly handle: unknown;
  readonly maps: readonly LoadedMap[];
  readonly programs: readonly LoadedProgram[];
}

export interface LookupRequest {
  readonly fd: number;
  readonly key: Uint8Array;
  /** Of the value. */
  readonly bytes: number;
}

export interface RunRequest {
  readonly frame: Uint8Array;
  /** struct xdp_md or __sk_buff as the packet begins; undefined: the kernel's defaults. */
  readonly context: Uint8Array | undefined;
  readonly repeat: number;
}

export interface RunAnswer {
  /** A negative errno, or 0. */
  readonly error: number;
  readonly verdict: number;
  readonly data: Uint8Array;
  /** Mean of one run, ns. */
  readonly durationNs: number;
}

/** File descriptors are those of the kernel asked. Errors of map operations: negative errnos. */
export interface Kernel {
  /** Such as 6.1.0-41-amd64. */
  readonly release: string;
  readonly possibleCpus: number;
  /** Its CLOCK_MONOTONIC, ns, which is what bpf_ktime_get_ns() tells. */
  now(): bigint;
  /** Runs a command where devices are made. @returns its output @throws when it fails */
  command(...words: readonly string[]): string;
  /** @throws when the verifier refuses; libbpf has printed why */
  load(request: LoadRequest): LoadedObject;
  close(handle: unknown): void;
  /** Fills value. @returns false when there is no such key */
  lookup(fd: number, key: Uint8Array, value: Uint8Array): boolean;
  /** A value for each; undefined when there is no such key. */
  lookupMany(requests: readonly LookupRequest[]): (Uint8Array | undefined)[];
  update(fd: number, key: Uint8Array, value: Uint8Array): number;
  delete(fd: number, key: Uint8Array): number;
  /** Keys and values end to end. */
  updateMany(fd: number, keys: Uint8Array, values: Uint8Array, count: number): number;
  /** Removes everything from a hash or trie. */
  clear(map: LoadedMap): void;
  keys(fd: number, keySize: number): Uint8Array[];
  /** Takes what is in a ring buffer of so many bytes. */
  drain(fd: number, bytes: number): Uint8Array[];
  run(fd: number, request: RunRequest): RunAnswer;
  /** Instructions that the verifier looked at. */
  verifiedInsns(fd: number): number;
  /** What the kernel says a map takes, bytes: "memlock" of the descriptor. */
  memoryBytes(fd: number): number;
}
