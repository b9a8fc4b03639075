// SPDX-License-Identifier: Apache-2.0
#include "server.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD 8

struct buffer {
	uint8_t *bytes;
	uint32_t length, room;
};

static struct buffer in, out;
/* What has been read of the question. */
static uint32_t taken;

void die(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_room(struct buffer *buffer, uint32_t length)
{
	if (length <= buffer->room)
		return;
	buffer->room = 2 * length;
	buffer->bytes = realloc(buffer->bytes, buffer->room);
	if (!buffer->bytes)
		die("memory");
}

static const void *take(uint32_t length)
{
	const void *start = in.bytes + taken;

	if (length > in.length - taken) {
		errno = EPROTO;
		die("question");
	}
	taken += length;
	return start;
}

uint32_t number(void)
{
	uint32_t value;

	memcpy(&value, take(sizeof(value)), sizeof(value));
	return value;
}

const void *data(uint32_t *length)
{
	*length = number();
	return take(*length);
}

char *text(void)
{
	uint32_t length;
	const char *start = data(&length);
	char *copy = strndup(start, length);

	if (!copy)
		die("memory");
	return copy;
}

const void *question(uint32_t *length)
{
	*length = in.length;
	return in.bytes;
}

void *put_room(uint32_t length)
{
	make_room(&out, out.length + length);
	return out.bytes + out.length;
}

void put(const void *bytes, uint32_t length)
{
	memcpy(put_room(length), bytes, length);
	out.length += length;
}

void put_number(uint32_t value)
{
	put(&value, sizeof(value));
}

void put_data(const void *bytes, uint32_t length)
{
	put_number(length);
	put(bytes, length);
}

void put_text(const char *value)
{
	put_data(value, strlen(value));
}

uint32_t put_later(void)
{
	put_number(0);
	return out.length - sizeof(uint32_t);
}

void set_number(uint32_t at, uint32_t value)
{
	memcpy(out.bytes + at, &value, sizeof(value));
}

uint32_t put_length(void)
{
	return out.length;
}

static void read_some(int port, uint32_t length)
{
	make_room(&in, in.length + length);
	while (length > 0) {
		ssize_t more = read(port, in.bytes + in.length, length);

		if (more <= 0)
			die("port");
		in.length += more;
		length -= more;
	}
}

uint32_t receive(int port)
{
	uint32_t length;

	in.length = taken = 0;
	read_some(port, HEAD);
	length = number();
	if (length < HEAD) {
		errno = EPROTO;
		die("question");
	}
	read_some(port, length - HEAD);
	out.length = 0;
	put_number(0);
	put_number(0);
	return number();
}

void answer(int port, int status)
{
	set_number(0, out.length);
	set_number(4, status);
	for (uint32_t at = 0; at < out.length;) {
		ssize_t some = write(port, out.bytes + at, out.length - at);

		if (some <= 0)
			die("port");
		at += some;
	}
}
