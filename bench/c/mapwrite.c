// SPDX-License-Identifier: Apache-2.0
/*
 * The yardstick for filling maps: creates maps of the types and sizes given, writes count
 * entries with batch calls, prints how long the calls took. Keys are distinct and spread.
 *
 * usage: mapwrite hash|lpm KEY_BYTES VALUE_BYTES COUNT BATCH
 * output: {"type":"hash","count":100000,"ns":23456789}
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	LIBBPF_OPTS(bpf_map_batch_opts, batch_opts);
	unsigned int key, value, count, batch, i, done;
	unsigned long long start, ns;
	unsigned char *keys, *values;
	int lpm, fd;

	if (argc != 6) {
		fprintf(stderr, "usage: mapwrite hash|lpm KEY_BYTES VALUE_BYTES COUNT BATCH\n");
		return 2;
	}
	lpm = strcmp(argv[1], "lpm") == 0;
	key = atoi(argv[2]);
	value = atoi(argv[3]);
	count = atoi(argv[4]);
	batch = atoi(argv[5]);
	if (key < 16 || !value || !count || !batch) {
		fprintf(stderr, "mapwrite: keys of 16 bytes or more, and nothing may be zero\n");
		return 2;
	}
	fd = bpf_map_create(lpm ? BPF_MAP_TYPE_LPM_TRIE : BPF_MAP_TYPE_HASH, "mapwrite", key, value,
			    count * 2, &opts);
	if (fd < 0) {
		fprintf(stderr, "mapwrite: bpf_map_create: %s\n", strerror(errno));
		return 1;
	}
	keys = calloc(count, key);
	values = calloc(count, value);
	if (!keys || !values)
		return 1;
	memset(values, 1, (size_t)count * value); /* page faults are not what is measured */
	for (i = 0; i < count; i++) {
		unsigned char *k = keys + (size_t)i * key;
		unsigned int n = __builtin_bswap32(i << 8 | 0x0a000000);

		if (lpm) {
			*(unsigned int *)k = 32 + 96 + 24;
			k += 8;
		} else {
			k += 4;
			n = __builtin_bswap32(i + 0x0a000000);
		}
		k[10] = 0xff;
		k[11] = 0xff;
		memcpy(k + 12, &n, 4);
	}
	start = now_ns();
	for (done = 0; done < count;) {
		unsigned int n = count - done < batch ? count - done : batch;

		if (bpf_map_update_batch(fd, keys + (size_t)done * key,
					 values + (size_t)done * value, &n, &batch_opts)) {
			fprintf(stderr, "mapwrite: bpf_map_update_batch: %s\n", strerror(errno));
			return 1;
		}
		done += n;
	}
	ns = now_ns() - start;
	printf("{\"type\":\"%s\",\"count\":%u,\"ns\":%llu}\n", argv[1], count, ns);
	return 0;
}
