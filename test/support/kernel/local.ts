// SPDX-License-Identifier: Apache-2.0
/** This machine's kernel, straight on libbpf: tests must not depend on the daemon's adapter. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import koffi from 'koffi';
import type {
  Kernel,
  LoadedMap,
  LoadedObject,
  LoadedProgram,
  LoadRequest,
  LookupRequest,
} from './port.js';
import type { RunAnswer, RunRequest } from './port.js';
import { constants, objectClose, objectOpen } from './object.js';

const lib = koffi.load('libbpf.so.1');
const objectLoad = lib.func('int bpf_object__load(void *object)');
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
const HASH_TYPE = 1;
const PAGE = 4096;
/** The longest frame there is, and what a program may put in front of it. */
const MAX_OUTPUT = 65535 + 14 + 70;

/** Memory of a ring, until the process ends. */
function mapPages(fd: number, offset: number, length: number, write: boolean): ArrayBuffer {
  const [READ, WRITE, SHARED] = [1, 2, 1];
  const protection = write ? READ | WRITE : READ;
  const address = mmap(null, length, protection, SHARED, fd, offset) as number | bigint;
  if (Number(address) === -1) throw new Error(`cannot map descriptor ${fd}`);
  return koffi.view(BigInt(address), length);
}

interface Ring {
  readonly consumer: DataView;
  readonly rest: ArrayBuffer;
}

/** For all that a hash may hold. */
interface Room {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly next: Uint8Array;
}

export class LocalKernel implements Kernel {
  readonly release = release();
  readonly possibleCpus = possibleCpus() as number;
  private readonly options = new Uint8Array(80);
  private readonly view = new DataView(this.options.buffer);
  private readonly output = new Uint8Array(MAX_OUTPUT);
  private readonly rings = new Map<number, Ring>();
  private readonly rooms = new Map<number, Room>();

  now(): bigint {
    return process.hrtime.bigint();
  }

  command(file: string, ...words: readonly string[]): string {
    return execFileSync(file, words, { encoding: 'utf8' });
  }

  load({ path, rodata, maxEntries, shared }: LoadRequest): LoadedObject {
    const object = objectOpen(path);
    try {
      for (let map: unknown = nextMap(object, null); map; map = nextMap(object, map)) {
        const name = mapName(map) as string;
        if (name.endsWith('.rodata')) this.writeRodata(object, map, rodata);
        const entries = maxEntries[name];
        if (entries !== undefined) mapSetMaxEntries(map, entries);
        const fd = shared.get(name);
        if (fd !== undefined && mapReuse(map, fd) !== 0) throw new Error(`cannot share ${name}`);
      }
      const error = objectLoad(object) as number;
      if (error) throw new Error(`cannot load ${path}: ${error}`);
    } catch (error) {
      objectClose(object);
      throw error;
    }
    const maps: LoadedMap[] = [];
    for (let map: unknown = nextMap(object, null); map; map = nextMap(object, map)) {
      maps.push({
        name: mapName(map) as string,
        fd: mapFd(map) as number,
        type: mapType(map) as number,
        keySize: mapKeySize(map) as number,
        valueSize: mapValueSize(map) as number,
        maxEntries: mapMaxEntries(map) as number,
      });
    }
    const programs: LoadedProgram[] = [];
    for (let p: unknown = nextProgram(object, null); p; p = nextProgram(object, p))
      programs.push({ name: programName(p) as string, fd: programFd(p) as number });
    return { handle: object, maps, programs };
  }

  close(handle: unknown): void {
    // numbers of descriptors are used again
    this.rings.clear();
    this.rooms.clear();
    objectClose(handle);
  }

  lookup(fd: number, key: Uint8Array, value: Uint8Array): boolean {
    return (elementLookup(fd, key, value) as number) === 0;
  }

  lookupMany(requests: readonly LookupRequest[]): (Uint8Array | undefined)[] {
    return requests.map(({ fd, key, bytes }) => {
      const value = new Uint8Array(bytes);
      return this.lookup(fd, key, value) ? value : undefined;
    });
  }

  update(fd: number, key: Uint8Array, value: Uint8Array): number {
    return elementUpdate(fd, key, value, 0) as number;
  }

  delete(fd: number, key: Uint8Array): number {
    return elementDelete(fd, key) as number;
  }

