/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_H
#define SERVER_H

#include <bpf/libbpf.h>
#include <stdint.h>

/* wire.c: the question that is answered, and its answer. The process ends on errors. */

void die(const char *what);

uint32_t number(void);
/* Within the question. */
const void *data(uint32_t *length);
/* To be freed. */
char *text(void);
/* All of the question. */
const void *question(uint32_t *length);

/* Room for so many bytes more, at the answer's end. */
void *put_room(uint32_t length);
void put(const void *bytes, uint32_t length);
void put_number(uint32_t value);
void put_data(const void *bytes, uint32_t length);
void put_text(const char *value);
/* A number that is known only when what it counts has been put: where it is, and its value. */
uint32_t put_later(void);
void set_number(uint32_t at, uint32_t value);
uint32_t put_length(void);

/* @returns what is asked */
uint32_t receive(int port);
void answer(int port, int status);

/* objects.c: each answers a question. */

int load(void);
int close_object(void);
/* Nothing is in use: who used it is gone. */
void close_all(void);
/* Removes everything from a hash or trie. */
void empty_hash(int fd, uint32_t key_size);
/* The descriptor of a map or program that load() told. */
int fd_of(uint32_t handle);

#endif
