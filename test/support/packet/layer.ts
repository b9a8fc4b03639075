// SPDX-License-Identifier: Apache-2.0
/** How layers are stacked: packet(ether(…), ip4(…), udp(…), raw(…)). */
import { concat, pattern } from './bytes.js';

/** Addresses that a transport checksum covers. */
export interface Pseudo {
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
}

export interface Layer {
  /** How an Ethernet header announces this layer. */
  readonly ethertype?: number;
  /** How an IP header announces this layer. */
  readonly protocol?: number;
  /** Set by IP layers. */
  readonly pseudo?: Pseudo;
  /** The layer with its payload; above is the layer that the payload starts with. */
  readonly build: (
    payload: Uint8Array,
    above: Layer | undefined,
    pseudo: Pseudo | undefined,
  ) => Uint8Array;
}

/** Bytes as they are, or a number of patterned bytes. */
export function raw(content: Uint8Array | number): Layer {
  const bytes = typeof content === 'number' ? pattern(content) : content;
  return { build: (payload) => concat(bytes, payload) };
}

/** Text as bytes. */
export function text(content: string): Layer {
  return raw(new TextEncoder().encode(content));
}

/** Builds from the inside out, so that every length and checksum sees what it covers. */
export function packet(...layers: readonly Layer[]): Uint8Array {
  let payload: Uint8Array = new Uint8Array(0);
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i];
    if (!layer) continue;
    let pseudo: Pseudo | undefined;
    for (let j = i - 1; j >= 0 && !pseudo; j--) pseudo = layers[j]?.pseudo;
    payload = layer.build(payload, layers[i + 1], pseudo);
  }
  return payload;
}
