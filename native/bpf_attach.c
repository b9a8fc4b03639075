// SPDX-License-Identifier: Apache-2.0
/*
 * Attaching to devices: links (XDP, tcx) and, where there is no tcx, a filter under clsact.
 * Links are made by the bare system call, because libbpf 1.1 does not know tcx. All return a
 * descriptor or 0, or -errno.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	TCX_INGRESS = 46, /* enum bpf_attach_type, linux/bpf.h since 6.6 */
	/* Ours among the filters of a device. The priority leaves room before and after. */
	TC_HANDLE = 1,
	TC_PRIORITY = 49152,
};

int transit_bpf_link_create(int prog_fd, int ifindex, uint32_t attach_type, uint32_t flags)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog_fd;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = attach_type;
	attr.link_create.flags = flags;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}

/*
 * 1 when the kernel has tcx: it looks for the device of a query, where an older one does not
 * know the attach type (EINVAL). No device has this index.
 */
int transit_bpf_has_tcx(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = INT32_MAX; /* target_ifindex since 6.6 */
	attr.query.attach_type = TCX_INGRESS;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) == 0)
		return 1;
	return errno == ENODEV;
}

int transit_bpf_tc_attach(int prog_fd, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = TC_HANDLE,
		    .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

int transit_bpf_tc_query(int ifindex, uint32_t *prog_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int err = bpf_tc_query(&hook, &opts);

	*prog_id = opts.prog_id;
	return err;
}

/* The clsact qdisc stays: others may have filters there, and an empty one costs nothing. */
int transit_bpf_tc_detach(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}
