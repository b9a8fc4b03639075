// SPDX-License-Identifier: Apache-2.0
/** Devices of endpoints and droplets, and the ways through the underlay. */
export { restoreDevice, restoreUnused } from './borrowed-device.js';
export { DropletFollower, type DropletState } from './droplet-follower.js';
export { InterfaceManager, type DeviceState } from './interface-manager.js';
export { OutsideFollower } from './outside-follower.js';
export { RestoreBook } from './restore-book.js';
export { SharedNeighbours } from './shared-neighbours.js';
export { TUNNEL_GRO_PENDING, TunnelGro, type TunnelGroState } from './tunnel-gro.js';
export { UnderlayFollower } from './underlay-follower.js';
