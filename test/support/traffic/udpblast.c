// SPDX-License-Identifier: Apache-2.0
/*
 * UDP packets as fast as they can be sent from one thread, and how many arrive: on one flow, or
 * with --spread each on a flow of its own, to ports that nobody listens on. What arrives is read
 * from the receiving namespace's counters (RFC 4113: udpInDatagrams and udpNoPorts, and Linux'
 * InErrors), so that a receiver that is slower than the network does not hide the network. IPv4.
 */
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	SOCKETS = 64, /* of a spread: source ports */
	PORT_MIN = 1024,
	PORTS = 65536 - PORT_MIN,
	BATCH = 32, /* datagrams of a system call */
	SETTLE_US = 50000, /* until what is on its way has arrived */
	LENGTH_MAX = 65000,
};

static struct options o;
static char payload[LENGTH_MAX];

static void *drain(void *arg)
{
	static char data[BATCH][2048];
	struct mmsghdr m[BATCH] = {0};
	struct iovec iov[BATCH];
	int fd = *(int *)arg, i;

	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = data[i];
		iov[i].iov_len = sizeof(data[i]);
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stop_requested)
		recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
	return NULL;
}

/* Datagrams that came to UDP in a namespace, whether or not somebody took them. */
static uint64_t arrived(const char *netns)
{
	unsigned long long in, no_ports, errors;
	int home, there, found = 0;
	char line[512], path[300];
	FILE *f;

	snprintf(path, sizeof(path), strchr(netns, '/') ? "%s" : "/run/netns/%s", netns);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET))
		die(path);
	f = fopen("/proc/thread-self/net/snmp", "r");
	if (!f)
		die("snmp");
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Udp: %llu %llu %llu", &in, &no_ports, &errors) == 3;
	fclose(f);
	if (!found || setns(home, CLONE_NEWNET))
		die("snmp");
	close(there);
	close(home);
	return in + no_ports + errors;
}

/* One flow: packets of equal size to one port, many a system call. Returns how many were taken. */
static uint64_t blast(int fd, uint64_t end)
{
	struct iovec iov = {payload, o.length};
	struct mmsghdr m[BATCH] = {0};
	uint64_t sent = 0;
	int i, n;

	if (connect(fd, (struct sockaddr *)&o.address, o.address_len))
		die("connect");
	for (i = 0; i < BATCH; i++) {
		m[i].msg_hdr.msg_iov = &iov;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stop_requested && now_ns() < end) {
		n = sendmmsg(fd, m, BATCH, 0);
		sent += n > 0 ? n : 0;
	}
	return sent;
}

/* Every packet from another pair of ports. */
static uint64_t spread(uint64_t end)
{
	struct sockaddr_in to = *(struct sockaddr_in *)&o.address;
	uint64_t sent = 0, i;
	int fd[SOCKETS];

	for (i = 0; i < SOCKETS; i++)
		fd[i] = socket_in(o.from, o.family, SOCK_DGRAM);
	for (i = 0; !stop_requested && i < (uint64_t)SOCKETS * PORTS; i++) {
		if (i % BATCH == 0 && now_ns() >= end)
			break;
		to.sin_port = htons((uint16_t)(PORT_MIN + i / SOCKETS));
		sent += sendto(fd[i % SOCKETS], payload, o.length, 0, (struct sockaddr *)&to,
			       sizeof(to)) == (ssize_t)o.length;
	}
	return sent;
}

int main(int argc, char **argv)
{
	int receiver = -1, size = 16 * 1024 * 1024;
	struct timeval wait = {0, 50000};
	uint64_t start, before, sent, ns;
	pthread_t thread;

	parse_options(argc, argv, &o);
	if (o.family != AF_INET || !o.from || !o.to || o.seconds <= 0)
		die("IPv4, --from, --to and --seconds are needed");
	if (!o.spread) {
		receiver = socket_in(o.to, o.listen_family, SOCK_DGRAM);
		setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (bind(receiver, (struct sockaddr *)&o.listen, o.listen_len) ||
		    pthread_create(&thread, NULL, drain, &receiver))
			die("receiver");
	}
	before = arrived(o.to);
	start = now_ns();
	if (o.spread)
		sent = spread(start + (uint64_t)(o.seconds * 1e9));
	else
		sent = blast(socket_in(o.from, o.family, SOCK_DGRAM),
			     start + (uint64_t)(o.seconds * 1e9));
	ns = now_ns() - start;
	usleep(SETTLE_US);
	stop_requested = true;
	if (!o.spread)
		pthread_join(thread, NULL);
	before = arrived(o.to) - before;
	printf("{\"sent\":%llu,\"received\":%llu,\"seconds\":%.3f,\"rate\":%.1f}\n",
	       (unsigned long long)sent, (unsigned long long)before, (double)ns / 1e9,
	       (double)before * 1e9 / (double)ns);
	return 0;
}
