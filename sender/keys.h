/* keys.h - single keys on the terminal, as commands. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_KEYS_H
#define SENDER_KEYS_H

#include <stdbool.h>

#include "common/loop.h"
#include "sender/command.h"

/*
 * s start now, d drop (asks which), p pause and go on, q quit. The terminal is as it was
 * whenever somebody else has it: after keys_free(), while stopped or in the background, and
 * when a signal ends the process. There is one of these in a process at most.
 */
struct keys;

/* Signals to catch beside the usual ones, for keys_signal(). */
extern const int keys_signals[];
extern const unsigned keys_n_signals;

/* Whether there is a terminal to read from. */
bool keys_possible(void);
/* Reads standard input. -ENOMEM, -errno. */
int keys_new(struct keys **ret, struct loop *loop, uint32_t tag);
void keys_free(struct keys *k);

/* What is ready; tags of others are none of its business. */
void keys_event(struct keys *k, const struct loop_event *ev);
/* One of keys_signals: stops the process, or takes the terminal again. False: it is to end. */
bool keys_signal(struct keys *k, int signo);

/* The next command, as a line; borrowed until the next call. `paused`: what p means. */
bool keys_line(struct keys *k, bool paused, const char **ret, size_t *ret_len);
/* A line is being typed: nothing else should be drawn. */
bool keys_asking(const struct keys *k);

#endif
