// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's end of test/support/kernel/remote.ts: does on this kernel what a test on the host
 * asks for, one question at a time, and answers. A question is its length, its number and its
 * arguments; an answer its length, a status and results. All numbers are little-endian of 32
 * bits, bytes have their length before them. Ends when asked to, or when the port does.
 *
 * usage: kernel-server PORT     e.g. /dev/vport0p1
 *        kernel-server IN OUT   two FIFOs
 */
#include "server.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	HELLO = 1,
	NOW,
	COMMAND,
	LOAD,
	CLOSE,
	LOOKUP,
	UPDATE,
	DELETE,
	KEYS,
	DRAIN,
	RUN,
	INFO,
	QUIT,
	UPDATE_MANY,
	CLEAR,
	LOOKUP_MANY
};

/* The longest frame there is, and what a program may put in front of it. */
#define MAX_OUTPUT (65535 + 14 + 70)
#define MAX_WORDS 64
#define PAGE 4096

/* Another test begins. */
static int hello(void)
{
	struct utsname name;

	close_all();
	uname(&name);
	put_text(name.release);
	put_number(libbpf_num_possible_cpus());
	return 0;
}

static int now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	uint64_t ns = time.tv_sec * 1000000000ull + time.tv_nsec;

	put(&ns, sizeof(ns));
	return 0;
}

static int command(void)
{
	char *words[MAX_WORDS + 1] = {};
	uint32_t count = number(), at = put_later(), start = put_length();
	int ends[2], status = 0;
	char some[4096];
	ssize_t length;

	if (count == 0 || count > MAX_WORDS || pipe2(ends, O_CLOEXEC))
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++)
		words[i] = text();
	pid_t child = fork();

	if (child == 0) {
		dup2(ends[1], 1);
		execvp(words[0], words);
		_exit(127);
	}
	close(ends[1]);
	while ((length = read(ends[0], some, sizeof(some))) > 0)
		put(some, length);
	close(ends[0]);
	set_number(at, put_length() - start);
	waitpid(child, &status, 0);
	for (uint32_t i = 0; i < count; i++)
		free(words[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static int lookup(void)
{
	int fd = fd_of(number());
	uint32_t length;
	const void *key = data(&length);
	uint32_t size = number();
	void *value = malloc(size);

	if (!value)
		die("memory");
	int err = bpf_map_lookup_elem(fd, key, value);

	if (!err)
		put_data(value, size);
	free(value);
	return err;
}

/* As many lookups at once: a status of each, and the value when there is one. */
static int lookup_many(void)
{
	for (uint32_t count = number(); count > 0; count--) {
		uint32_t at = put_later();
		int err = lookup();

		set_number(at, err);
	}
	return 0;
}

static int update(void)
{
	int fd = fd_of(number());
	uint32_t length;
	const void *key = data(&length), *value = data(&length);

	return bpf_map_update_elem(fd, key, value, BPF_ANY);
}

static int update_many(void)
{
	int fd = fd_of(number());
	uint32_t length;
	const void *keys = data(&length), *values = data(&length);
	uint32_t count = number();

	return bpf_map_update_batch(fd, keys, values, &count, NULL);
}

static int clear(void)
{
	int fd = fd_of(number());

	empty_hash(fd, number());
	return 0;
}

static int remove_one(void)
{
	int fd = fd_of(number());
	uint32_t length;

	return bpf_map_delete_elem(fd, data(&length));
}

static int keys(void)
{
	int fd = fd_of(number());
	uint32_t size = number(), at = put_later(), start = put_length();
	uint8_t last[256], next[256];

	if (size > sizeof(next))
		return -EINVAL;
	for (void *from = NULL; !bpf_map_get_next_key(fd, from, next); from = last) {
		put(next, size);
		memcpy(last, next, size);
	}
	set_number(at, put_length() - start);
	return 0;
}

/* See linux/bpf.h, and kernel/bpf/ringbuf.c for the layout. */
static int drain(void)
{
	int fd = fd_of(number());
	uint32_t size = number(), count = 0, at = put_later();
	uint64_t *consumer = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* the data is there twice, so that no record is in two pieces */
	size_t length = PAGE + 2 * (size_t)size;
	uint8_t *rest = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, PAGE);

	if (consumer == MAP_FAILED || rest == MAP_FAILED)
		return -errno;
	uint64_t end = __atomic_load_n((uint64_t *)rest, __ATOMIC_ACQUIRE), position = *consumer;

	while (position < end) {
		uint8_t *record = rest + PAGE + (position & (size - 1));
		uint32_t header = __atomic_load_n((uint32_t *)record, __ATOMIC_ACQUIRE);
		uint32_t bytes = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			put_data(record + BPF_RINGBUF_HDR_SZ, bytes);
			count++;
		}
		position += (bytes + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
	}
	__atomic_store_n(consumer, position, __ATOMIC_RELEASE);
	set_number(at, count);
	munmap(consumer, PAGE);
	munmap(rest, length);
	return 0;
}

static int run(void)
{
	static uint8_t output[MAX_OUTPUT], context_bytes[256];
	int fd = fd_of(number());
	uint32_t frame_length, context_length;
	const void *frame = data(&frame_length), *context = data(&context_length);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = frame_length,
		    .data_out = output, .data_size_out = sizeof(output), .repeat = number());

	if (context_length > sizeof(context_bytes))
		return -EINVAL;
	if (context_length > 0) {
		memcpy(context_bytes, context, context_length);
		options.ctx_in = context_bytes;
		options.ctx_size_in = context_length;
	}
	int err = bpf_prog_test_run_opts(fd, &options);

	put_number(options.retval);
	put_number(options.duration);
	put_data(output, err ? 0 : options.data_size_out);
	return err;
}

static int info(void)
{
	struct bpf_prog_info said = {};
	uint32_t length = sizeof(said);
	int err = bpf_obj_get_info_by_fd(fd_of(number()), &said, &length);

	put_number(said.verified_insns);
	return err;
}

static int quit(void)
{
	return 0;
}

static int (*const answers[])(void) = {
	[HELLO] = hello,
	[NOW] = now,
	[COMMAND] = command,
	[LOAD] = load,
	[CLOSE] = close_object,
	[LOOKUP] = lookup,
	[UPDATE] = update,
	[DELETE] = remove_one,
	[KEYS] = keys,
	[DRAIN] = drain,
	[RUN] = run,
	[INFO] = info,
	[QUIT] = quit,
	[UPDATE_MANY] = update_many,
	[CLEAR] = clear,
	[LOOKUP_MANY] = lookup_many,
};

int main(int argc, char **argv)
{
	int flags = O_RDWR | O_CLOEXEC;
	int from = argc > 1 ? open(argv[1], flags) : -1;
	int to = argc > 2 ? open(argv[2], flags) : from;
	struct rlimit files;
	uint32_t what;

	if (from < 0 || to < 0)
		die("cannot open the port");
	/* each object has a hundred, and some are kept */
	if (getrlimit(RLIMIT_NOFILE, &files))
		die("getrlimit");
	if (files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	do {
		what = receive(from);
		if (what == 0 || what >= sizeof(answers) / sizeof(*answers)) {
			errno = EPROTO;
			die("question");
		}
		answer(to, answers[what]());
	} while (what != QUIT);
	return 0;
}
