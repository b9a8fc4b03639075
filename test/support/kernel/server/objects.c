// SPDX-License-Identifier: Apache-2.0
/*
 * Objects that are loaded. The verifier takes seconds under emulation, so what a test closes is
 * emptied and kept for the next one that asks for the same: the same file with the same settings
 * and the same maps of others.
 */
#include "server.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_OBJECTS 64
/* Kept without use: those of some rigs. Their tables take most of the guest's memory. */
#define MAX_IDLE 14
#define MAX_HANDLES (1 << 20)
/* Arrays from this size on are emptied through memory. */
#define LARGE (64 * 1024)

struct loaded {
	struct bpf_object *object;
	/* What it was asked for with. */
	void *question;
	uint32_t length;
	/* Handles of its maps and then of its programs follow each other from here on. */
	uint32_t first;
	/* Maps that it has of another object. */
	uint64_t shared[4];
	bool busy;
	uint64_t used;
};

static struct loaded all[MAX_OBJECTS];
/* By handle, which is never given twice. */
static int fds[MAX_HANDLES];
static uint32_t handles;
static uint64_t uses;

static char log_text[65536];
static size_t log_length;

static int hear(enum libbpf_print_level level, const char *format, va_list args)
{
	int length;

	if (level > LIBBPF_WARN)
		return 0;
	length = vsnprintf(log_text + log_length, sizeof(log_text) - log_length, format, args);
	if (length > 0 && log_length + length < sizeof(log_text))
		log_length += length;
	return length;
}

int fd_of(uint32_t handle)
{
	return handle < handles ? fds[handle] : -1;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), more = strlen(end);

	return length >= more && !strcmp(name + length - more, end);
}

static size_t bytes_of(const struct bpf_map *map)
{
	size_t value = (bpf_map__value_size(map) + 7) & ~7u, page = 4096;

	return (value * bpf_map__max_entries(map) + page - 1) & ~(page - 1);
}

static bool is_large_array(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_ARRAY && bytes_of(map) >= LARGE &&
	       !strchr(bpf_map__name(map), '.');
}

/* Values of .rodata, sizes, and maps that are there: as asked for, before the object is loaded. */
static int prepare(struct loaded *loaded)
{
	struct bpf_object *object = loaded->object;
	struct bpf_map *map;
	size_t size = 0;
	char *initial = NULL;

	bpf_object__for_each_map(map, object)
	{
		if (ends_with(bpf_map__name(map), ".rodata"))
			initial = (char *)bpf_map__initial_value(map, &size);
	}
	for (uint32_t left = number(); left > 0; left--) {
		uint32_t offset = number(), bytes = number(), value = number();

		if (bytes > sizeof(value) || offset + bytes > size)
			return -EINVAL;
		memcpy(initial + offset, &value, bytes);
	}
	for (uint32_t left = number(); left > 0; left--) {
		char *name = text();
		uint32_t entries = number();

		map = bpf_object__find_map_by_name(object, name);
		if (map)
			bpf_map__set_max_entries(map, entries);
		free(name);
	}
	bpf_object__for_each_map(map, object)
	{
		if (is_large_array(map))
			bpf_map__set_map_flags(map, bpf_map__map_flags(map) | BPF_F_MMAPABLE);
	}
	for (uint32_t left = number(); left > 0; left--) {
		char *name = text();
		int fd = fd_of(number()), err = 0, i = 0;

		bpf_object__for_each_map(map, object)
		{
			if (!strcmp(bpf_map__name(map), name)) {
				err = bpf_map__reuse_fd(map, fd);
				loaded->shared[i / 64] |= 1ull << i % 64;
			}
			i++;
		}
		free(name);
		if (err)
			return err;
	}
	return 0;
}

static int give_handle(int fd)
{
	if (handles == MAX_HANDLES)
		die("handles");
	fds[handles++] = fd;
	return 0;
}

static void describe(const struct loaded *loaded)
{
	uint32_t handle = loaded->first, at = put_later(), count = 0;
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_map(map, loaded->object)
	{
		put_text(bpf_map__name(map));
		put_number(handle++);
		put_number(bpf_map__type(map));
		put_number(bpf_map__key_size(map));
		put_number(bpf_map__value_size(map));
		put_number(bpf_map__max_entries(map));
		count++;
	}
	set_number(at, count);
	at = put_later();
	count = 0;
	bpf_object__for_each_program(program, loaded->object)
	{
		put_text(bpf_program__name(program));
		put_number(handle++);
		count++;
	}
	set_number(at, count);
}

static void forget(struct loaded *loaded)
{
	bpf_object__close(loaded->object);
	free(loaded->question);
	memset(loaded, 0, sizeof(*loaded));
}

/* The one that has been idle for longest. @returns whether there was one */
static bool forget_one(void)
{
	struct loaded *oldest = NULL;

	for (int i = 0; i < MAX_OBJECTS; i++) {
		struct loaded *one = &all[i];

		if (one->object && !one->busy && (!oldest || one->used < oldest->used))
			oldest = one;
	}
	if (oldest)
		forget(oldest);
	return oldest;
}

