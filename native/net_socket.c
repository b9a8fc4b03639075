// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets in another network namespace. A socket belongs to the namespace its thread was in when
 * it was made, and stays there. setns() is per thread, so a thread of its own enters the
 * namespace, makes the socket and ends: the caller never leaves its own namespace, and there is
 * no way back that could fail.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

struct request {
	int netns; /* descriptor of the namespace */
	int domain;
	int type;
	int protocol;
	int result; /* socket, or -errno */
};

static void *make_socket(void *arg)
{
	struct request *req = arg;
	int fd;

	if (setns(req->netns, CLONE_NEWNET)) {
		req->result = -errno;
		return NULL;
	}
	fd = socket(req->domain, req->type | SOCK_CLOEXEC, req->protocol);
	req->result = fd < 0 ? -errno : fd;
	return NULL;
}

/* Makes a socket in the namespace netns refers to. Returns the socket, or -errno. */
int transit_net_socket(int netns, int domain, int type, int protocol)
{
	struct request req = {.netns = netns, .domain = domain, .type = type, .protocol = protocol};
	sigset_t all, before;
	pthread_t thread;
	int err;

	/* The thread inherits the mask: signals stay with those who expect them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, NULL, make_socket, &req);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return req.result;
}
