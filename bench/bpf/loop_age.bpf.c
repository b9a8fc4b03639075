/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The ageing wheel turned by hand, in a time that the bench sets: what the timer would do in
 * minutes is run and timed in seconds. The timer itself is never started.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_time SEC(".maps");

static __always_inline __u64 bench_now(void)
{
	__u32 zero = 0;
	__u64 *now = bpf_map_lookup_elem(&bench_time, &zero);

	return now ? *now : 0;
}

#define bpf_ktime_get_ns bench_now
#include "../../bpf/programs/age.bpf.c"

/* One run of the timer's callback. 1 when it would run again at once, as there is more to do. */
SEC("tc")
int bench_tick(struct __sk_buff *skb)
{
	struct age_val *a = age_get();
	__u32 zero = 0, now = bench_now() / TICK_NS;

	if (!a)
		return -1;
	if (!a->cursor_s)
		a->cursor_s = now;
	age_tick(&age, &zero, a);
	return a->pending || a->cursor_s != now;
}