static int idle(void)
{
	int count = 0;

	for (int i = 0; i < MAX_OBJECTS; i++)
		count += all[i].object && !all[i].busy;
	return count;
}

static int load_anew(struct loaded *loaded)
{
	struct bpf_program *program;
	struct bpf_map *map;
	char *path = text();
	int err;

	log_length = 0;
	libbpf_set_print(hear);
	loaded->object = bpf_object__open(path);
	free(path);
	if (!loaded->object)
		return -errno;
	err = prepare(loaded) ?: bpf_object__load(loaded->object);
	if (err)
		return err;
	loaded->first = handles;
	bpf_object__for_each_map(map, loaded->object) give_handle(bpf_map__fd(map));
	bpf_object__for_each_program(program, loaded->object) give_handle(bpf_program__fd(program));
	return 0;
}

int load(void)
{
	struct loaded *found = NULL, *empty = NULL;
	uint32_t length;
	const void *asked = question(&length);

	for (int i = 0; i < MAX_OBJECTS; i++) {
		struct loaded *one = &all[i];

		if (!one->object)
			empty = one;
		else if (!one->busy && one->length == length &&
			 !memcmp(one->question, asked, length))
			found = one;
	}
	if (!found) {
		if (!empty)
			return -ENOSPC;
		int err = load_anew(empty);

		if (err) {
			put_data(log_text, log_length);
			forget(empty);
			return err;
		}
		found = empty;
		found->question = malloc(length);
		if (!found->question)
			die("memory");
		memcpy(found->question, asked, length);
		found->length = length;
	}
	found->busy = true;
	put_number(found - all);
	describe(found);
	return 0;
}

void empty_hash(int fd, uint32_t key_size)
{
	uint8_t key[256];

	if (key_size > sizeof(key))
		die("a key is too long");
	while (!bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			die("cannot empty a map");
}

/* Also stops timers. */
static void zero_each(const struct bpf_map *map)
{
	enum { STEP = 4096 };
	uint32_t keys[STEP], left = bpf_map__max_entries(map), next = 0;
	size_t size = (bpf_map__value_size(map) + 7) & ~7u;
	void *zeros;

	if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY)
		size *= libbpf_num_possible_cpus();
	zeros = calloc(STEP, size);
	if (!zeros)
		die("memory");
	while (left > 0) {
		uint32_t count = left < STEP ? left : STEP;

		for (uint32_t i = 0; i < count; i++)
			keys[i] = next++;
		left -= count;
		if (bpf_map_update_batch(bpf_map__fd(map), keys, zeros, &count, NULL))
			die("cannot empty an array");
	}
	free(zeros);
}

/* Much faster. @returns false when values have locks or timers, which nobody may map */
static bool zero_memory(const struct bpf_map *map)
{
	size_t length = bytes_of(map);
	int fd = bpf_map__fd(map);
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return false;
	memset(memory, 0, length);
	munmap(memory, length);
	return true;
}

static void empty_ring(const struct bpf_map *map)
{
	int fd = bpf_map__fd(map);
	uint64_t *consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t *producer = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);

	if (consumer == MAP_FAILED || producer == MAP_FAILED)
		die("cannot map a ring");
	__atomic_store_n(consumer, __atomic_load_n(producer, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
	munmap(consumer, 4096);
	munmap(producer, 4096);
}

/* As it was when it was made. @returns false when this does not know how */
static bool empty(const struct bpf_map *map)
{
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		empty_hash(bpf_map__fd(map), bpf_map__key_size(map));
		return true;
	case BPF_MAP_TYPE_ARRAY:
		/* Constants, which nobody can write. */
		if (strstr(bpf_map__name(map), ".rodata"))
			return true;
		if (strchr(bpf_map__name(map), '.'))
			return false;
		if (!is_large_array(map) || !zero_memory(map))
			zero_each(map);
		return true;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		zero_each(map);
		return true;
	case BPF_MAP_TYPE_RINGBUF:
		empty_ring(map);
		return true;
	case BPF_MAP_TYPE_PROG_ARRAY:
		return true;
	default:
		return false;
	}
}

static void release(struct loaded *loaded)
{
	bool keep = true;
	struct bpf_map *map;
	int i = 0;

	bpf_object__for_each_map(map, loaded->object)
	{
		if (!(loaded->shared[i / 64] >> i % 64 & 1))
			keep = empty(map) && keep;
		i++;
	}
	loaded->busy = false;
	loaded->used = ++uses;
	if (!keep)
		forget(loaded);
	while (idle() > MAX_IDLE)
		forget_one();
}

int close_object(void)
{
	uint32_t which = number();

	if (which >= MAX_OBJECTS || !all[which].busy)
		return -EINVAL;
	release(&all[which]);
	return 0;
}

void close_all(void)
{
	for (int i = 0; i < MAX_OBJECTS; i++)
		if (all[i].busy)
			release(&all[i]);
}
