// SPDX-License-Identifier: Apache-2.0
/** The kernel's network configuration over rtnetlink: the adapter of ports/netlink. */
export { NetlinkError, type NetlinkErrorCode } from './errors.js';
export { KernelNetlink, type KernelNetlinkOptions } from './kernel-netlink.js';
