/* command.c - one line of the control socket. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/command.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SECONDS_MAX 1000000 /* 11 days */
#define N_VERBS     (COMMAND_QUIT + 1)

static const char *const names[N_VERBS] = {
	[COMMAND_START] = "start", [COMMAND_DROP] = "drop",     [COMMAND_WAIT] = "wait",
	[COMMAND_PAUSE] = "pause", [COMMAND_RESUME] = "resume", [COMMAND_STATUS] = "status",
	[COMMAND_QUIT] = "quit",
};

struct word {
	const char *p;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the next word off the line; empty at its end. */
static struct word next_word(const char **line, size_t *len)
{
	struct word w;

	for (; *len && is_blank(**line); ++*line, --*len)
		;
	w = (struct word){ *line, 0 };
	for (; *len && !is_blank(**line); ++*line, --*len)
		w.len++;
	return w;
}

static bool is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->p, text, w->len) == 0;
}

/* [+|-]seconds */
static bool read_seconds(struct word w, int64_t *ret)
{
	bool less = w.len && *w.p == '-';
	int64_t s = 0;

	if (w.len && (*w.p == '+' || *w.p == '-'))
		w = (struct word){ w.p + 1, w.len - 1 };
	if (!w.len)
		return false;
	for (size_t i = 0; i < w.len; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return false;
		s = 10 * s + w.p[i] - '0';
		if (s > SECONDS_MAX)
			return false;
	}
	*ret = (less ? -s : s) * 1000000000;
	return true;
}

static const char *read_argument(struct command *c, struct word w)
{
	if (c->verb == COMMAND_DROP) {
		c->who = w.p;
		c->who_len = w.len;
		return w.len && !memchr(w.p, '\0', w.len)
			       ? NULL
			       : "drop whom? give a host name, node or address";
	}
	if (c->verb == COMMAND_WAIT)
		return read_seconds(w, &c->more) ? NULL
						 : "wait how long? give seconds, such as +60";
	return w.len ? "nothing follows this command" : NULL;
}

int command_parse(struct command *ret, const char *line, size_t len, const char **ret_error)
{
	struct word verb = next_word(&line, &len), argument = next_word(&line, &len);
	struct command c = { 0 };
	const char *error;
	unsigned i = 0;

	while (i < N_VERBS && !is(&verb, names[i]))
		i++;
	c.verb = (enum command_verb)i;
	if (i == N_VERBS)
		error = "give start, drop, wait, pause, resume, status or quit";
	else if (next_word(&line, &len).len)
		error = "that is too much for one command";
	else
		error = read_argument(&c, argument);
	if (error) {
		*ret_error = error;
		return -EINVAL;
	}
	*ret = c;
	return 0;
}

const char *command_name(enum command_verb verb)
{
	return names[verb];
}
