/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet as the hook hands it over. xdp.h and tc.h give the same functions, so that
 * nodes are written once:
 *
 *   CTX                      type of the program's context
 *   ctx_data, ctx_data_end   bounds of what can be read directly
 *   ctx_len                  whole frame, bytes; on XDP more than can be read, and a call
 *   ctx_readable             bytes from ctx_data to ctx_data_end
 *   ctx_open                 first of all: brings headers into reach where a driver left them out
 *   ctx_apart                1 when it could not
 *   ctx_ifindex              device the packet entered through
 *   ctx_pull                 1 when more became readable: parse again
 *   ctx_gso_size             payload bytes of one segment of a GSO frame, else 0
 *   ctx_pull_to              makes the first bytes readable, where the hook can
 *   ctx_vlan_tci             tag the kernel took off the frame (TAG_NONE: none)
 *   ctx_untag                remove the outermost tag
 *   ctx_tagged               1 when there was another tag behind the one removed
 *   ctx_grow                 insert tunnel headers; frame headers must be written anew
 *   ctx_shrink               remove tunnel headers; the Ethernet header must be written anew
 *   ctx_push_l3              insert bytes between Ethernet and L3
 *   ctx_family               make it a frame of the other family: headers must be written anew
 *   ctx_trim                 cut the frame to a length
 *   ctx_csum_update          tell the kernel that bytes it has summed were changed
 *   ctx_l4_csum              change a transport checksum by the differences of what it covers
 *   ctx_load_bytes           copy bytes out
 *   ctx_redirect             send out of a device
 *   ctx_deliver              into the workload behind a device
 *   CTX_PASS, CTX_DROP       verdicts
 */
#ifndef TRANSIT_CTX_H
#define TRANSIT_CTX_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <transit/maps.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((unused)) /* not every program needs it */
#endif
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum { TAG_NONE = 0x10000 }; /* no tag has more than 16 bits */

#ifdef CTX_XDP
#include "xdp.h"
#else
#include "tc.h"
#endif

#endif
