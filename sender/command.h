/* command.h - one line of the control socket. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_COMMAND_H
#define SENDER_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define COMMAND_LINE_MAX 1024 /* bytes, without the end of the line */

enum command_verb {
	COMMAND_START, /* begin with those that are there */
	COMMAND_DROP,  /* a receiver */
	COMMAND_WAIT,  /* longer, or not so long, before the start */
	COMMAND_PAUSE,
	COMMAND_RESUME,
	COMMAND_STATUS,
	COMMAND_QUIT, /* say good-bye now */
};

struct command {
	enum command_verb verb;
	const char *who; /* DROP: a host name, node or address; borrowed from the line */
	size_t who_len;
	int64_t more; /* WAIT: ns, also < 0 */
};

/*
 * Reads "start", "drop NAME", "wait +60", "wait -5", "pause", "resume", "status", "quit",
 * between blanks. -EINVAL: `*ret_error` says what is wrong, a constant.
 */
int command_parse(struct command *ret, const char *line, size_t len, const char **ret_error);

const char *command_name(enum command_verb verb);

#endif
