/* control.h - a Unix socket that takes commands, a line each, and answers them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_CONTROL_H
#define SENDER_CONTROL_H

#include <stdbool.h>

#include "common/loop.h"
#include "sender/command.h"

#define CONTROL_CLIENTS 16
#define CONTROL_TAGS    (1 + CONTROL_CLIENTS) /* of the loop, from the first on */

struct control;

/*
 * Listens at `path`, for this user alone. What is left there of a process that is gone is
 * replaced; anything else is not. 0, or -errno, which was logged.
 */
int control_new(struct control **ret, const char *path, struct loop *loop, uint32_t first_tag);
/* Answers that can leave at once still do; removes the socket. */
void control_free(struct control *c);

/* Something is ready; tags of others are none of its business. */
void control_event(struct control *c, const struct loop_event *ev);

/*
 * The next line that came, without its end; borrowed until the next call of anything here but
 * control_answer(). False: there is none.
 */
bool control_line(struct control *c, const char **ret, size_t *ret_len);
/* To whoever sent that line; one that does not read its answers is let go. */
void control_answer(struct control *c, const char *text, size_t len);

#endif
