// SPDX-License-Identifier: Apache-2.0
/* Command line, namespaces, time and percentiles for the traffic tools. */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

volatile bool stop_requested;

void die(const char *message)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, message, strerror(errno));
	exit(1);
}

static void on_signal(int number)
{
	(void)number;
	stop_requested = true;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: %s [-4|-6] --from NETNS --to NETNS --address ADDRESS [--port N]\n"
		"       [--seconds S] [--rate N/s] [--length BYTES] [--timeout-ms MS] [--tcp]\n"
		"       [--listen ADDRESS] [--listen-port N] [--segment BYTES] [--no-checksum]\n"
		"ADDRESS is what is sent to; the receiving end listens there, or at --listen when "
		"it\n"
		"is translated. Without --seconds: until SIGINT or SIGTERM.\n"
		"The result is one line of JSON on standard output.\n",
		program_invocation_short_name);
	exit(2);
}

static double number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || value < min || value > max)
		usage();
	return value;
}

/* The family, or AF_UNSPEC when it is no address. */
static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out,
			 socklen_t *len)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof(*v6);
	}
	return out->ss_family;
}

static void set_addresses(struct options *o, const char *address, uint16_t port, const char *listen,
			  uint16_t listen_port)
{
	int wanted = o->family;

	o->family = parse_address(address, port, &o->address, &o->address_len);
	o->listen_family =
		parse_address(listen ? listen : address, listen_port ? listen_port : port,
			      &o->listen, &o->listen_len);
	if (o->family == AF_UNSPEC || o->listen_family == AF_UNSPEC ||
	    (wanted != AF_UNSPEC && wanted != o->family))
		usage();
}

void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"from", 1, 0, 'f'},	{"to", 1, 0, 't'},	    {"address", 1, 0, 'a'},
		{"port", 1, 0, 'p'},	{"seconds", 1, 0, 's'},	    {"rate", 1, 0, 'r'},
		{"length", 1, 0, 'l'},	{"timeout-ms", 1, 0, 'w'},  {"tcp", 0, 0, 'T'},
		{"spread", 0, 0, 'S'},	{"listen", 1, 0, 'L'},	    {"listen-port", 1, 0, 'P'},
		{"segment", 1, 0, 'g'}, {"no-checksum", 0, 0, 'n'}, {NULL, 0, 0, 0},
	};
	struct sigaction action = {.sa_handler = on_signal};
	const char *address = NULL, *listen = NULL;
	uint16_t port = 7777, listen_port = 0;
	int c;

	memset(o, 0, sizeof(*o));
	o->family = AF_UNSPEC;
	o->rate = 1000;
	o->length = 64;
	o->timeout_ns = 3000ull * 1000000;
	while ((c = getopt_long(argc, argv, "46f:t:a:p:s:r:l:w:TSL:P:g:n", longs, NULL)) != -1) {
		switch (c) {
		case '4':
			o->family = AF_INET;
			break;
		case '6':
			o->family = AF_INET6;
			break;
		case 'f':
			o->from = optarg;
			break;
		case 't':
			o->to = optarg;
			break;
		case 'a':
			address = optarg;
			break;
		case 'p':
			port = (uint16_t)number(optarg, 1, 65535);
			break;
		case 's':
			o->seconds = number(optarg, 0, 1e6);
			break;
		case 'r':
			o->rate = number(optarg, 0, 1e7);
			break;
		case 'l':
			o->length = (uint32_t)number(optarg, 18, 65000);
			break;
		case 'w':
			o->timeout_ns = (uint64_t)(number(optarg, 1, 1e6) * 1e6);
			break;
		case 'L':
			listen = optarg;
			break;
		case 'P':
			listen_port = (uint16_t)number(optarg, 1, 65535);
			break;
		case 'g':
			o->segment = (uint32_t)number(optarg, 18, 65000);
			break;
		case 'n':
			o->no_checksum = true;
			break;
		case 'T':
			o->tcp = true;
			break;
		case 'S':
			o->spread = true;
			break;
		default:
			usage();
		}
	}
	if (!address || optind != argc)
		usage();
	set_addresses(o, address, port, listen, listen_port);
	/* no SA_RESTART: a blocked call has to notice */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* no traffic outlives who asked for it: its sockets would keep the namespaces */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

int socket_in(const char *netns, int family, int type)
{
	char path[256];
	int home = -1, there, fd;

	if (netns) {
		snprintf(path, sizeof(path), strchr(netns, '/') ? "%s" : "/run/netns/%s", netns);
		home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		there = open(path, O_RDONLY | O_CLOEXEC);
		if (home < 0 || there < 0 || setns(there, CLONE_NEWNET))
			die(path);
		close(there);
	}
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (netns) {
		if (setns(home, CLONE_NEWNET))
			die("setns back");
		close(home);
	}
	return fd;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void sleep_until(uint64_t at_ns)
{
	struct timespec t = {(time_t)(at_ns / 1000000000ull), (long)(at_ns % 1000000000ull)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

void samples_add(struct samples *s, uint64_t value)
{
	if (s->count == s->room) {
		s->room = s->room ? s->room * 2 : 4096;
		s->values = realloc(s->values, s->room * sizeof(*s->values));
		if (!s->values)
			die("realloc");
	}
	s->values[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

double samples_us(struct samples *s, double fraction)
{
	if (!s->count)
		return 0;
	qsort(s->values, s->count, sizeof(*s->values), by_value);
	return (double)s->values[(size_t)(fraction * (double)(s->count - 1))] / 1000.0;
}
