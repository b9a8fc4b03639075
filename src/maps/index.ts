// SPDX-License-Identifier: Apache-2.0
/**
 * The data path's maps as values: layouts, codecs and names, all generated from the compiled
 * headers in bpf/include/transit. Fields have their names in C.
 */
export { type Codec, decode, decodeAll, encode, encodeAll } from './codec.js';
export * from './generated/abi.js';
export * from './generated/codecs.js';
export type { FieldLayout, MapLayout, NamedNumber, ScalarKind, StructLayout } from './layout.js';
export { hookName, nodeName, nodeText, reasonName, reasonText } from './names.js';
export { bytesCodec, u32, u64 } from './scalars.js';
export { CounterMap, type MapCodecs, type RawMap, TypedMap } from './typed-map.js';
