// SPDX-License-Identifier: Apache-2.0
/** BPF on the running kernel, through libbpf. */
export { isBpffs, mountBpffs } from './bpffs.js';
export { BpfError, errnoName } from './errors.js';
export { grace } from './grace.js';
export { LibbpfLoader } from './loader.js';
export { MAP_TYPE } from './map-types.js';
