// SPDX-License-Identifier: Apache-2.0
export { SlowPath, type SlowPathDeps, type SlowPathOptions } from './slow-path.js';
