// SPDX-License-Identifier: Apache-2.0
/**
 * Loads objects that share their maps and runs their programs by BPF_PROG_TEST_RUN, straight
 * on libbpf: a test of the programs must not depend on the daemon's adapter. Nothing is
 * pinned, so a test that dies leaves nothing behind.
 */
import { kernel, type LoadedMap, type LookupRequest } from './kernel/index.js';

/** Per-CPU hash and array, LRU per-CPU hash. */
const PER_CPU_TYPES = new Set([5, 6, 10]);
/** Program arrays and scratch space belong to one load of an object. */
const PRIVATE = /^(stages|scratch.*|.*\.(rodata|data|bss))$/;

/**
 * The kernel puts headers in front of XDP frames and a shared info behind them in one page; longer
 * ones continue in further pages.
 */
export const MAX_FRAME = 3400;

export class TestMap {
  readonly perCpu: boolean;

  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  private readonly fd: number;
  /** Of the values of one key. */
  private readonly bytes: number;

  constructor(private readonly shape: LoadedMap) {
    ({
      name: this.name,
      fd: this.fd,
      keySize: this.keySize,
      valueSize: this.valueSize,
      maxEntries: this.maxEntries,
    } = shape);
    this.perCpu = PER_CPU_TYPES.has(shape.type);
    this.bytes = this.perCpu ? kernel.possibleCpus * ((this.valueSize + 7) & ~7) : this.valueSize;
  }

  /** What the kernel says it takes, bytes (bpf_map_memory_usage). */
  memoryBytes(): number {
    return kernel.memoryBytes(this.fd);
  }

  /** One value; the values of all CPUs end to end for per-CPU maps. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.bytes);
    return kernel.lookup(this.fd, key, value) ? value : undefined;
  }

  /** What lookup() of a key asks. */
  request(key: Uint8Array): LookupRequest {
    return { fd: this.fd, key, bytes: this.bytes };
  }

  /** The values of those keys that are there. */
  lookupMany(keys: readonly Uint8Array[]): Uint8Array[] {
    const values = kernel.lookupMany(keys.map((key) => this.request(key)));
    return values.filter((value) => value !== undefined);
  }

  entries(): (readonly [key: Uint8Array, value: Uint8Array])[] {
    const keys = this.keys();
    const values = kernel.lookupMany(keys.map((key) => this.request(key)));
    return keys.flatMap((key, i) => {
      const value = values[i];
      return value === undefined ? [] : [[key, value] as const];
    });
  }

  update(key: Uint8Array, value: Uint8Array): void {
    const error = kernel.update(this.fd, key, value);
    if (error) throw new Error(`update of ${this.name}: ${error}`);
  }

  /** Keys and values end to end. */
  updateMany(keys: Uint8Array, values: Uint8Array, count: number): void {
    const error = kernel.updateMany(this.fd, keys, values, count);
    if (error) throw new Error(`update of ${this.name}: ${error}`);
  }

  delete(key: Uint8Array): boolean {
    return kernel.delete(this.fd, key) === 0;
  }

  /** Removes everything from a hash or trie: of a hash at once. */
  clear(): void {
    kernel.clear(this.shape);
  }

  /** Makes entries of zeros: of an array the first ones, of a hash those with small numbers as keys. */
  fill(count: number): void {
    if (count === 0) return;
    const keys = new Uint8Array(count * this.keySize);
    const view = new DataView(keys.buffer);
    for (let i = 0; i < count; i++) view.setUint32(i * this.keySize, i, true);
    this.updateMany(keys, new Uint8Array(count * this.bytes), count);
  }

  /** Takes what is in a ring buffer. */
  drain(): Uint8Array[] {
    return kernel.drain(this.fd, this.maxEntries);
  }

  keys(): Uint8Array[] {
    return kernel.keys(this.fd, this.keySize);
  }
}

/** tc only: the frame stands for several segments. */
export interface Gso {
  /** Payload bytes of one segment. */
  readonly size: number;
  readonly segments: number;
}

export interface RunResult {
  readonly verdict: number;
  readonly data: Uint8Array;
  /** Mean of one run, ns. */
  readonly durationNs: number;
}

/** The kernel makes no test frames with a first buffer of our choice (6.18). */
export class CannotSplit extends Error {}

export class TestProgram {
  private readonly context = new Uint8Array(192);

  constructor(
    readonly name: string,
    readonly fd: number,
  ) {}

  /** Instructions the verifier looked at. */
  verifiedInsns(): number {
    return kernel.verifiedInsns(this.fd);
  }

  /**
   * ifindex: the device it seems to enter through, 0 for none in particular. first: bytes in the
   * first buffer of an XDP frame; the kernel's choice when undefined, and before 6.18 always.
   */
  run(
    frame: Uint8Array,
    ifindex: number,
    repeat = 1,
    { gso, first }: { readonly gso?: Gso | undefined; readonly first?: number | undefined } = {},
  ): RunResult {
    const xdp = this.name.startsWith('xdp_');
    const context = new DataView(this.context.buffer);
    this.context.fill(0);
    if (xdp) {
      context.setUint32(4, first ?? frame.length, true); // data_end
      context.setUint32(12, ifindex, true); // ingress_ifindex
    } else {
      context.setUint32(36, ifindex, true); // ingress_ifindex
      context.setUint32(40, ifindex, true); // ifindex
      context.setUint32(164, gso?.segments ?? 0, true); // gso_segs
      context.setUint32(176, gso?.size ?? 0, true); // gso_size
    }
    const { error, ...result } = kernel.run(this.fd, {
      frame,
      context: ifindex === 0 ? undefined : this.context.subarray(0, xdp ? 24 : 192),
      repeat,
    });
    if (error && first !== undefined) throw new CannotSplit();
    if (error) throw new Error(`run of ${this.name} with ${frame.length} bytes: ${error}`);
    return result;
  }
}

export interface LoadSettings {
  readonly rodata?: Readonly<Record<string, number>>;
  readonly maxEntries?: Readonly<Record<string, number>>;
}

/** Objects loaded one after the other, which share all maps of equal name. */
export class Programs {
  readonly maps = new Map<string, TestMap>();
  readonly programs = new Map<string, TestProgram>();
  private readonly fds = new Map<string, number>();
  private readonly objects: unknown[] = [];

  /** @throws when the verifier refuses; libbpf has printed why. */
  load(path: string, { rodata = {}, maxEntries = {} }: LoadSettings = {}): string[] {
    const object = kernel.load({ path, rodata, maxEntries, shared: this.fds });
    this.objects.push(object.handle);
    for (const map of object.maps) {
      if (PRIVATE.test(map.name) || this.fds.has(map.name)) continue;
      this.fds.set(map.name, map.fd);
      this.maps.set(map.name, new TestMap(map));
    }
    for (const { name, fd } of object.programs) this.programs.set(name, new TestProgram(name, fd));
    return object.programs.map(({ name }) => name);
  }

  close(): void {
    for (const object of this.objects.splice(0)) kernel.close(object);
  }
}
