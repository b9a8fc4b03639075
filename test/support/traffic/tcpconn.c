// SPDX-License-Identifier: Apache-2.0
/*
 * Opens a new TCP connection at a rate, exchanges bytes on each, closes it, and reports how many
 * failed and how long each took from connect() to the last byte back. `retransmits` counts the
 * segments both ends had to send again: a lost SYN is repaired by TCP after a second and would
 * otherwise hide as one slow connection.
 *
 * --rate 0: as many as go, some at a time; each ends by RST, so that the ports of thousands a
 * second do not stay in TIME-WAIT.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, BACKLOG = 4096, PENDING_MAX = 16384, AT_A_TIME = 16, LENGTH_MAX = 65000 };

struct conn {
	int fd;
	bool server, connected;
	uint32_t received, sent;
	uint64_t start_ns, number;
	struct conn *next, *previous;
};

static struct options o;
static struct conn pending = {.next = &pending, .previous = &pending};
static uint64_t opened, completed, failed, corrupted, retransmits, timeouts, pending_count;
static volatile bool finished;
static int first_errno;
static struct samples latency;
static char buffer[LENGTH_MAX];

static void note_error(int number)
{
	if (!first_errno)
		first_errno = number;
}

static char pattern(uint64_t number, uint32_t at)
{
	return (char)(number * 31 + at * 7 + 1);
}

static void count_retransmits(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		__sync_fetch_and_add(&retransmits, info.tcpi_total_retrans);
}

static void forget(struct conn *c)
{
	if (c->next) {
		c->next->previous = c->previous;
		c->previous->next = c->next;
		pending_count--;
	}
	count_retransmits(c->fd);
	if (o.rate <= 0 && !c->server) {
		struct linger reset = {1, 0};

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	close(c->fd);
	free(c);
}

static void fail(struct conn *c, int number)
{
	note_error(number);
	failed++;
	forget(c);
}

static void watch(int epoll, struct conn *c, uint32_t events, int operation)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (epoll_ctl(epoll, operation, c->fd, &e))
		die("epoll_ctl");
}

/* The server's end: sends back what comes; ends with the client. */
static void echo(struct conn *c)
{
	char data[4096];
	ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	/* at most some KB are on their way: the send buffer takes them whole */
	if (n <= 0 || send(c->fd, data, (size_t)n, MSG_NOSIGNAL) != n)
		forget(c);
}

static void *serve(void *arg)
{
	int listener = *(int *)arg, epoll = epoll_create1(EPOLL_CLOEXEC), i, n, fd;
	struct epoll_event events[EVENTS], e = {.events = EPOLLIN, .data.ptr = NULL};

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e))
		die("epoll");
	while (!finished) {
		n = epoll_wait(epoll, events, EVENTS, 50);
		for (i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c) {
				echo(c);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
			       0) {
				c = calloc(1, sizeof(*c));
				if (!c)
					die("calloc");
				c->fd = fd;
				c->server = true;
				watch(epoll, c, EPOLLIN, EPOLL_CTL_ADD);
			}
		}
	}
	return NULL;
}

static void open_connection(int epoll)
{
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1;

	if (!c)
		die("calloc");
	c->fd = socket_in(o.from, o.family, SOCK_STREAM | SOCK_NONBLOCK);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->number = opened++;
	c->start_ns = now_ns();
	c->next = pending.next;
	c->previous = &pending;
	pending.next->previous = c;
	pending.next = c;
	pending_count++;
	if (connect(c->fd, (struct sockaddr *)&o.address, o.address_len) && errno != EINPROGRESS) {
		fail(c, errno);
		return;
	}
	watch(epoll, c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void progress(int epoll, struct conn *c)
{
	uint32_t i;
	ssize_t n;
	int error = 0;
	socklen_t size = sizeof(error);

	if (!c->connected) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		for (i = 0; i < o.length; i++)
			buffer[i] = pattern(c->number, i);
		if (error || send(c->fd, buffer, o.length, MSG_NOSIGNAL) != (ssize_t)o.length) {
			fail(c, error ? error : errno);
			return;
		}
		c->connected = true;
		watch(epoll, c, EPOLLIN, EPOLL_CTL_MOD);
		return;
	}
	n = recv(c->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fail(c, n ? errno : EPIPE);
		return;
	}
	for (i = 0; i < (uint32_t)n; i++) {
		if (buffer[i] != pattern(c->number, c->received + i)) {
			corrupted++;
			fail(c, EBADMSG);
			return;
		}
	}
	c->received += (uint32_t)n;
	if (c->received < o.length)
		return;
	samples_add(&latency, now_ns() - c->start_ns);
	completed++;
	forget(c);
}

static void expire(void)
{
	uint64_t now = now_ns();

	/* the oldest is last */
	while (pending.previous != &pending && now - pending.previous->start_ns > o.timeout_ns) {
		timeouts++;
		fail(pending.previous, ETIMEDOUT);
	}
}

static int make_listener(void)
{
	int fd = socket_in(o.to, o.listen_family, SOCK_STREAM | SOCK_NONBLOCK), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&o.listen, o.listen_len) || listen(fd, BACKLOG))
		die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	uint64_t start, end, interval, due, now;
	struct epoll_event events[EVENTS];
	int listener, epoll, i, n;
	pthread_t thread;

	parse_options(argc, argv, &o);
	if (o.rate < 0 || o.length > 4096) {
		fprintf(stderr, "tcpconn: needs a length of at most 4096\n");
		return 2;
	}
	listener = make_listener();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || pthread_create(&thread, NULL, serve, &listener))
		die("start");
	interval = o.rate > 0 ? (uint64_t)(1e9 / o.rate) : 0;
	start = due = now_ns();
	end = o.seconds > 0 ? start + (uint64_t)(o.seconds * 1e9) : UINT64_MAX;
	while ((now = now_ns()) < end && !stop_requested) {
		struct timespec wait = {0, 0};

		for (i = 0; due <= now && i < EVENTS &&
			    pending_count < (interval ? PENDING_MAX : AT_A_TIME);
		     i++) {
			open_connection(epoll);
			due += interval;
		}
		expire();
		now = now_ns();
		if (!interval)
			wait.tv_nsec = 10000000; /* answers end the wait */
		else if (due > now) {
			wait.tv_sec = (time_t)((due - now) / 1000000000ull);
			wait.tv_nsec = (long)((due - now) % 1000000000ull);
		}
		n = epoll_pwait2(epoll, events, EVENTS, &wait, NULL);
		for (i = 0; i < n; i++)
			progress(epoll, events[i].data.ptr);
	}
	start = now_ns() - start;
	while (pending_count) {
		n = epoll_wait(epoll, events, EVENTS, 50);
		for (i = 0; i < n; i++)
			progress(epoll, events[i].data.ptr);
		expire();
	}
	finished = true;
	pthread_join(thread, NULL);
	printf("{\"opened\":%llu,\"completed\":%llu,\"failed\":%llu,\"timeouts\":%llu,"
	       "\"corrupted\":%llu,\"retransmits\":%llu,\"error\":\"%s\",\"p50Us\":%.1f,"
	       "\"p99Us\":%.1f,\"maxUs\":%.1f,\"seconds\":%.3f}\n",
	       (unsigned long long)opened, (unsigned long long)completed,
	       (unsigned long long)failed, (unsigned long long)timeouts,
	       (unsigned long long)corrupted, (unsigned long long)retransmits,
	       first_errno ? strerrorname_np(first_errno) : "", samples_us(&latency, 0.5),
	       samples_us(&latency, 0.99), samples_us(&latency, 1), (double)start / 1e9);
	return 0;
}
