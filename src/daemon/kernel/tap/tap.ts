// SPDX-License-Identifier: Apache-2.0
/**
 * A tap device of our own (native/net_tap.c). Made on the main thread; a worker reads and writes
 * it by its descriptor, in calls that block.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { callError, check } from '../libbpf/check.js';

const own = koffi.load(
  fileURLToPath(new URL('../../../../build/libtransit_native.so', import.meta.url)),
);
const native = {
  open: own.func('int transit_tap_open(const char *name, int mtu, _Out_ int *ifindex)') as (
    name: string,
    mtu: number,
    ifindex: [number | null],
  ) => number,
  read: own.func(
    'int transit_tap_read(int fd, int stop, void *out, uint32_t size, uint32_t largest, int timeout_ms)',
  ) as (
    fd: number,
    stop: number,
    out: Uint8Array,
    size: number,
    largest: number,
    timeoutMs: number,
  ) => number,
  write: own.func('int transit_tap_write(int fd, const void *frame, uint32_t length)') as (
    fd: number,
    frame: Uint8Array,
    length: number,
  ) => number,
};

/** Largest L3 packet, bytes: more than any droplet or endpoint has. */
const MTU = 9600;
const LARGEST = MTU + 18;
/** Bytes of one batch. */
const ROOM = 256 * 1024;

/** @throws BpfError BPF_CALL when the kernel gives none */
export function openTap(name: string): { readonly fd: number; readonly ifindex: number } {
  const ifindex: [number | null] = [null];
  const fd = check(native.open(name, MTU, ifindex), 'open tap', name);
  return { fd, ifindex: ifindex[0] ?? 0 };
}

/** The device goes with its last descriptor. */
export function closeTap(fd: number): void {
  closeSync(fd);
}

/** Reads and writes frames; used by one thread. */
export class TapPort {
  readonly #room = new Uint8Array(ROOM);

  constructor(
    private readonly fd: number,
    /** An eventfd that ends a wait. */
    private readonly stopFd: number,
  ) {}

  /**
   * Waits for frames. They lie in a buffer that the next call uses again.
   * @returns undefined when stopped. @throws BpfError BPF_CALL
   */
  read(timeoutMs: number): Uint8Array[] | undefined {
    const bytes = native.read(this.fd, this.stopFd, this.#room, ROOM, LARGEST, timeoutMs);
    if (bytes === -constants.errno.ECANCELED) return undefined;
    if (bytes < 0) throw callError('read', 'tap', -bytes);
    const view = new DataView(this.#room.buffer);
    const frames: Uint8Array[] = [];
    for (let at = 0; at < bytes;) {
      const length = view.getUint32(at, true);
      frames.push(this.#room.subarray(at + 4, at + 4 + length));
      at += 4 + ((length + 3) & ~3);
    }
    return frames;
  }

  /** @returns whether the kernel took it */
  write(frame: Uint8Array): boolean {
    return native.write(this.fd, frame, frame.length) === 0;
  }
}
