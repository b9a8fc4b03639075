// SPDX-License-Identifier: Apache-2.0
/** The desired state's types, defaults and validation. Pure. */
export * from './objects.js';
export * from './defaults.js';
export * from './deterministic.js';
export * from './nat64.js';
export * from './policy-objects.js';
export * from './policy-rules.js';
export * from './policy-selector.js';
export * from './policy-text.js';
export * from './ports.js';
export * from './prefixes.js';
export * from './public-addresses.js';
export * from './problem.js';
export * from './services.js';
export * from './validate.js';
export type { Trial } from './validate-trial.js';
