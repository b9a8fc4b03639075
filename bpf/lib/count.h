/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counters: per CPU, so plain additions. One look-up per program run. */
#ifndef TRANSIT_COUNT_H
#define TRANSIT_COUNT_H

#include "pkt.h"

static __always_inline struct counters_val *counters_get(__u32 hook)
{
	return bpf_map_lookup_elem(&counters, &hook);
}

static __always_inline void count_node(struct counters_val *c, __u32 node)
{
	if (c && node < NODE_SLOTS)
		c->node[node]++;
}

static __always_inline void count_ep_tx(__u32 ep, __u32 bytes)
{
	struct ep_stats_val *s = bpf_map_lookup_elem(&ep_stats, &ep);

	if (s) {
		s->tx_packets++;
		s->tx_bytes += bytes;
	}
}

static __always_inline void count_ep_rx(__u32 ep, __u32 bytes)
{
	struct ep_stats_val *s = bpf_map_lookup_elem(&ep_stats, &ep);

	if (s) {
		s->rx_packets++;
		s->rx_bytes += bytes;
	}
}

#endif
