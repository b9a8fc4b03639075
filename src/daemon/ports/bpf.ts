/**
 * What the daemon needs of BPF: objects, maps, programs, links, the event ring. Values in and
 * out are bytes; layouts are src/maps' business. The real adapter is daemon/kernel/libbpf.
 */

/** One BPF map. Keys and values are exactly keySize and valueSize bytes long. */
export interface BpfMap {
  readonly name: string;
  readonly id: number;
  readonly type: number;
  readonly keySize: number;
  /** Bytes of one value as user space sees it: per-CPU maps have possibleCpus × round-up-8. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly perCpu: boolean;
  lookup(key: Uint8Array): Uint8Array | undefined;
  /** @throws BpfError MAP_FULL when there is no room (E2BIG, ENOSPC). */
  update(key: Uint8Array, value: Uint8Array, flags?: 'any' | 'noexist' | 'exist'): void;
  /** @returns false when the entry was not there: not an error. */
  delete(key: Uint8Array): boolean;
  /** Writes count entries laid end to end, in as few system calls as the kernel allows. */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void;
  /** Deletes count keys laid end to end; missing ones are skipped. @returns how many were there. */
  deleteBatch(keys: Uint8Array, count: number): number;
  /** Reads everything. Entries changed meanwhile may be missed or seen twice, never torn. */
  entries(): { readonly keys: Uint8Array; readonly values: Uint8Array; readonly count: number };
  /** Current number of entries, by reading keys. */
  count(): number;
  close(): void;
}

export interface TestRunOptions {
  /** The frame, from its Ethernet header. */
  readonly data: Uint8Array;
  /** Ingress device. */
  readonly ifindex?: number;
  readonly repeat?: number;
  /** tc only: bytes of one segment of a GSO frame. */
  readonly gsoSize?: number;
  /** tc only: number of segments. */
  readonly gsoSegs?: number;
}

export interface TestRunResult {
  readonly verdict: number;
  readonly data: Uint8Array;
  /** Mean of one run in ns. */
  readonly durationNs: number;
}

export interface BpfProgram {
  readonly name: string;
  readonly id: number;
  readonly tag: string;
  /** Instructions the verifier processed while loading; undefined when the kernel does not say. */
  readonly verifiedInsns: number | undefined;
  testRun(options: TestRunOptions): TestRunResult;
}

export interface LoadOptions {
  /** Path of the .bpf.o file. */
  readonly path: string;
  /** Maps are pinned here, or taken from here when already pinned and compatible. */
  readonly pinDir: string;
  /** .rodata values by variable name. */
  readonly rodata?: Readonly<Record<string, number>>;
  /** max_entries by map name. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Maps that are not shared by pin (program arrays); pinned as <name>.<suffix> instead. */
  readonly privateMaps?: readonly string[];
}

export interface BpfObject {
  readonly programs: ReadonlyMap<string, BpfProgram>;
  readonly maps: ReadonlyMap<string, BpfMap>;
  close(): void;
}

export type AttachKind = 'xdp-native' | 'xdp-generic' | 'tcx' | 'clsact';

/** An attachment that outlives the process (pinned link, or a tc filter). */
export interface BpfAttachment {
  readonly kind: AttachKind;
  readonly ifindex: number;
  /** Of the program that runs now. */
  readonly programId: number;
  /** Link id; undefined for clsact, which has no link. */
  readonly linkId: number | undefined;
}

/** Opens, loads, pins and attaches. All calls are synchronous. */
export interface BpfLoader {
  /** @throws BpfError VERIFIER_REJECTED (with .log), MAP_INCOMPATIBLE, BPF_CALL. */
  load(options: LoadOptions): BpfObject;
  openPinnedMap(path: string): BpfMap;
  /** A map's layout from its BTF, or undefined when it is not pinned. */
  isPinned(path: string): boolean;
  /**
   * Attaches program to the device's ingress and pins the link at pinPath; when something of
   * ours is pinned there already, replaces its program atomically.
   */
  attach(program: BpfProgram, ifindex: number, kind: AttachKind, pinPath: string): BpfAttachment;
  /** What is attached at pinPath (or, for clsact, on the device under our name). */
  attached(ifindex: number, kind: AttachKind, pinPath: string): BpfAttachment | undefined;
  detach(ifindex: number, kind: AttachKind, pinPath: string): void;
  /** True when the kernel has tcx (6.6). */
  hasTcx(): boolean;
  /** Starts handing ring buffer records to onRecord; does not block the event loop. */
  consumeRing(map: BpfMap, onRecord: (data: Uint8Array) => void): { stop(): Promise<void> };
}
