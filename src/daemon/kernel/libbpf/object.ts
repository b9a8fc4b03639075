// SPDX-License-Identifier: Apache-2.0
/** Loading an object file: settings, shared and private maps, the verifier's log. */
import { closeSync, existsSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import type { BpfObject, LoadOptions } from '../../ports/bpf.js';
import { checkPinName } from './bpffs.js';
import { callError, check, takeLog } from './check.js';
import { BpfError, errnoName, lastLines } from './errors.js';
import { KernelMap, mapInfo } from './map.js';
import { map as nativeMap, object as native, program as nativeProgram, system } from './native.js';
import type { Pointer } from './native.js';
import { openAll, openPin, pinAll } from './pins.js';
import { KernelProgram, programId } from './program.js';

const { ENOENT, ERANGE, EINVAL } = constants.errno;
/** The most libbpf would use; untouched pages cost nothing. */
const LOG_BYTES = 16 << 20;
const LOG_LINES_SHOWN = 12;

/** Maps and programs of one load, through descriptors of their own. */
export class KernelObject implements BpfObject {
  readonly programs: ReadonlyMap<string, KernelProgram>;
  readonly maps: ReadonlyMap<string, KernelMap>;
  readonly #privateMaps: ReadonlySet<string>;

  constructor(
    programs: Iterable<KernelProgram>,
    maps: Iterable<KernelMap>,
    privateMaps: Iterable<string>,
  ) {
    this.programs = new Map(Array.from(programs, (p) => [p.name, p]));
    this.maps = new Map(Array.from(maps, (m) => [m.name, m]));
    this.#privateMaps = new Set(privateMaps);
  }

  pin(dir: string): void {
    const maps = [...this.maps.values()].filter((m) => this.#privateMaps.has(m.name));
    pinAll(dir, [...maps, ...this.programs.values()]);
  }

  close(): void {
    for (const program of this.programs.values()) program.close();
    for (const map of this.maps.values()) map.close();
  }
}

/** Programs and private maps that pin(dir) of an earlier load left. */
export function loadPinnedObject(dir: string): KernelObject {
  const { maps, programs } = openAll(dir);
  return new KernelObject(
    programs,
    maps,
    maps.map((m) => m.name),
  );
}

function* each(next: (previous: Pointer | null) => Pointer | null): Generator<Pointer> {
  for (let item = next(null); item !== null; item = next(item)) yield item;
}

function setRodata(object: Pointer, options: LoadOptions): void {
  for (const [name, value] of Object.entries(options.rodata ?? {})) {
    const err = Number.isSafeInteger(value) ? native.setRodata(object, name, value) : -EINVAL;
    if (err === 0) continue;
    const why =
      err === -ENOENT
        ? 'there is no such variable in .rodata'
        : err === -ERANGE
          ? `${value} does not fit its type`
          : `it cannot be set to ${value}`;
    throw new BpfError('BAD_BPF_ARGUMENT', `${basename(options.path)}: ${name}: ${why}`, {
      object: options.path,
      field: name,
    });
  }
}

/** What libbpf would say of a pinned map is only "incompatible". */
function checkCompatible(map: Pointer, name: string, path: string): void {
  if (!existsSync(path)) return;
  const fd = openPin(path);
  try {
    const pinned = mapInfo(fd, path);
    const wanted = {
      type: native.mapType(map),
      keySize: native.mapKeySize(map),
      valueSize: native.mapValueSize(map),
      maxEntries: native.mapMaxEntries(map),
      flags: native.mapFlags(map),
    };
    for (const field of ['type', 'keySize', 'valueSize', 'maxEntries', 'flags'] as const) {
      if (pinned[field] === wanted[field]) continue;
      throw new BpfError(
        'MAP_INCOMPATIBLE',
        `map ${name}: the pinned map has ${field} ${pinned[field]}, the program needs ${wanted[field]}`,
        { object: `map ${name}`, field, pinned: pinned[field], wanted: wanted[field], path },
      );
    }
  } finally {
    closeSync(fd);
  }
}

function prepareMaps(object: Pointer, options: LoadOptions): void {
  const privateMaps = new Set(options.privateMaps);
  const sizes = new Map(Object.entries(options.maxEntries ?? {}));
  const unknown = new Set([...privateMaps, ...sizes.keys()]);
  for (const map of each((previous) => native.nextMap(object, previous))) {
    if (native.mapIsInternal(map)) continue; // .rodata and the like
    const name = native.mapName(map);
    unknown.delete(name);
    const size = sizes.get(name);
    if (size !== undefined) {
      check(native.setMaxEntries(map, size), 'bpf_map__set_max_entries', `map ${name}`);
    }
    if (privateMaps.has(name)) continue;
    const path = join(options.pinDir, name);
    checkPinName(path);
    checkCompatible(map, name, path);
    check(native.setPinPath(map, path), 'bpf_map__set_pin_path', `map ${name}`);
  }
  const [first] = unknown;
  if (first !== undefined) {
    throw new BpfError('BAD_BPF_ARGUMENT', `${basename(options.path)} has no map "${first}"`, {
      object: options.path,
      field: first,
    });
  }
}

/** The kernel's log up to its terminator. */
function logText(buffer: Uint8Array): string {
  const end = buffer.indexOf(0);
  return Buffer.from(buffer.subarray(0, end < 0 ? buffer.length : end)).toString('utf8');
}

function loadError(path: string, errno: number, log: string): BpfError {
  if (log === '') return callError('bpf_object__load', path, errno);
  const said = takeLog();
  const program = /prog '([^']+)'/.exec(said)?.[1];
  const what = program === undefined ? basename(path) : `${basename(path)}: ${program}`;
  return new BpfError(
    'VERIFIER_REJECTED',
    `${what}: the verifier answers ${errnoName(errno)}:\n${lastLines(log, LOG_LINES_SHOWN)}`,
    { object: path, call: 'bpf_object__load', errno: errnoName(errno), program },
    log,
  );
}