  updateMany(fd: number, keys: Uint8Array, values: Uint8Array, count: number): number {
    return updateBatch(fd, keys, values, [count], null) as number;
  }

  clear({ fd, type, keySize, valueSize, maxEntries }: LoadedMap): void {
    if (type === HASH_TYPE) {
      const room = this.rooms.get(fd) ?? {
        keys: new Uint8Array(maxEntries * keySize),
        values: new Uint8Array(maxEntries * valueSize),
        next: new Uint8Array(Math.max(4, keySize)),
      };
      this.rooms.set(fd, room);
      const { keys, values, next } = room;
      // ENOENT says that nothing is left; the whole of a map fits
      lookupAndDeleteBatch(fd, null, next, keys, values, [maxEntries], null);
      if (nextKey(fd, null, next) !== 0) return;
    }
    for (const key of this.keys(fd, keySize)) this.delete(fd, key);
  }

  keys(fd: number, keySize: number): Uint8Array[] {
    const out: Uint8Array[] = [];
    let last: Uint8Array | null = null;
    for (;;) {
      const next: Uint8Array = new Uint8Array(keySize);
      if ((nextKey(fd, last, next) as number) !== 0) return out;
      out.push(next);
      last = next;
    }
  }

  /** See linux/bpf.h, and kernel/bpf/ringbuf.c for the layout. */
  drain(fd: number, bytes: number): Uint8Array[] {
    let ring = this.rings.get(fd);
    if (ring === undefined) {
      ring = {
        consumer: new DataView(mapPages(fd, 0, PAGE, true)),
        // the data is there twice, so that no record is in two pieces
        rest: mapPages(fd, PAGE, PAGE + 2 * bytes, false),
      };
      this.rings.set(fd, ring);
    }
    const { consumer, rest } = ring;
    const view = new DataView(rest);
    const end = view.getBigUint64(0, true);
    const out: Uint8Array[] = [];
    let at = consumer.getBigUint64(0, true);
    while (at < end) {
      const offset = PAGE + Number(at & BigInt(bytes - 1));
      const header = view.getUint32(offset, true);
      const length = header & 0x3fffffff;
      if (header & 0x80000000) break; // not complete
      if (!(header & 0x40000000)) out.push(new Uint8Array(rest, offset + 8, length).slice());
      at += BigInt((length + 8 + 7) & ~7);
    }
    consumer.setBigUint64(0, at, true);
    return out;
  }

  run(fd: number, { frame, context, repeat }: RunRequest): RunAnswer {
    const input = frame.length > 0 ? frame : new Uint8Array(1);
    this.options.fill(0);
    this.view.setBigUint64(0, 80n, true);
    this.view.setBigUint64(8, koffi.address(input), true);
    this.view.setBigUint64(16, koffi.address(this.output), true);
    this.view.setUint32(24, frame.length, true);
    this.view.setUint32(28, this.output.length, true);
    if (context !== undefined) {
      this.view.setBigUint64(32, koffi.address(context), true);
      this.view.setUint32(48, context.length, true);
    }
    this.view.setUint32(60, repeat, true);
    const error = testRun(fd, this.options) as number;
    return {
      error,
      verdict: this.view.getUint32(56, true),
      data: this.output.slice(0, error ? 0 : this.view.getUint32(28, true)),
      durationNs: this.view.getUint32(64, true),
    };
  }

  verifiedInsns(fd: number): number {
    const info = new Uint8Array(232);
    const error = infoByFd(fd, info, new Uint32Array([info.length])) as number;
    if (error) throw new Error(`information about program ${fd}: ${error}`);
    return new DataView(info.buffer).getUint32(VERIFIED_INSNS_OFFSET, true);
  }

  memoryBytes(fd: number): number {
    const line = /^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
    if (!line) throw new Error(`no memlock of map ${fd}`);
    return Number(line[1]);
  }

  private writeRodata(object: unknown, map: unknown, values: LoadRequest['rodata']): void {
    const size = [0];
    const memory: unknown = mapInitial(map, size);
    const view = new DataView(koffi.view(memory, size[0] ?? 0));
    for (const { offset, bytes, value } of constants(object, values)) {
      if (bytes === 1) view.setUint8(offset, value);
      else if (bytes === 2) view.setUint16(offset, value, true);
      else view.setUint32(offset, value, true);
    }
  }
}
