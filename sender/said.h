/* said.h - where goes what sow says of a transfer: standard output, the log, the report file.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SAID_H
#define SENDER_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "common/json.h"

struct said {
	bool json, quiet;
	bool terminal;    /* standard output is one */
	bool hidden;      /* lines are for the log: a table says the same */
	const char *path; /* of the report file; NULL: none */
	char *kept;       /* what it will hold */
	size_t len, cap;
	int error; /* something is lost that was to be written */
};

void said_init(struct said *s, bool json, bool quiet, const char *path);

/* Whether anybody wants events. */
bool said_wants_json(const struct said *s);
/* An event, to standard output if --json is given; `keep`: also to the report file. */
void said_event(struct said *s, struct json *j, bool keep);

/* A line for people, and for the log; with --quiet only if something went wrong. */
void said_line(struct said *s, bool wrong, const char *line);

/* Writes the report file, and what waits for standard output. 0, or -errno of the first thing
 * that could not be written, which was logged. */
int said_end(struct said *s);

#endif
