// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel says about maps, programs and links, as plain words, and test runs of
 * programs: calls whose structures are better read by the compiler that has their headers.
 * All return 0 or -errno.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdint.h>
#include <string.h>

struct transit_map_info {
	uint32_t id, type, key_size, value_size, max_entries, flags;
	char name[BPF_OBJ_NAME_LEN];
};

int transit_bpf_map_info(int fd, struct transit_map_info *out)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	out->id = info.id;
	out->type = info.type;
	out->key_size = info.key_size;
	out->value_size = info.value_size;
	out->max_entries = info.max_entries;
	out->flags = info.map_flags;
	memcpy(out->name, info.name, sizeof(out->name));
	return 0;
}

struct transit_prog_info {
	uint32_t id, type, verified_insns;
	uint8_t tag[BPF_TAG_SIZE];
	char name[BPF_OBJ_NAME_LEN];
};

int transit_bpf_prog_info(int fd, struct transit_prog_info *out)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	out->id = info.id;
	out->type = info.type;
	out->verified_insns = info.verified_insns;
	memcpy(out->tag, info.tag, sizeof(out->tag));
	memcpy(out->name, info.name, sizeof(out->name));
	return 0;
}

/* ifindex is 0 when the device is gone: the link is then an empty shell. */
struct transit_link_info {
	uint32_t id, type, prog_id, ifindex;
};

int transit_bpf_link_info(int fd, struct transit_link_info *out)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	out->id = info.id;
	out->type = info.type;
	out->prog_id = info.prog_id;
	out->ifindex = info.xdp.ifindex; /* first member for tcx links as well */
	return 0;
}

/* Bits of what runs at the device's XDP hook: 1 native, 2 generic, 4 offloaded. */
int transit_bpf_xdp_modes(int ifindex, uint32_t *modes)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int err = bpf_xdp_query(ifindex, 0, &opts);

	if (err)
		return err;
	*modes =
		(opts.drv_prog_id ? 1 : 0) | (opts.skb_prog_id ? 2 : 0) | (opts.hw_prog_id ? 4 : 0);
	if (opts.attach_mode == XDP_ATTACHED_DRV)
		*modes |= 1;
	else if (opts.attach_mode == XDP_ATTACHED_SKB)
		*modes |= 2;
	return 0;
}

struct transit_test_run {
	uint32_t type; /* BPF_PROG_TYPE_XDP or BPF_PROG_TYPE_SCHED_CLS */
	uint32_t ifindex;
	uint32_t gso_size, gso_segs;
	uint32_t repeat;
	uint32_t verdict, duration_ns; /* results */
	uint32_t out_len; /* in: room; out: bytes, also when -ENOSPC */
};

/* net/bpf/test_run.c says which fields of a context may be set. */
int transit_bpf_test_run(int fd, const void *data, uint32_t len, void *out,
			 struct transit_test_run *run)
{
	struct xdp_md xdp = {.data_end = len, .ingress_ifindex = run->ifindex};
	struct __sk_buff skb = {.ifindex = run->ifindex,
				.ingress_ifindex = run->ifindex,
				.gso_size = run->gso_size,
				.gso_segs = run->gso_segs};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = len, .data_out = out,
		    .data_size_out = run->out_len, .repeat = run->repeat);
	int err;

	if (run->type == BPF_PROG_TYPE_XDP) {
		opts.ctx_in = &xdp;
		opts.ctx_size_in = sizeof(xdp);
	} else if (run->type == BPF_PROG_TYPE_SCHED_CLS) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	err = bpf_prog_test_run_opts(fd, &opts);
	run->verdict = opts.retval;
	run->duration_ns = opts.duration;
	run->out_len = opts.data_size_out;
	return err;
}
