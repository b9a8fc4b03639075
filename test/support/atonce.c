// SPDX-License-Identifier: Apache-2.0
/*
 * Runs programs on several CPUs at the same time, packet after packet without a pause, as receive
 * queues do. A caller in JavaScript would be in the program for a hundredth of its time, and two
 * of them would hardly ever meet there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS_MAX = 8 };

/* One packet and what became of it. The layout is that of test/support/atonce.ts. */
struct packet {
	uint64_t data;
	uint64_t context;
	uint64_t out; /* room for what comes out */
	uint32_t length;
	uint32_t context_length;
	uint32_t room; /* of out; in the end what came out, bytes */
	uint32_t program; /* file descriptor */
	uint32_t verdict;
	int32_t error; /* errno, 0 none */
};

struct worker {
	struct packet *packets;
	uint32_t count;
	uint32_t cpu;
	pthread_barrier_t *start;
};

/* The n-th of the CPUs that this process may use. */
static int nth_cpu(uint32_t n)
{
	cpu_set_t set;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set) || !CPU_COUNT(&set))
		return 0;
	n %= (uint32_t)CPU_COUNT(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && !n--)
			return cpu;
	return 0;
}

static void run_one(struct packet *p)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = p->program;
	attr.test.data_in = p->data;
	attr.test.data_size_in = p->length;
	attr.test.data_out = p->out;
	attr.test.data_size_out = p->room;
	attr.test.ctx_in = p->context;
	attr.test.ctx_size_in = p->context_length;
	attr.test.repeat = 1;
	p->error = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) ? errno : 0;
	p->verdict = attr.test.retval;
	p->room = p->error ? 0 : attr.test.data_size_out;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t set;
	uint32_t i;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_barrier_wait(w->start);
	for (i = 0; i < w->count; i++)
		run_one(&w->packets[i]);
	return NULL;
}

/*
 * Sends the packets of each list on a CPU of its own, all lists at once. lists: counts[i] packets
 * each, one list behind the other. Returns 0 or an errno.
 */
int at_once(struct packet *lists, const uint32_t *counts, uint32_t threads)
{
	struct worker workers[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	pthread_barrier_t start;
	uint32_t i;

	if (!threads || threads > THREADS_MAX)
		return EINVAL;
	pthread_barrier_init(&start, NULL, threads);
	for (i = 0; i < threads; i++) {
		workers[i] = (struct worker){lists, counts[i], (uint32_t)nth_cpu(i), &start};
		lists += counts[i];
	}
	for (i = 1; i < threads; i++) {
		int err = pthread_create(&ids[i], NULL, work, &workers[i]);

		if (err) /* the others wait for ever: nothing that a test could go on from */
			_exit(1);
	}
	{
		cpu_set_t before;

		sched_getaffinity(0, sizeof(before), &before);
		work(&workers[0]);
		sched_setaffinity(0, sizeof(before), &before);
	}
	for (i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
	pthread_barrier_destroy(&start);
	return 0;
}
