// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a BPF ring buffer in batches: one call waits and then copies what there is, so that
 * no record costs a call into JavaScript. Used by one thread.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STOPPED = -ECANCELED, FULL = -ENOBUFS };

struct transit_ring {
	struct ring_buffer *ring;
	int stop_fd;
	uint8_t *out;
	uint32_t size, used;
	uint32_t largest; /* record seen so far */
	uint64_t lost; /* records larger than the caller's room */
};

/* A record is its length in four bytes, its data, and padding to a multiple of four. */
static int copy(void *arg, void *data, size_t length)
{
	struct transit_ring *r = arg;
	uint32_t need = 4 + ((length + 3) & ~3u), n = length;

	if (need > r->size - r->used) {
		r->lost++; /* cannot be put back */
		return FULL;
	}
	memcpy(r->out + r->used, &n, 4);
	memcpy(r->out + r->used + 4, data, length);
	r->used += need;
	if (need > r->largest)
		r->largest = need;
	return r->size - r->used < r->largest ? FULL : 0;
}

/* stop_fd is an eventfd that ends a wait. NULL and errno on failure. */
struct transit_ring *transit_bpf_ring_open(int map_fd, int stop_fd)
{
	struct transit_ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->stop_fd = stop_fd;
	r->largest = 4096;
	r->ring = ring_buffer__new(map_fd, copy, r, NULL);
	if (!r->ring) {
		free(r);
		return NULL;
	}
	return r;
}

/*
 * Waits up to timeout_ms for records and copies them to out. Returns bytes (0: none came),
 * -ECANCELED when stopped, or another -errno.
 */
int transit_bpf_ring_read(struct transit_ring *r, uint8_t *out, uint32_t size, int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = ring_buffer__epoll_fd(r->ring), .events = POLLIN},
		{.fd = r->stop_fd, .events = POLLIN},
	};
	int n;

	r->out = out;
	r->size = size;
	r->used = 0;
	/* what is already there raises no event: look before waiting */
	n = ring_buffer__consume(r->ring);
	if (n < 0 && n != FULL)
		return n;
	if (r->used) {
		fds[0].fd = -1;
		timeout_ms = 0;
	}
	n = poll(fds, 2, timeout_ms);
	if (n < 0)
		return errno == EINTR ? (int)r->used : -errno;
	if (fds[1].revents && !r->used)
		return STOPPED;
	if (!r->used && fds[0].revents) {
		n = ring_buffer__consume(r->ring);
		if (n < 0 && n != FULL)
			return n;
	}
	return (int)r->used;
}

uint64_t transit_bpf_ring_lost(const struct transit_ring *r)
{
	return r->lost;
}

void transit_bpf_ring_close(struct transit_ring *r)
{
	ring_buffer__free(r->ring);
	free(r);
}

int transit_bpf_stop_open(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int transit_bpf_stop_signal(int fd)
{
	return eventfd_write(fd, 1) ? -errno : 0;
}
