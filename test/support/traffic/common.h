/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the traffic tools share. Each tool is both ends of its traffic in one process: a socket
 * stays in the network namespace it was made in, so one end is opened in the namespace --from
 * and the other in --to. Accounting is then exact, without a control channel through the network
 * under test, and no server is left behind when a test dies.
 */
#ifndef TRAFFIC_COMMON_H
#define TRAFFIC_COMMON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct options {
	const char *from; /* namespace name or path of the sending end; NULL: the caller's */
	const char *to; /* of the receiving end */
	int family; /* AF_INET or AF_INET6, by the address */
	struct sockaddr_storage address; /* of the receiving end, with the port */
	socklen_t address_len;
	/* where the receiving end listens, if what is sent to is translated; else as address */
	int listen_family;
	struct sockaddr_storage listen;
	socklen_t listen_len;
	double seconds; /* 0: until SIGINT or SIGTERM */
	double rate; /* packets, connections or requests a second; 0: as fast as possible */
	uint32_t length; /* payload bytes, 18 or more */
	uint64_t timeout_ns; /* how long to wait for what may still come */
	bool tcp; /* pingpong: TCP instead of UDP */
	bool spread; /* udpblast: every packet is a new flow */
	uint32_t segment; /* udpshape: payload bytes of a segment; 0: not segmented */
	bool no_checksum; /* udpshape: an IPv4 checksum of zero */
};

/* Set by SIGINT, SIGTERM and the end of the duration. */
extern volatile bool stop_requested;

/* Parses the command line, exits with usage (2) when it is wrong; installs the signal handlers. */
void parse_options(int argc, char **argv, struct options *o);

/* A socket made inside a namespace; exits with a message when that fails. */
int socket_in(const char *netns, int family, int type);

/* Prints "tool: message: errno" and exits 1. */
void die(const char *message) __attribute__((noreturn));

uint64_t now_ns(void);
void sleep_until(uint64_t at_ns);

/* Latencies, kept whole: a run is at most some millions. */
struct samples {
	uint64_t *values;
	size_t count, room;
};
void samples_add(struct samples *s, uint64_t value);
/* In microseconds, 0 <= fraction <= 1. Sorts. 0 without samples. */
double samples_us(struct samples *s, double fraction);

#endif
