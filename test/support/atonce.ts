// SPDX-License-Identifier: Apache-2.0
/** Packets through programs on several CPUs at the same time: test/support/atonce.c. */
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import type { TestProgram } from './programs.js';

const lib = koffi.load(fileURLToPath(new URL('../../build/libatonce.so', import.meta.url)));
const atOnceOf = lib.func(
  'int at_once(void *lists, const uint32_t *counts, uint32_t threads)',
) as unknown as {
  async: (
    lists: Uint8Array,
    counts: Uint32Array,
    threads: number,
    done: (error: Error | null, result: number) => void,
  ) => void;
};

/** struct packet */
const PACKET = 48;
/** Of a frame, and of what comes out. */
const ROOM = 256;

/** sizeof(struct __sk_buff), and of what there is of struct xdp_md. */
const CONTEXT = { tc: 192, xdp: 24 } as const;
const hookOf = (name: string): 'xdp' | 'tc' => (name.startsWith('xdp_') ? 'xdp' : 'tc');

/** A frame in one buffer, from a device. */
function writeContext(out: DataView, name: string, length: number, ifindex: number): void {
  if (hookOf(name) === 'xdp') {
    out.setUint32(4, length, true); // data_end
    out.setUint32(12, ifindex, true); // ingress_ifindex
  } else {
    out.setUint32(36, ifindex, true); // ingress_ifindex
    out.setUint32(40, ifindex, true); // ifindex
  }
}

export interface Shot {
  readonly program: TestProgram;
  readonly ifindex: number;
  readonly frame: Uint8Array;
}

export interface ShotResult {
  readonly verdict: number;
  readonly data: Uint8Array;
}

/**
 * Sends each list on a CPU of its own, one packet after the other, all lists at once; the caller may
 * do something else meanwhile. Frames have at most 200 bytes.
 */
export async function atOnce(lists: readonly (readonly Shot[])[]): Promise<ShotResult[][]> {
  const shots = lists.flat();
  const [frames, outs] = [new Uint8Array(shots.length * ROOM), new Uint8Array(shots.length * ROOM)];
  const contexts = new Uint8Array(shots.length * CONTEXT.tc);
  const packets = new Uint8Array(shots.length * PACKET);
  const view = new DataView(packets.buffer);
  const [framesAt, outsAt, contextsAt] = [frames, outs, contexts].map((b) => koffi.address(b));
  shots.forEach(({ program, ifindex, frame }, i) => {
    frames.set(frame, i * ROOM);
    const context = new DataView(contexts.buffer, i * CONTEXT.tc, CONTEXT.tc);
    writeContext(context, program.name, frame.length, ifindex);
    view.setBigUint64(i * PACKET, framesAt! + BigInt(i * ROOM), true);
    view.setBigUint64(i * PACKET + 8, contextsAt! + BigInt(i * CONTEXT.tc), true);
    view.setBigUint64(i * PACKET + 16, outsAt! + BigInt(i * ROOM), true);
    view.setUint32(i * PACKET + 24, frame.length, true);
    view.setUint32(i * PACKET + 28, CONTEXT[hookOf(program.name)], true);
    view.setUint32(i * PACKET + 32, ROOM, true);
    view.setUint32(i * PACKET + 36, program.fd, true);
  });
  const counts = Uint32Array.from(lists, ({ length }) => length);
  const error = await new Promise<number>((resolve, reject) => {
    atOnceOf.async(packets, counts, lists.length, (failed, result) => {
      if (failed) reject(failed);
      else resolve(result);
    });
  });
  if (error) throw new Error(`at_once: errno ${error}`);
  const results = shots.map(({ program }, i): ShotResult => {
    const errno = view.getInt32(i * PACKET + 44, true);
    if (errno) throw new Error(`run of ${program.name}: errno ${errno}`);
    const length = view.getUint32(i * PACKET + 32, true);
    const data = outs.slice(i * ROOM, i * ROOM + length);
    return { verdict: view.getUint32(i * PACKET + 40, true), data };
  });
  let at = 0;
  return lists.map(({ length }) => results.slice(at, (at += length)));
}
