// SPDX-License-Identifier: Apache-2.0
/*
 * UDP in the shapes that a translator finds hard: without a checksum (--no-checksum), larger than
 * the MTU and so in fragments (--length), or many datagrams as one frame that the kernel cuts at
 * the end of its way (--segment, UDP_SEGMENT). Sends one message at a time, waits for what it is
 * made of and compares every byte.
 */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MESSAGE_MAX = 65000,
	HEADER = 8, /* of each datagram: number of its message, its offset there */
	SOCKET_BUFFER = 4 * 1024 * 1024,
};

struct totals {
	unsigned long sent, received, damaged; /* datagrams */
	char from[INET6_ADDRSTRLEN];
	unsigned int port;
};

static uint8_t byte_at(uint32_t message, uint32_t offset)
{
	uint32_t x = message * 2654435761u + offset * 40503u;

	return (uint8_t)(x >> 13 ^ x >> 5);
}

static void fill(uint8_t *out, uint32_t message, uint32_t offset, uint32_t length)
{
	uint32_t i;

	memcpy(out, &message, 4);
	memcpy(out + 4, &offset, 4);
	for (i = HEADER; i < length; i++)
		out[i] = byte_at(message, offset + i);
}

static bool is_right(const uint8_t *in, uint32_t length, uint32_t wanted, uint32_t message)
{
	uint8_t right[MESSAGE_MAX];
	uint32_t offset;

	if (length != wanted)
		return false;
	memcpy(&offset, in + 4, 4);
	fill(right, message, offset, length);
	return !memcmp(in, right, length);
}

static void note_sender(struct totals *t, const struct sockaddr_storage *from)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, t->from, sizeof(t->from));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, t->from, sizeof(t->from));
	t->port = ntohs(from->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

/* Takes datagrams of a message until all came or the time is over. */
static void take(int fd, struct totals *t, uint32_t message, uint32_t count, uint32_t length,
		 uint64_t timeout_ns)
{
	uint64_t deadline = now_ns() + timeout_ns, now;
	uint8_t in[MESSAGE_MAX + 1];
	struct sockaddr_storage from;

	while (count && (now = now_ns()) < deadline && !stop_requested) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		socklen_t from_len = sizeof(from);
		uint32_t number;
		ssize_t n;

		if (poll(&wait, 1, (int)((deadline - now) / 1000000) + 1) <= 0)
			continue;
		n = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
		if (n < HEADER)
			continue;
		memcpy(&number, in, 4);
		if (number != message) /* late, of one that was given up */
			continue;
		note_sender(t, &from);
		t->received++;
		t->damaged += !is_right(in, (uint32_t)n, length, message);
		count--;
	}
}

int main(int argc, char **argv)
{
	int receiver, fd, one = 1, size = SOCKET_BUFFER;
	uint32_t message, count, segment, offset;
	static uint8_t out[MESSAGE_MAX];
	struct totals t = {0};
	uint64_t start, end, due, interval;
	struct options o;

	parse_options(argc, argv, &o);
	segment = o.segment ? o.segment : o.length;
	if (o.length % segment) {
		fprintf(stderr, "udpshape: --length is a multiple of --segment\n");
		return 2;
	}
	count = o.length / segment;
	receiver = socket_in(o.to, o.listen_family, SOCK_DGRAM);
	setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(receiver, (struct sockaddr *)&o.listen, o.listen_len))
		die("bind");
	fd = socket_in(o.from, o.family, SOCK_DGRAM);
	if (o.segment && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
		die("UDP_SEGMENT");
	if (o.no_checksum && setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)))
		die("SO_NO_CHECK");
	if (connect(fd, (struct sockaddr *)&o.address, o.address_len))
		die("connect");
	start = now_ns();
	end = o.seconds > 0 ? start + (uint64_t)(o.seconds * 1e9) : UINT64_MAX;
	interval = o.rate > 0 ? (uint64_t)(1e9 / o.rate) : 0;
	for (message = 1, due = start; !stop_requested && due < end; message++) {
		for (offset = 0; offset < o.length; offset += segment)
			fill(out + offset, message, offset, segment);
		/* an ICMP error of an earlier message may show here: it is sent again */
		if (send(fd, out, o.length, 0) < 0 && send(fd, out, o.length, 0) < 0)
			die("send");
		t.sent += count;
		take(receiver, &t, message, count, segment, o.timeout_ns);
		due += interval;
		if (due < now_ns())
			due = now_ns();
		sleep_until(due);
	}
	printf("{\"sent\":%lu,\"received\":%lu,\"damaged\":%lu,\"from\":\"%s\",\"port\":%u}\n",
	       t.sent, t.received, t.damaged, t.from, t.port);
	return 0;
}
