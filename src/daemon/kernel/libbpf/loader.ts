// SPDX-License-Identifier: Apache-2.0
/** The adapter: ports/bpf.ts on libbpf and the running kernel. */
import { existsSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import type {
  AttachKind,
  BpfAttachment,
  BpfLoader,
  BpfMap,
  BpfObject,
  BpfProgram,
  LoadOptions,
} from '../../ports/bpf.js';
import { attachProgram, attachedProgram, detachProgram } from './attach.js';
import { BpfError } from './errors.js';
import { KernelMap } from './map.js';
import { attach as native } from './native.js';
import { loadObject, loadPinnedObject } from './object.js';
import { openPin } from './pins.js';
import { KernelProgram } from './program.js';
import { consumeRing } from './ring.js';

/** A program or map of another adapter has no descriptor to give. */
function foreign(what: string): BpfError {
  return new BpfError('BAD_BPF_ARGUMENT', `${what} was not loaded by this loader`, {
    object: what,
  });
}

export class LibbpfLoader implements BpfLoader {
  #hasTcx: boolean | undefined;

  load(options: LoadOptions): BpfObject {
    return loadObject(options);
  }

  loadPinned(dir: string): BpfObject {
    return loadPinnedObject(dir);
  }

  unpin(path: string): void {
    rmSync(path, { recursive: true, force: true });
  }

  openPinnedMap(path: string): BpfMap {
    return new KernelMap(openPin(path), basename(path));
  }

  isPinned(path: string): boolean {
    return existsSync(path);
  }

  attach(program: BpfProgram, ifindex: number, kind: AttachKind, pinPath: string): BpfAttachment {
    if (!(program instanceof KernelProgram)) throw foreign(`program ${program.name}`);
    return attachProgram(program, ifindex, kind, pinPath);
  }

  attached(ifindex: number, kind: AttachKind, pinPath: string): BpfAttachment | undefined {
    return attachedProgram(ifindex, kind, pinPath);
  }

  detach(ifindex: number, kind: AttachKind, pinPath: string): void {
    detachProgram(ifindex, kind, pinPath);
  }

  hasTcx(): boolean {
    return (this.#hasTcx ??= native.hasTcx() === 1);
  }

  consumeRing(
    map: BpfMap,
    onRecord: (data: Uint8Array) => void,
    onError?: (error: unknown) => void,
  ): { stop(): Promise<void> } {
    if (!(map instanceof KernelMap)) throw foreign(`map ${map.name}`);
    return consumeRing(map, onRecord, onError);
  }
}
