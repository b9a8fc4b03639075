// SPDX-License-Identifier: Apache-2.0
/** The mark of what we put into a workload's namespace: what bears another is never touched. */

/**
 * Origin of our addresses (IFA_PROTO) and routes (rtm_protocol). Above those that the kernel and
 * the routing daemons of /etc/iproute2/rt_protos use.
 */
export const ORIGIN_TRANSIT = 84;
