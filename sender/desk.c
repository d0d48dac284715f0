/* desk.c - where the user's orders come in: the control socket, and keys on the terminal. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/desk.h"

#include <string.h>

#include "common/log.h"

static bool wants_keys(const struct conf *c)
{
	return !c->quiet && keys_possible();
}

unsigned desk_signals(const struct conf *conf, const int **ret)
{
	*ret = keys_signals;
	return wants_keys(conf) ? keys_n_signals : 0;
}

int desk_open(struct desk *d, const struct conf *conf, struct loop *loop, uint32_t first_tag)
{
	int r = 0;

	if (conf->control)
		r = control_new(&d->control, conf->control, loop, first_tag);
	if (r < 0 || !wants_keys(conf))
		return r;
	r = keys_new(&d->keys, loop, first_tag + CONTROL_TAGS);
	if (r < 0)
		return log_err(r, "read the terminal");
	log_info("keys: s start now, d drop a receiver, p pause, q finish early");
	return 0;
}

void desk_close(struct desk *d)
{
	control_free(d->control);
	keys_free(d->keys);
	*d = (struct desk){ 0 };
}

void desk_event(struct desk *d, const struct loop_event *ev)
{
	control_event(d->control, ev);
	keys_event(d->keys, ev);
}

bool desk_signal(struct desk *d, int signo)
{
	return d->keys && keys_signal(d->keys, signo);
}

static void obey(struct orders *o, nsec_t now, const char *line, size_t len,
		 struct json *answer)
{
	struct command cmd;
	const char *error;

	if (command_parse(&cmd, line, len, &error) < 0)
		orders_refuse(o, answer, error);
	else
		orders_obey(o, now, &cmd, answer);
}

void desk_serve(struct desk *d, nsec_t now)
{
	struct json answer;
	const char *line, *text;
	size_t len;

	while (control_line(d->control, &line, &len)) {
		obey(&d->orders, now, line, len, &answer);
		if (json_end(&answer, &text, &len) == 0)
			control_answer(d->control, text, len);
	}
	while (keys_line(d->keys, d->orders.paused, &line, &len)) {
		obey(&d->orders, now, line, len, &answer);
		if (d->orders.error)
			log_warn(0, "%.*s: %s", (int)len, line, d->orders.error);
		else
			log_info("%.*s: done", (int)len, line);
	}
}
