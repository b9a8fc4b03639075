// SPDX-License-Identifier: Apache-2.0
/* Waits for programs that are running. */
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Until every BPF program that began before the call has ended: a grace period of RCU, in whose
 * read side programs run. 0, or -errno where the kernel does not offer it.
 */
int transit_bpf_grace(void)
{
	return syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}