/** Descriptors of our own outlive libbpf's object, which holds the whole file in memory. */
function collect(object: Pointer, options: LoadOptions): KernelObject {
  const programs: KernelProgram[] = [];
  const maps: KernelMap[] = [];
  try {
    for (const item of each((previous) => native.nextProgram(object, previous))) {
      const name = native.programName(item);
      const id = programId(native.programFd(item), name);
      const fd = check(nativeProgram.fdById(id), 'bpf_prog_get_fd_by_id', `program ${name}`);
      programs.push(new KernelProgram(fd, name));
    }
    for (const item of each((previous) => native.nextMap(object, previous))) {
      if (native.mapIsInternal(item)) continue;
      const name = native.mapName(item);
      const { id } = mapInfo(native.mapFd(item), `map ${name}`);
      const fd = check(nativeMap.fdById(id), 'bpf_map_get_fd_by_id', `map ${name}`);
      maps.push(new KernelMap(fd, name));
    }
  } catch (error) {
    for (const thing of [...programs, ...maps]) thing.close();
    throw error;
  }
  return new KernelObject(programs, maps, options.privateMaps ?? []);
}

/** Opens, sets, loads. @throws BpfError VERIFIER_REJECTED, MAP_INCOMPATIBLE, BPF_CALL, BAD_BPF_ARGUMENT. */
export function loadObject(options: LoadOptions): KernelObject {
  takeLog();
  check(native.prepareXdp(), 'btf__load_vmlinux_btf', options.path);
  const object = native.open(options.path, null);
  if (object === null) throw callError('bpf_object__open_file', options.path, system.errno());
  try {
    setRodata(object, options);
    mkdirSync(options.pinDir, { recursive: true });
    prepareMaps(object, options);
    const log = new Uint8Array(LOG_BYTES);
    check(native.setLog(object, log, log.length), 'bpf_program__set_log_buf', options.path);
    const err = native.load(object);
    if (err < 0) throw loadError(options.path, -err, logText(log));
    takeLog();
    return collect(object, options);
  } finally {
    native.close(object);
  }
}
