// SPDX-License-Identifier: Apache-2.0
/**
 * Prototypes of libbpf and of our own C library (native/bpf_*.c), all of them, and nothing
 * else: a wrong one crashes the process. Calls are synchronous. Integers below zero are -errno;
 * a pointer is null on failure, with errno beside it.
 */
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';

/** An address in C's memory. */
export type Pointer = bigint;
type Bytes = Uint8Array | Uint32Array;

const libbpf = koffi.load('libbpf.so.1');
const libc = koffi.load(null);
const own = koffi.load(
  fileURLToPath(new URL('../../../../build/libtransit_native.so', import.meta.url)),
);

type Call<A extends unknown[], R> = (...args: A) => R;
type MapFd = number;

/** Called in a thread of its own, as it waits: some ms. */
export const grace = own.func('int transit_bpf_grace(void)') as unknown as {
  async(done: (failure: Error | null, result: number) => void): void;
};

/** bpf/libbpf.h: objects before and while they are loaded. */
export const object = {
  open: libbpf.func('void *bpf_object__open_file(const char *path, const void *opts)') as Call<
    [string, null],
    Pointer | null
  >,
  prepareXdp: own.func('int transit_bpf_prepare_xdp(void)') as Call<[], number>,
  load: libbpf.func('int bpf_object__load(void *obj)') as Call<[Pointer], number>,
  close: libbpf.func('void bpf_object__close(void *obj)') as Call<[Pointer], undefined>,
  nextMap: libbpf.func('void *bpf_object__next_map(void *obj, void *previous)') as Call<
    [Pointer, Pointer | null],
    Pointer | null
  >,
  nextProgram: libbpf.func('void *bpf_object__next_program(void *obj, void *previous)') as Call<
    [Pointer, Pointer | null],
    Pointer | null
  >,
  mapName: libbpf.func('const char *bpf_map__name(void *map)') as Call<[Pointer], string>,
  mapFd: libbpf.func('int bpf_map__fd(void *map)') as Call<[Pointer], number>,
  mapIsInternal: libbpf.func('bool bpf_map__is_internal(void *map)') as Call<[Pointer], boolean>,
  mapType: libbpf.func('uint32_t bpf_map__type(void *map)') as Call<[Pointer], number>,
  mapKeySize: libbpf.func('uint32_t bpf_map__key_size(void *map)') as Call<[Pointer], number>,
  mapValueSize: libbpf.func('uint32_t bpf_map__value_size(void *map)') as Call<[Pointer], number>,
  mapMaxEntries: libbpf.func('uint32_t bpf_map__max_entries(void *map)') as Call<[Pointer], number>,
  mapFlags: libbpf.func('uint32_t bpf_map__map_flags(void *map)') as Call<[Pointer], number>,
  setMaxEntries: libbpf.func('int bpf_map__set_max_entries(void *map, uint32_t n)') as Call<
    [Pointer, number],
    number
  >,
  setPinPath: libbpf.func('int bpf_map__set_pin_path(void *map, const char *path)') as Call<
    [Pointer, string],
    number
  >,
  programName: libbpf.func('const char *bpf_program__name(void *program)') as Call<
    [Pointer],
    string
  >,
  programFd: libbpf.func('int bpf_program__fd(void *program)') as Call<[Pointer], number>,
  setRodata: own.func(
    'int transit_bpf_set_rodata(void *obj, const char *name, int64_t value)',
  ) as Call<[Pointer, string, number], number>,
  setLog: own.func('int transit_bpf_set_log(void *obj, void *buffer, size_t size)') as Call<
    [Pointer, Uint8Array, number],
    number
  >,
};

