// SPDX-License-Identifier: Apache-2.0
/** Frames as the data path hands them over, and a data path that lets everything in. */
import { parseAddress } from '../../../src/base/net.js';
import type {
  AlgKernel,
  Deltas,
  Direction,
  Expected,
  ExpectResult,
  KnownConnection,
} from '../../../src/daemon/slowpath/kernel.js';
import * as p from '../../support/packet/index.js';

export const NODE = 5;
const MAGIC = '02:41:4c:47';

export const CLIENT = '10.0.1.11';
export const PUBLIC = '203.0.113.1';
export const SERVER = '198.51.100.7';
export const CLIENT_PORT = 40_001;
const PUBLIC_PORT = 2049;

/** Both MACs of a frame that belongs to a connection. */
export function tagged(reply: boolean, node = NODE): p.Layer {
  const byte = (n: number): string => n.toString(16).padStart(2, '0');
  return p.ether({
    dst: `${MAGIC}:${byte(node >>> 24)}:${byte((node >> 16) & 255)}`,
    src: `${byte((node >> 8) & 255)}:${byte(node & 255)}:00:00:00:${reply ? '01' : '00'}`,
  });
}

export interface Segment {
  readonly reply: boolean;
  readonly seq: number;
  readonly ack?: number;
  readonly flags?: string;
  readonly payload?: string | Uint8Array;
  readonly options?: Uint8Array;
  readonly checksum?: number;
}

/** Before translation: the client inside, its server outside. */
export function segment(s: Segment): Uint8Array {
  const { payload = '' } = s;
  return p.packet(
    tagged(s.reply),
    s.reply ? p.ip4({ src: SERVER, dst: PUBLIC }) : p.ip4({ src: CLIENT, dst: SERVER }),
    p.tcp({
      sport: s.reply ? 21 : CLIENT_PORT,
      dport: s.reply ? PUBLIC_PORT : 21,
      seq: s.seq,
      ack: s.ack ?? 0,
      flags: s.flags ?? 'A',
      ...(s.options ? { options: s.options } : {}),
      ...(s.checksum === undefined ? {} : { checksum: s.checksum }),
    }),
    p.raw(typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload),
  );
}

export const bytes = (address: string): Uint8Array => parseAddress(address).bytes;

export function direction(from: Partial<Direction> & { source: Uint8Array }): Direction {
  return {
    vni: 100,
    family: 4,
    destination: bytes(SERVER),
    sport: CLIENT_PORT,
    dport: 21,
    outFamily: 4,
    outSource: bytes(PUBLIC),
    outDestination: bytes(SERVER),
    ...from,
  };
}

export const FWD = direction({ source: bytes(CLIENT) });
export const REPLY = direction({
  source: bytes(SERVER),
  destination: bytes(PUBLIC),
  sport: 21,
  dport: PUBLIC_PORT,
  outSource: bytes(SERVER),
  outDestination: bytes(CLIENT),
});

/** What the public port of an announced one is here. */
export function publicPort(port: number): number {
  return 1024 + ((port * 7) % 60_000);
}

export const NO_DELTAS: Deltas = { fwd: 0, reply: 0 };

export class FakeKernel implements AlgKernel {
  readonly expected: Expected[] = [];
  known = new Map<number, KnownConnection>([
    [NODE, { id: 1n, proto: 6, fwd: FWD, reply: REPLY, deltas: NO_DELTAS }],
  ]);
  refuse: string | undefined;

  keep(node: number, id: bigint, deltas: Deltas | undefined): void {
    const known = this.known.get(node);
    if (known?.id === id) this.known.set(node, { ...known, deltas: deltas ?? NO_DELTAS });
  }

  connection(node: number): KnownConnection | undefined {
    return this.known.get(node);
  }

  expect(expected: Expected): ExpectResult {
    this.expected.push(expected);
    if (this.refuse !== undefined) return { reason: this.refuse };
    return { port: publicPort(expected.port) };
  }
}
