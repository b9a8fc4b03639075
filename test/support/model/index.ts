// SPDX-License-Identifier: Apache-2.0
/**
 * The reference model: what the data plane must do, said once more as simply as possible. It shares
 * no code with bpf/ nor with what compiles configurations into maps; docs/design/model.md explains.
 */
export { Host, type EndpointTotals, type HostOptions } from './host.js';
export type { Count, Emitted, Node, Outcome } from './outcome.js';
export { World } from './world.js';
export { REASONS, type Reason } from './reasons.js';
export type { Device, Surroundings, Way } from './destination.js';
