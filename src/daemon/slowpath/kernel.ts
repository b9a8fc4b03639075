// SPDX-License-Identifier: Apache-2.0
/** What ALGs need of the data path. The real one is kernel-maps.ts. */

/** One direction of a connection, as its packets enter and as they leave. 16 bytes an address. */
export interface Direction {
  /** Of the sender, when it is inside. */
  readonly vni: number;
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sport: number;
  readonly dport: number;
  /** After translation. */
  readonly outFamily: 4 | 6;
  readonly outSource: Uint8Array;
  readonly outDestination: Uint8Array;
}

/** A connection of the data path. */
export interface KnownConnection {
  /** Changes when the node is another connection's. */
  readonly id: bigint;
  readonly proto: number;
  readonly fwd: Direction;
  readonly reply: Direction;
  /** What was kept of it. */
  readonly deltas: Deltas;
}

/** By how many bytes each direction was made longer. */
export interface Deltas {
  readonly fwd: number;
  readonly reply: number;
}

/** A connection that will come. */
export interface Expected {
  readonly vni: number;
  readonly proto: number;
  /** Where it shall end, inside. */
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly port: number;
  /** The public address it shall have, and who will come to it. */
  readonly publicFamily: 4 | 6;
  readonly publicAddress: Uint8Array;
  readonly remote: Uint8Array;
}

/** The public port, or why there is none. */
export type ExpectResult = { readonly port: number } | { readonly reason: string };

export interface AlgKernel {
  /** undefined: the node is no connection's. */
  connection(node: number): KnownConnection | undefined;
  expect(expected: Expected): ExpectResult;
  /** Keeps a connection's deltas over a restart; undefined: forgets them. */
  keep(node: number, id: bigint, deltas: Deltas | undefined): void;
}
