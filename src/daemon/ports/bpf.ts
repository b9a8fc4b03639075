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
  /**
   * Maps of this load alone (program arrays, scratch): not pinned in pinDir. BpfObject.pin
   * keeps them beside the programs.
   */
  readonly privateMaps?: readonly string[];
}

export interface BpfObject {
  readonly programs: ReadonlyMap<string, BpfProgram>;
  readonly maps: ReadonlyMap<string, BpfMap>;
  /**
   * Pins the programs and the private maps by their names in a new directory, which appears
   * when it is complete. The kernel empties a program array when no descriptor and no pin
   * holds it, so a program that makes tail calls outlives the process only when pinned so.
   * @throws BpfError BPF_CALL (EEXIST: dir is there)
   */
  pin(dir: string): void;
  /** Gives descriptors back; what is pinned or attached stays. */
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
  /**
   * @throws BpfError VERIFIER_REJECTED (with .log), MAP_INCOMPATIBLE, BPF_CALL,
   * BAD_BPF_ARGUMENT (no such variable or map, or a value out of its type's range)
   */
  load(options: LoadOptions): BpfObject;
  /**
   * The programs and private maps of an earlier load, from the directory it was pinned in.
   * Nothing is verified again: the same programs run on.
   */
  loadPinned(dir: string): BpfObject;
  /** Removes a pin or a directory of pins; what is not there is removed. */
  unpin(path: string): void;
  openPinnedMap(path: string): BpfMap;
  isPinned(path: string): boolean;
  /**
   * Attaches program to the device's ingress and pins the link at pinPath; when something of
   * ours is pinned there already, replaces its program atomically. A link of another kind or
   * of a device that is gone is removed first. The BPF file system takes no names with dots.
   */
  attach(program: BpfProgram, ifindex: number, kind: AttachKind, pinPath: string): BpfAttachment;
  /** What is attached at pinPath (or, for clsact, on the device under our name). */
  attached(ifindex: number, kind: AttachKind, pinPath: string): BpfAttachment | undefined;
  detach(ifindex: number, kind: AttachKind, pinPath: string): void;
  /** True when the kernel has tcx (6.6). */
  hasTcx(): boolean;
  /**
   * Starts handing ring buffer records to onRecord; does not block the event loop. onError
   * gets what ends the reading before stop(). map stays open until stop() has resolved.
   */
  consumeRing(
    map: BpfMap,
    onRecord: (data: Uint8Array) => void,
    onError?: (error: unknown) => void,
  ): { stop(): Promise<void> };
}
