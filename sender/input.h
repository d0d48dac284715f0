/* input.h - a pipe of unknown length, read ahead in parts by a thread of its own. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_INPUT_H
#define SENDER_INPUT_H

#include <stdbool.h>

#include "common/digest.h"
#include "common/loop.h"

struct input_part {
	const uint8_t *data;
	size_t len;
	uint64_t offset; /* of the first byte */
	uint8_t digest[SHA256_LEN];
	bool last; /* the input ends here; only such a part may be empty */
};

struct input;

/*
 * Parts of `part_len` bytes; two of them are kept at most, so the input waits while one is in
 * use and the other is full. The descriptor is borrowed. -ENOMEM, -EMFILE.
 */
int input_new(struct input **ret, int fd, size_t part_len);
/* Begins to read; `loop` is woken when there is something to take. -EAGAIN. */
int input_start(struct input *in, struct loop *loop);
/* Reads no more, and wakes nobody. NULL is fine, as is one that did not start. */
void input_stop(struct input *in);
void input_free(struct input *in); /* NULL is fine */

/*
 * 1 and the next part, borrowed until the next call that returns 1; 0: not yet; -errno: the
 * input could not be read, behind the parts that were taken. Whoever was told 0 gets what there
 * is when it is a second old, else parts are full but for the last one.
 */
int input_take(struct input *in, struct input_part *ret);

#endif
