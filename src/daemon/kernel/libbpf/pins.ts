// SPDX-License-Identifier: Apache-2.0
/** Names in the BPF file system that keep maps and programs alive. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { checkPinName } from './bpffs.js';
import { check } from './check.js';
import { KernelMap } from './map.js';
import { attach as native } from './native.js';
import { KernelProgram } from './program.js';

/** A pinned thing, by what it is. */
export type Pinned = KernelMap | KernelProgram;

/** Opens what is pinned at path. @throws BpfError BPF_CALL (ENOENT when there is nothing). */
export function openPin(path: string): number {
  return check(native.open(path), 'bpf_obj_get', path);
}

/** @throws BpfError BPF_CALL, BAD_BPF_ARGUMENT when the name has a dot. */
export function pinFd(fd: number, path: string): void {
  checkPinName(path);
  check(native.pin(fd, path), 'bpf_obj_pin', path);
}

/**
 * Pins everything under dir, all or nothing: the directory appears when it is complete.
 * @throws BpfError BPF_CALL; EEXIST when dir is there already
 */
export function pinAll(dir: string, things: Iterable<Pinned>): void {
  checkPinName(dir);
  if (existsSync(dir)) check(-17, 'pin', dir); // EEXIST
  const building = `${dir}_new`;
  rmSync(building, { recursive: true, force: true }); // of a run that was cut short
  mkdirSync(building, { recursive: true });
  for (const thing of things) pinFd(thing.fd, join(building, thing.name));
  renameSync(building, dir);
}

/** Opens all maps and programs pinned in dir. @throws BpfError BPF_CALL. */
export function openAll(dir: string): { maps: KernelMap[]; programs: KernelProgram[] } {
  const maps: KernelMap[] = [];
  const programs: KernelProgram[] = [];
  try {
    for (const name of readdirSync(dir)) {
      const fd = openPin(join(dir, name));
      const kind = readlinkSync(`/proc/self/fd/${fd}`);
      if (kind === 'anon_inode:bpf-map') maps.push(new KernelMap(fd, name));
      else if (kind === 'anon_inode:bpf-prog') programs.push(new KernelProgram(fd, name));
      else closeSync(fd);
    }
  } catch (error) {
    for (const thing of [...maps, ...programs]) thing.close();
    throw error;
  }
  return { maps, programs };
}
