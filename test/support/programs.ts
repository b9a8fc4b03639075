// SPDX-License-Identifier: Apache-2.0
/**
 * Loads objects that share their maps and runs their programs by BPF_PROG_TEST_RUN, straight
 * on libbpf: a test of the programs must not depend on the daemon's adapter. Nothing is
 * pinned, so a test that dies leaves nothing behind.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const lib = koffi.load('libbpf.so.1');
const objectOpen = lib.func('void *bpf_object__open(const char *path)');
const objectLoad = lib.func('int bpf_object__load(void *object)');
const objectClose = lib.func('void bpf_object__close(void *object)');
const nextMap = lib.func('void *bpf_object__next_map(void *object, void *map)');
const nextProgram = lib.func('void *bpf_object__next_program(void *object, void *program)');
const mapName = lib.func('const char *bpf_map__name(void *map)');
const mapFd = lib.func('int bpf_map__fd(void *map)');
const mapReuse = lib.func('int bpf_map__reuse_fd(void *map, int fd)');
const mapKeySize = lib.func('uint32_t bpf_map__key_size(void *map)');
const mapValueSize = lib.func('uint32_t bpf_map__value_size(void *map)');
const mapMaxEntries = lib.func('uint32_t bpf_map__max_entries(void *map)');
const mapType = lib.func('int bpf_map__type(void *map)');
const mapSetMaxEntries = lib.func('int bpf_map__set_max_entries(void *map, uint32_t n)');
const mapInitial = lib.func('void *bpf_map__initial_value(void *map, _Out_ size_t *size)');
const objectBtf = lib.func('void *bpf_object__btf(void *object)');
const typeCount = lib.func('uint32_t btf__type_cnt(void *btf)');
const typeById = lib.func('void *btf__type_by_id(void *btf, uint32_t id)');
const nameByOffset = lib.func('const char *btf__name_by_offset(void *btf, uint32_t offset)');
const programName = lib.func('const char *bpf_program__name(void *program)');
const programFd = lib.func('int bpf_program__fd(void *program)');
const elementLookup = lib.func('int bpf_map_lookup_elem(int fd, const void *key, void *value)');
const elementUpdate = lib.func(
  'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
);
const elementDelete = lib.func('int bpf_map_delete_elem(int fd, const void *key)');
const nextKey = lib.func('int bpf_map_get_next_key(int fd, const void *key, void *next)');
const lookupAndDeleteBatch = lib.func(
  'int bpf_map_lookup_and_delete_batch(int fd, const void *from, void *next, void *keys, void *values, _Inout_ uint32_t *count, const void *options)',
);
const updateBatch = lib.func(
  'int bpf_map_update_batch(int fd, const void *keys, const void *values, _Inout_ uint32_t *count, const void *options)',
);
const possibleCpus = lib.func('int libbpf_num_possible_cpus()');
const infoByFd = lib.func('int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *length)');
const testRun = lib.func('int bpf_prog_test_run_opts(int fd, void *options)');
const libc = koffi.load('libc.so.6');
const mmap = libc.func(
  'intptr_t mmap(void *address, size_t length, int protection, int flags, int fd, long offset)',
);

/** Of struct bpf_prog_info in linux/bpf.h: stable, since user space reads it. */
const VERIFIED_INSNS_OFFSET = 216;
/** Per-CPU hash and array, LRU per-CPU hash. */
const PER_CPU_TYPES = new Set([5, 6, 10]);
const HASH_TYPE = 1;
/** Program arrays and scratch space belong to one load of an object. */
const PRIVATE = /^(stages|scratch.*|.*\.(rodata|data|bss))$/;

const PAGE = 4096;

/**
 * The kernel puts headers in front of XDP frames and a shared info behind them in one page; longer
 * ones continue in further pages.
 */
export const MAX_FRAME = 3400;
/** The longest frame there is, and what a program may put in front of it. */
const MAX_OUTPUT = 65535 + 14 + 70;

export class TestMap {
  readonly perCpu: boolean;
  private readonly isHash: boolean;
  private readonly cpus = possibleCpus() as number;
  private room:
    | { readonly keys: Uint8Array; readonly values: Uint8Array; readonly next: Uint8Array }
    | undefined;
  private ring: { readonly consumer: DataView; readonly rest: ArrayBuffer } | undefined;

  constructor(
    readonly name: string,
    private readonly fd: number,
    readonly keySize: number,
    readonly valueSize: number,
    readonly maxEntries: number,
    type: number,
  ) {
    this.perCpu = PER_CPU_TYPES.has(type);
    this.isHash = type === HASH_TYPE;
  }

