// SPDX-License-Identifier: Apache-2.0
/*
 * Asks two servers, from one UDP port of each of many workloads, by what address and port they are
 * seen: a DNS question for TXT of "whoami", whose answer says it. Servers and workloads are sockets
 * of this process, in their namespaces. A question is asked again like a resolver does.
 *
 * usage: whoami SERVER-NETNS ADDRESS ADDRESS SERVER-PORT LOCAL-PORT <NAMES-OF-NAMESPACES
 * Prints a line of JSON for each namespace: {"netns","seen":[{"address","port"} or null, ...]}, in
 * the order of the servers; then {"asked","answered","repeated","strange"}.
 */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SERVERS = 2,
	CLIENTS_MAX = 4096,
	NAME_MAX_LEN = 128,
	HEADER = 12,
	AGAIN_MS = 500,
	TRIES = 20,
	DNS_TXT = 16,
};

struct client {
	char name[NAME_MAX_LEN];
	int fd;
	char address[SERVERS][INET6_ADDRSTRLEN];
	unsigned port[SERVERS];
	bool seen[SERVERS];
};

/* QNAME "whoami", type TXT, class IN (RFC 1035 s4.1.2) */
static const unsigned char question[] = {6, 'w', 'h', 'o', 'a', 'm', 'i', 0, 0, DNS_TXT, 0, 1};

static struct client clients[CLIENTS_MAX];
static struct sockaddr_storage servers[SERVERS];
static socklen_t server_len[SERVERS];
static struct pollfd fds[SERVERS + CLIENTS_MAX];
static unsigned count;
static uint64_t asked, answered, repeated, strange;

static int parse(const char *text, unsigned port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof(*v6);
	} else {
		return -1;
	}
	return 0;
}

static unsigned tell(const struct sockaddr_storage *from, char *text)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
	return ntohs(from->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

static int open_bound(const char *netns, struct sockaddr_storage *address, socklen_t len)
{
	int fd = socket_in(netns, address->ss_family, SOCK_DGRAM), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)address, len))
		die("bind");
	return fd;
}

/* id: the client's number; the server's is told by the socket it came to. */
static void ask(unsigned i, unsigned server)
{
	unsigned char packet[HEADER + sizeof(question)] = {
		(unsigned char)(i >> 8), (unsigned char)i, 1, 0, 0, 1,
	};

	memcpy(packet + HEADER, question, sizeof(question));
	if (sendto(clients[i].fd, packet, sizeof(packet), 0, (struct sockaddr *)&servers[server],
		   server_len[server]) < 0 &&
	    errno != EAGAIN && errno != ENETUNREACH && errno != EHOSTUNREACH)
		die("sendto");
	asked++;
}

static void serve(int fd)
{
	unsigned char packet[512];
	char text[INET6_ADDRSTRLEN + 8], address[INET6_ADDRSTRLEN];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, packet, 256, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	unsigned char *end;
	unsigned port;
	int written;

	if (n != HEADER + (ssize_t)sizeof(question) ||
	    memcmp(packet + HEADER, question, sizeof(question))) {
		strange += n >= 0;
		return;
	}
	port = tell(&from, address);
	written = snprintf(text, sizeof(text), "%s %u", address, port);
	packet[2] = 0x85; /* an authoritative answer */
	packet[3] = 0x80;
	packet[7] = 1; /* one record: the name again, TXT IN, TTL 0, one string */
	end = packet + n;
	memcpy(end, (unsigned char[]){0xc0, HEADER, 0, DNS_TXT, 0, 1, 0, 0, 0, 0, 0}, 11);
	end += 11;
	*end++ = (unsigned char)(written + 1);
	*end++ = (unsigned char)written;
	memcpy(end, text, (size_t)written);
	end += written;
	sendto(fd, packet, (size_t)(end - packet), 0, (struct sockaddr *)&from, len);
}

static void heard(unsigned i)
{
	enum { ANSWER = HEADER + sizeof(question) + 13 };
	struct client *c = &clients[i];
	unsigned char packet[512];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(c->fd, packet, sizeof(packet) - 1, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);
	unsigned s;

	if (n < 0)
		return;
	for (s = 0; s < SERVERS; s++)
		if (len == server_len[s] && !memcmp(&from, &servers[s], len))
			break;
	if (s == SERVERS || n <= ANSWER || packet[0] != i >> 8 || packet[1] != (i & 255)) {
		strange++;
		return;
	}
	packet[n] = 0;
	if (sscanf((char *)packet + ANSWER, "%45s %u", c->address[s], &c->port[s]) != 2) {
		strange++;
		return;
	}
	answered += !c->seen[s];
	c->seen[s] = true;
}

static void exchange(unsigned milliseconds)
{
	uint64_t until = now_ns() + milliseconds * 1000000ull;

	while (answered < (uint64_t)count * SERVERS) {
		uint64_t now = now_ns();
		unsigned i;

		if (now >= until)
			return;
		poll(fds, SERVERS + count, (int)((until - now) / 1000000) + 1);
		for (i = 0; i < SERVERS + count; i++) {
			if (!(fds[i].revents & (POLLIN | POLLERR)))
				continue;
			if (i < SERVERS)
				serve(fds[i].fd);
			else
				heard(i - SERVERS);
		}
	}
}

static void print(const struct client *c)
{
	unsigned s;

	printf("{\"netns\":\"%s\",\"seen\":[", c->name);
	for (s = 0; s < SERVERS; s++) {
		printf("%s", s ? "," : "");
		if (c->seen[s])
			printf("{\"address\":\"%s\",\"port\":%u}", c->address[s], c->port[s]);
		else
			printf("null");
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	struct sockaddr_storage local = {0};
	socklen_t local_len;
	char line[NAME_MAX_LEN];
	unsigned i, s;
	int try;

	if (argc != 6) {
		fprintf(stderr, "usage: %s SERVER-NETNS ADDRESS ADDRESS SERVER-PORT LOCAL-PORT\n",
			argv[0]);
		return 2;
	}
	for (s = 0; s < SERVERS; s++) {
		if (parse(argv[2 + s], (unsigned)atoi(argv[4]), &servers[s], &server_len[s]))
			die(argv[2 + s]);
		fds[s].fd = open_bound(argv[1], &servers[s], server_len[s]);
		fds[s].events = POLLIN;
	}
	if (parse(servers[0].ss_family == AF_INET ? "0.0.0.0" : "::", (unsigned)atoi(argv[5]),
		  &local, &local_len))
		die("local");
	while (count < CLIENTS_MAX && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(clients[count].name, NAME_MAX_LEN, "%s", line);
		clients[count].fd = open_bound(line, &local, local_len);
		fds[SERVERS + count].fd = clients[count].fd;
		fds[SERVERS + count].events = POLLIN;
		count++;
	}
	for (try = 0; try < TRIES && answered < (uint64_t)count * SERVERS; try++) {
		for (i = 0; i < count; i++) {
			for (s = 0; s < SERVERS; s++) {
				if (clients[i].seen[s])
					continue;
				ask(i, s);
				repeated += try > 0;
			}
		}
		exchange(AGAIN_MS);
	}
	for (i = 0; i < count; i++)
		print(&clients[i]);
	printf("{\"asked\":%lu,\"answered\":%lu,\"repeated\":%lu,\"strange\":%lu}\n",
	       (unsigned long)asked, (unsigned long)answered, (unsigned long)repeated,
	       (unsigned long)strange);
	return 0;
}
