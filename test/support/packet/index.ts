// SPDX-License-Identifier: Apache-2.0
/** Packets for tests: right by default, wrong where a test says so. */
export * from './bytes.js';
export * from './icmp.js';
export * from './ip.js';
export * from './layer.js';
export * from './link.js';
export * from './transport.js';