/** bpf/bpf.h: maps. */
export const map = {
  lookup: libbpf.func('int bpf_map_lookup_elem(int fd, const void *key, void *value)') as Call<
    [MapFd, Bytes, Bytes],
    number
  >,
  update: libbpf.func(
    'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
  ) as Call<[MapFd, Bytes, Bytes, number], number>,
  delete: libbpf.func('int bpf_map_delete_elem(int fd, const void *key)') as Call<
    [MapFd, Bytes],
    number
  >,
  nextKey: libbpf.func('int bpf_map_get_next_key(int fd, const void *key, void *next)') as Call<
    [MapFd, Bytes | null, Bytes],
    number
  >,
  updateBatch: libbpf.func(
    'int bpf_map_update_batch(int fd, const void *keys, const void *values, void *count, const void *opts)',
  ) as Call<[MapFd, Bytes, Bytes, Bytes, null], number>,
  deleteBatch: libbpf.func(
    'int bpf_map_delete_batch(int fd, const void *keys, void *count, const void *opts)',
  ) as Call<[MapFd, Bytes, Bytes, null], number>,
  lookupBatch: libbpf.func(
    'int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, void *count, const void *opts)',
  ) as Call<[MapFd, Bytes | null, Bytes, Bytes, Bytes, Bytes, null], number>,
  fdById: libbpf.func('int bpf_map_get_fd_by_id(uint32_t id)') as Call<[number], number>,
  info: own.func('int transit_bpf_map_info(int fd, void *info)') as Call<
    [MapFd, Uint8Array],
    number
  >,
  possibleCpus: libbpf.func('int libbpf_num_possible_cpus(void)') as Call<[], number>,
};

/** Programs, once loaded. */
export const program = {
  fdById: libbpf.func('int bpf_prog_get_fd_by_id(uint32_t id)') as Call<[number], number>,
  info: own.func('int transit_bpf_prog_info(int fd, void *info)') as Call<
    [number, Uint8Array],
    number
  >,
  testRun: own.func(
    'int transit_bpf_test_run(int fd, const void *data, uint32_t len, void *out, void *run)',
  ) as Call<[number, Uint8Array, number, Uint8Array, Uint32Array], number>,
};

/** Pins, links and filters. */
export const attach = {
  pin: libbpf.func('int bpf_obj_pin(int fd, const char *path)') as Call<[number, string], number>,
  open: libbpf.func('int bpf_obj_get(const char *path)') as Call<[string], number>,
  linkCreate: own.func(
    'int transit_bpf_link_create(int fd, int ifindex, uint32_t type, uint32_t flags)',
  ) as Call<[number, number, number, number], number>,
  linkUpdate: libbpf.func('int bpf_link_update(int link, int program, const void *opts)') as Call<
    [number, number, null],
    number
  >,
  linkDetach: libbpf.func('int bpf_link_detach(int link)') as Call<[number], number>,
  linkInfo: own.func('int transit_bpf_link_info(int fd, void *info)') as Call<
    [number, Uint32Array],
    number
  >,
  xdpModes: own.func('int transit_bpf_xdp_modes(int ifindex, void *modes)') as Call<
    [number, Uint32Array],
    number
  >,
  hasTcx: own.func('int transit_bpf_has_tcx(void)') as Call<[], number>,
  tcAttach: own.func('int transit_bpf_tc_attach(int fd, int ifindex)') as Call<
    [number, number],
    number
  >,
  tcQuery: own.func('int transit_bpf_tc_query(int ifindex, void *id)') as Call<
    [number, Uint32Array],
    number
  >,
  tcDetach: own.func('int transit_bpf_tc_detach(int ifindex)') as Call<[number], number>,
};

/** The ring buffer's reader; one thread opens, reads and closes. */
export const ring = {
  open: own.func('void *transit_bpf_ring_open(int fd, int stop)') as Call<
    [MapFd, number],
    Pointer | null
  >,
  read: own.func(
    'int transit_bpf_ring_read(void *ring, void *out, uint32_t size, int timeout_ms)',
  ) as Call<[Pointer, Uint8Array, number, number], number>,
  close: own.func('void transit_bpf_ring_close(void *ring)') as Call<[Pointer], undefined>,
  stopOpen: own.func('int transit_bpf_stop_open(void)') as Call<[], number>,
  stopSignal: own.func('int transit_bpf_stop_signal(int fd)') as Call<[number], number>,
};

/** libbpf's messages of this thread, and what else the C library is asked for. */
export const system = {
  logStart: own.func('void transit_bpf_log_start(void)') as Call<[], undefined>,
  logTake: own.func('int transit_bpf_log_take(void *out, uint32_t size)') as Call<
    [Uint8Array, number],
    number
  >,
  strerror: libc.func('const char *strerror(int errno)') as Call<[number], string>,
  mount: libc.func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  ) as Call<[string, string, string, number, string], number>,
  errno: (): number => koffi.errno(),
};
