// SPDX-License-Identifier: Apache-2.0
/** Who had which public ports, and when. */
export { BlockLog, type Answer, type BlockLogOptions } from './block-log.js';
export { BlockEvents } from './block-events.js';
export { blockEvents, whoAt } from './who-at.js';
export type { BlockRecord, Hold } from './records.js';