  /** What the kernel says it takes, bytes: "memlock" of the descriptor (bpf_map_memory_usage). */
  memoryBytes(): number {
    const line = /^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${this.fd}`, 'utf8'));
    if (!line) throw new Error(`no memlock of ${this.name}`);
    return Number(line[1]);
  }

  /** One value; the values of all CPUs end to end for per-CPU maps. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const size = this.perCpu ? this.cpus * ((this.valueSize + 7) & ~7) : this.valueSize;
    const value = new Uint8Array(size);
    return (elementLookup(this.fd, key, value) as number) === 0 ? value : undefined;
  }

  update(key: Uint8Array, value: Uint8Array): void {
    const error = elementUpdate(this.fd, key, value, 0) as number;
    if (error) throw new Error(`update of ${this.name}: ${error}`);
  }

  delete(key: Uint8Array): boolean {
    return (elementDelete(this.fd, key) as number) === 0;
  }

  /** Removes everything from a hash or trie: of a hash at once. */
  clear(): void {
    if (this.isHash) {
      const { keys, values, next } = (this.room ??= {
        keys: new Uint8Array(this.maxEntries * this.keySize),
        values: new Uint8Array(this.maxEntries * this.valueSize),
        next: new Uint8Array(Math.max(4, this.keySize)),
      });
      // ENOENT says that nothing is left; the whole of a map fits
      lookupAndDeleteBatch(this.fd, null, next, keys, values, [this.maxEntries], null);
      if (nextKey(this.fd, null, next) !== 0) return;
    }
    for (const key of this.keys()) this.delete(key);
  }

  /** Makes entries of zeros: of an array the first ones, of a hash those with small numbers as keys. */
  fill(count: number): void {
    if (count === 0) return;
    const keys = new Uint8Array(count * this.keySize);
    const view = new DataView(keys.buffer);
    for (let i = 0; i < count; i++) view.setUint32(i * this.keySize, i, true);
    const size = this.perCpu ? this.cpus * ((this.valueSize + 7) & ~7) : this.valueSize;
    const error = updateBatch(this.fd, keys, new Uint8Array(count * size), [count], null) as number;
    if (error) throw new Error(`update of ${this.name}: ${error}`);
  }

  /** Takes what is in a ring buffer: linux/bpf.h, and kernel/bpf/ringbuf.c for the layout. */
  drain(): Uint8Array[] {
    this.ring ??= {
      consumer: new DataView(this.mapPages(0, PAGE, true)),
      // the data is there twice, so that no record is in two pieces
      rest: this.mapPages(PAGE, PAGE + 2 * this.maxEntries, false),
    };
    const { consumer, rest } = this.ring;
    const view = new DataView(rest);
    const end = view.getBigUint64(0, true);
    const out: Uint8Array[] = [];
    let at = consumer.getBigUint64(0, true);
    while (at < end) {
      const offset = PAGE + Number(at & BigInt(this.maxEntries - 1));
      const header = view.getUint32(offset, true);
      const length = header & 0x3fffffff;
      if (header & 0x80000000) break; // not complete
      if (!(header & 0x40000000)) out.push(new Uint8Array(rest, offset + 8, length).slice());
      at += BigInt((length + 8 + 7) & ~7);
    }
    consumer.setBigUint64(0, at, true);
    return out;
  }

  /** The values themselves, of an array map made with BPF_F_MMAPABLE, until the process ends. */
  memory(): ArrayBuffer {
    const length = Math.ceil((this.valueSize * this.maxEntries) / PAGE) * PAGE;
    return this.mapPages(0, length, true);
  }

  private mapPages(offset: number, length: number, writable: boolean): ArrayBuffer {
    const [READ, WRITE, SHARED] = [1, 2, 1];
    const protection = writable ? READ | WRITE : READ;
    const address = mmap(null, length, protection, SHARED, this.fd, offset) as number | bigint;
    if (Number(address) === -1) throw new Error(`cannot map ${this.name}`);
    return koffi.view(BigInt(address), length);
  }

  keys(): Uint8Array[] {
    const out: Uint8Array[] = [];
    let last: Uint8Array | null = null;
    for (;;) {
      const next: Uint8Array = new Uint8Array(this.keySize);
      if ((nextKey(this.fd, last, next) as number) !== 0) return out;
      out.push(next);
      last = next;
    }
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
  private readonly options = new Uint8Array(80);
  private readonly context = new Uint8Array(192);
  private readonly output = new Uint8Array(MAX_OUTPUT);
  private readonly view = new DataView(this.options.buffer);

  constructor(
    readonly name: string,
    private readonly fd: number,
  ) {}

  /** Instructions the verifier looked at. */
  verifiedInsns(): number {
    const info = new Uint8Array(232);
    const length = new Uint32Array([info.length]);
    const error = infoByFd(this.fd, info, length) as number;
    if (error) throw new Error(`information about ${this.name}: ${error}`);
    return new DataView(info.buffer).getUint32(VERIFIED_INSNS_OFFSET, true);
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
    const input = frame.length > 0 ? frame : new Uint8Array(1);
    this.options.fill(0);
    this.view.setBigUint64(0, 80n, true);
    this.view.setBigUint64(8, koffi.address(input), true);
    this.view.setBigUint64(16, koffi.address(this.output), true);
    this.view.setUint32(24, frame.length, true);
    this.view.setUint32(28, this.output.length, true);
    if (ifindex !== 0) {
      this.view.setBigUint64(32, koffi.address(this.context), true);
      this.view.setUint32(48, xdp ? 24 : 192, true);
    }
    this.view.setUint32(60, repeat, true);
    const error = testRun(this.fd, this.options) as number;
    if (error && first !== undefined) throw new CannotSplit();
    if (error) throw new Error(`run of ${this.name} with ${frame.length} bytes: ${error}`);
    return {
      verdict: this.view.getUint32(56, true),
      data: this.output.slice(0, this.view.getUint32(28, true)),
      durationNs: this.view.getUint32(64, true),
    };
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
  load(path: string, settings: LoadSettings = {}): string[] {
    const object: unknown = objectOpen(path);
    if (!object) throw new Error(`cannot open ${path}`);
    this.objects.push(object);
    for (let map: unknown = nextMap(object, null); map; map = nextMap(object, map)) {
      const name = mapName(map) as string;
      if (name.endsWith('.rodata')) this.writeRodata(object, map, settings.rodata ?? {});
      const entries = settings.maxEntries?.[name];
      if (entries !== undefined) mapSetMaxEntries(map, entries);
      const fd = this.fds.get(name);
      if (fd !== undefined && mapReuse(map, fd) !== 0) throw new Error(`cannot share ${name}`);
    }
    const error = objectLoad(object) as number;
    if (error) throw new Error(`cannot load ${path}: ${error}`);
    for (let map: unknown = nextMap(object, null); map; map = nextMap(object, map)) {
      const name = mapName(map) as string;
      if (PRIVATE.test(name) || this.fds.has(name)) continue;
      const fd = mapFd(map) as number;
      this.fds.set(name, fd);
      this.maps.set(
        name,
        new TestMap(
          name,
          fd,
          mapKeySize(map) as number,
          mapValueSize(map) as number,
          mapMaxEntries(map) as number,
          mapType(map) as number,
        ),
      );
    }
    const names: string[] = [];
    for (let p: unknown = nextProgram(object, null); p; p = nextProgram(object, p)) {
      const name = programName(p) as string;
      names.push(name);
      this.programs.set(name, new TestProgram(name, programFd(p) as number));
    }
    return names;
  }

  close(): void {
    for (const object of this.objects.splice(0)) objectClose(object);
  }

  /** Settings that an object does not know are skipped: not every object uses every one. */
  private writeRodata(
    object: unknown,
    map: unknown,
    values: Readonly<Record<string, number>>,
  ): void {
    const size = [0];
    const memory: unknown = mapInitial(map, size);
    for (const { name, offset, bytes } of rodataVariables(object)) {
      const value = values[name];
      if (value === undefined) continue;
      const view = new DataView(koffi.view(memory, size[0] ?? 0));
      if (bytes === 1) view.setUint8(offset, value);
      else if (bytes === 2) view.setUint16(offset, value, true);
      else view.setUint32(offset, value, true);
    }
  }
}

interface Variable {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** From the BTF that libbpf holds: the compiler leaves the offsets for it to fill in. */
function rodataVariables(object: unknown): Variable[] {
  const DATASEC = 15;
  const btf: unknown = objectBtf(object);
  const words = (id: number, count: number): number[] =>
    Array.from(koffi.decode(typeById(btf, id), 'uint32_t', count) as Iterable<number>);
  const name = (id: number): string => nameByOffset(btf, words(id, 1)[0]) as string;
  for (let id = 1; id < (typeCount(btf) as number); id++) {
    const info = words(id, 2)[1] ?? 0;
    if (((info >>> 24) & 0x1f) !== DATASEC || name(id) !== '.rodata') continue;
    const count = info & 0xffff;
    const list = words(id, 3 + 3 * count).slice(3);
    return Array.from({ length: count }, (_, i) => ({
      name: name(list[3 * i] ?? 0),
      offset: list[3 * i + 1] ?? 0,
      bytes: list[3 * i + 2] ?? 0,
    }));
  }
  return [];
}
