// SPDX-License-Identifier: Apache-2.0
/*
 * Request and response on one UDP or TCP (--tcp) flow, one at a time: the time a packet needs
 * there and back, as percentiles. --rate 0: the next request as soon as the answer is here.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { LENGTH_MAX = 65000 };

static struct options o;
static volatile bool finished;

static void set_timeout(int fd, uint64_t ns)
{
	struct timeval wait = {(time_t)(ns / 1000000000ull),
			       (suseconds_t)(ns % 1000000000ull / 1000)};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

static void *echo_udp(int fd)
{
	static char data[LENGTH_MAX];
	struct sockaddr_storage from;

	while (!finished) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (n >= 0)
			sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
	return NULL;
}

static void *echo_tcp(int listener)
{
	static char data[LENGTH_MAX];
	int fd = -1, one = 1;
	ssize_t n;

	while (fd < 0 && !finished)
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	set_timeout(fd, 50000000);
	while (!finished) {
		n = recv(fd, data, sizeof(data), 0);
		if (n == 0)
			break;
		if (n > 0 && send(fd, data, (size_t)n, MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int fd = *(int *)arg;

	return o.tcp ? echo_tcp(fd) : echo_udp(fd);
}

/* 1: the answer to this request came; 0: it did not, or was another's. */
static int exchange(int fd, char *data, uint64_t number)
{
	uint32_t got = 0;

	memcpy(data, &number, sizeof(number));
	if (send(fd, data, o.length, MSG_NOSIGNAL) != (ssize_t)o.length)
		return 0;
	while (got < o.length) {
		ssize_t n = recv(fd, data + got, o.length - got, 0);

		if (n <= 0)
			return 0;
		if (!o.tcp) {
			/* an answer that came after its timeout: not ours, wait on */
			if ((size_t)n < sizeof(number) || memcmp(data, &number, sizeof(number)))
				continue;
			return 1;
		}
		got += (uint32_t)n;
	}
	return !memcmp(data, &number, sizeof(number));
}

int main(int argc, char **argv)
{
	uint64_t start, end, interval, due, sent = 0, lost = 0, begun;
	int server, fd, type, one = 1;
	struct samples rtt = {0};
	pthread_t thread;
	char *data;

	parse_options(argc, argv, &o);
	type = o.tcp ? SOCK_STREAM : SOCK_DGRAM;
	server = socket_in(o.to, o.listen_family, type);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	set_timeout(server, 50000000);
	if (bind(server, (struct sockaddr *)&o.listen, o.listen_len) ||
	    (o.tcp && listen(server, 1)))
		die("listen");
	data = calloc(1, o.length);
	if (!data || pthread_create(&thread, NULL, serve, &server))
		die("start");
	fd = socket_in(o.from, o.family, type);
	set_timeout(fd, o.timeout_ns);
	if (o.tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&o.address, o.address_len))
		die("connect");
	start = due = now_ns();
	end = o.seconds > 0 ? start + (uint64_t)(o.seconds * 1e9) : UINT64_MAX;
	interval = o.rate > 0 ? (uint64_t)(1e9 / o.rate) : 0;
	while (!stop_requested && now_ns() < end) {
		begun = now_ns();
		sent++;
		if (exchange(fd, data, sent))
			samples_add(&rtt, now_ns() - begun);
		else if (++lost && o.tcp)
			break; /* the stream is out of step: nothing after it is meaningful */
		due += interval;
		if (interval && due > now_ns())
			sleep_until(due);
	}
	start = now_ns() - start;
	finished = true;
	close(fd);
	pthread_join(thread, NULL);
	printf("{\"requests\":%llu,\"lost\":%llu,\"p50Us\":%.1f,\"p90Us\":%.1f,\"p99Us\":%.1f,"
	       "\"maxUs\":%.1f,\"seconds\":%.3f,\"rate\":%.1f}\n",
	       (unsigned long long)sent, (unsigned long long)lost, samples_us(&rtt, 0.5),
	       samples_us(&rtt, 0.9), samples_us(&rtt, 0.99), samples_us(&rtt, 1),
	       (double)start / 1e9, start ? (double)rtt.count * 1e9 / (double)start : 0);
	return 0;
}
