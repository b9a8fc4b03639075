// SPDX-License-Identifier: Apache-2.0
/*
 * libbpf's messages. Its callback is variadic and may run on any thread, which a foreign-function
 * interface cannot serve: messages gather in a buffer of the thread, and the caller takes them
 * after the call that made them.
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LOG_BYTES = 32768 };

static __thread char text[LOG_BYTES];
static __thread size_t used;

/* When full, the oldest half goes: the last lines say what failed. */
static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	if (used > LOG_BYTES / 2) {
		memmove(text, text + LOG_BYTES / 2, used - LOG_BYTES / 2);
		used -= LOG_BYTES / 2;
	}
	n = vsnprintf(text + used, LOG_BYTES - used, format, args);
	if (n > 0)
		used += (size_t)n < LOG_BYTES - used ? (size_t)n : LOG_BYTES - used - 1;
	return 0;
}

void transit_bpf_log_start(void)
{
	libbpf_set_print(keep);
}

/* Moves this thread's messages to out. Returns their bytes. */
int transit_bpf_log_take(char *out, unsigned int size)
{
	size_t n = used < size ? used : size;

	memcpy(out, text + used - n, n);
	used = 0;
	return (int)n;
}
