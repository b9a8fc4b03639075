// SPDX-License-Identifier: Apache-2.0
/*
 * A UDP flow with sequence numbers: sends at a rate, reports what was lost, doubled, reordered,
 * and the longest silence. `sent` counts what the kernel took; a packet is lost when it was taken
 * and did not come within the timeout after the end. `overflow` are packets that did arrive and
 * found the receiving socket full: the machine was too slow, not the network.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	MAGIC = 0x7564666c,
	/* After a pause by the scheduler, send at most this many back to back: a veth's ring
	 * has 256 places, and filling it would be our loss, not the network's. */
	BURST_MAX = 32,
	BUFFER = 64 * 1024 * 1024,
};

struct datagram {
	uint32_t magic;
	uint32_t pad;
	uint64_t sequence;
	uint64_t sent_ns;
	uint64_t run; /* tells our packets from those of an earlier run on the same port */
};

struct receiver {
	int fd;
	uint64_t run;
	uint8_t *seen; /* a bit per sequence number */
	uint64_t seen_bits, received, duplicates, reordered, foreign, highest, first_lost;
	uint64_t last_ns, max_gap_ns, gap_before, max_delay_ns;
	uint32_t overflow;
	volatile uint64_t sent; /* valid once finished */
	volatile bool finished;
	uint64_t deadline_ns;
};

static bool mark(struct receiver *r, uint64_t sequence)
{
	uint8_t bit = (uint8_t)(1u << (sequence & 7));

	while (sequence >= r->seen_bits) {
		uint64_t bits = r->seen_bits ? r->seen_bits * 2 : 1 << 20;

		r->seen = realloc(r->seen, bits / 8);
		if (!r->seen)
			die("realloc");
		memset(r->seen + r->seen_bits / 8, 0, (bits - r->seen_bits) / 8);
		r->seen_bits = bits;
	}
	if (r->seen[sequence / 8] & bit)
		return false;
	r->seen[sequence / 8] |= bit;
	return true;
}

static void take(struct receiver *r, const struct datagram *d, uint64_t now)
{
	if (!mark(r, d->sequence)) {
		r->duplicates++;
		return;
	}
	if (r->last_ns && now - r->last_ns > r->max_gap_ns) {
		r->max_gap_ns = now - r->last_ns;
		r->gap_before = d->sequence;
	}
	r->last_ns = now;
	if (now - d->sent_ns > r->max_delay_ns)
		r->max_delay_ns = now - d->sent_ns;
	if (r->received && d->sequence < r->highest)
		r->reordered++;
	else
		r->highest = d->sequence;
	r->received++;
}

static void *receive(void *arg)
{
	struct receiver *r = arg;
	char control[CMSG_SPACE(sizeof(uint32_t))];
	struct datagram d;
	struct iovec iov = {&d, sizeof(d)};

	while (!r->finished || (r->received < r->sent && now_ns() < r->deadline_ns)) {
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(r->fd, &m, MSG_TRUNC);
		struct cmsghdr *c;

		if (n < 0) /* timeout, signal, or an ICMP error: the loop condition decides */
			continue;
		for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
				memcpy(&r->overflow, CMSG_DATA(c), sizeof(r->overflow));
		if (n < (ssize_t)sizeof(d) || d.magic != MAGIC || d.run != r->run)
			r->foreign++;
		else
			take(r, &d, now_ns());
	}
	return NULL;
}

static void set_up_receiver(struct receiver *r, const struct options *o)
{
	struct timeval wait = {0, 50000};
	int one = 1, size = BUFFER;

	r->fd = socket_in(o->to, o->listen_family, SOCK_DGRAM);
	setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(r->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (bind(r->fd, (const struct sockaddr *)&o->listen, o->listen_len))
		die("bind");
}

int main(int argc, char **argv)
{
	uint64_t start, end, interval, sequence = 0, errors = 0, burst = 0, lost, i;
	struct receiver r = {0};
	struct datagram *d;
	struct options o;
	pthread_t thread;
	int fd, size = BUFFER, last_errno = 0;

	parse_options(argc, argv, &o);
	if (o.length < sizeof(*d)) {
		fprintf(stderr, "udpflow: --length is at least %zu\n", sizeof(*d));
		return 2;
	}
	set_up_receiver(&r, &o);
	r.run = now_ns();
	fd = socket_in(o.from, o.family, SOCK_DGRAM);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (connect(fd, (const struct sockaddr *)&o.address, o.address_len))
		die("connect");
	d = calloc(1, o.length);
	if (!d || pthread_create(&thread, NULL, receive, &r))
		die("start");
	d->magic = MAGIC;
	d->run = r.run;
	start = now_ns();
	end = o.seconds > 0 ? start + (uint64_t)(o.seconds * 1e9) : UINT64_MAX;
	interval = o.rate > 0 ? (uint64_t)(1e9 / o.rate) : 0;
	for (uint64_t due = start; !stop_requested && due < end; due += interval) {
		uint64_t now = now_ns();

		if (!interval)
			due = now;
		if (due > now || burst >= BURST_MAX) {
			burst = 0;
			sleep_until(due > now ? due : now + 200000);
		}
		burst++;
		d->sequence = sequence;
		d->sent_ns = now_ns();
		if (send(fd, d, o.length, 0) == (ssize_t)o.length) {
			sequence++;
		} else {
			/* not taken, so not lost; an ICMP error of an earlier packet shows here too
			 */
			errors++;
			last_errno = errno;
		}
	}
	start = now_ns() - start;
	r.sent = sequence;
	r.deadline_ns = now_ns() + o.timeout_ns;
	__sync_synchronize();
	r.finished = true;
	pthread_join(thread, NULL);
	for (i = 0, r.first_lost = UINT64_MAX; i < sequence && r.first_lost == UINT64_MAX; i++)
		if (i >= r.seen_bits || !(r.seen[i / 8] & (1u << (i & 7))))
			r.first_lost = i;
	lost = sequence - r.received;
	printf("{\"sent\":%llu,\"received\":%llu,\"lost\":%llu,\"duplicates\":%llu,"
	       "\"reordered\":%llu,\"overflow\":%u,\"sendErrors\":%llu,\"sendError\":\"%s\","
	       "\"foreign\":%llu,\"maxGapMs\":%.3f,\"gapBefore\":%llu,\"maxDelayMs\":%.3f,"
	       "\"firstLost\":%lld,\"seconds\":%.3f,\"rate\":%.1f}\n",
	       (unsigned long long)sequence, (unsigned long long)r.received,
	       (unsigned long long)lost, (unsigned long long)r.duplicates,
	       (unsigned long long)r.reordered, r.overflow, (unsigned long long)errors,
	       last_errno ? strerrorname_np(last_errno) : "", (unsigned long long)r.foreign,
	       (double)r.max_gap_ns / 1e6, (unsigned long long)r.gap_before,
	       (double)r.max_delay_ns / 1e6,
	       r.first_lost == UINT64_MAX ? -1ll : (long long)r.first_lost, (double)start / 1e9,
	       start ? (double)sequence * 1e9 / (double)start : 0);
	return 0;
}
