// SPDX-License-Identifier: Apache-2.0
/** The interface manager: endpoints' devices, droplets, and the ways to VTEPs. */
export { DeviceManager, type DeviceManagerDeps } from './device-manager.js';
export { DropletFollower, type DropletFollowerDeps } from './droplet-follower.js';
export { InterfaceError } from './errors.js';
export { UnderlayFollower, type UnderlayFollowerDeps } from './underlay-follower.js';
