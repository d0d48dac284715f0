/* orders.c - what the user wants while it runs: start, wait, drop, pause, quit. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/orders.h"

#include <errno.h>

static int fail(struct orders *o, struct json *answer, int r, const char *error)
{
	o->error = error;
	json_bool(answer, "ok", false);
	json_string(answer, "error", error);
	return r;
}

static int done(struct json *answer)
{
	json_bool(answer, "ok", true);
	return 0;
}

int orders_bar(struct orders *o, nsec_t now, uint32_t node_id)
{
	int r = tx_drop(o->tx, now, node_id);

	o->barred += r == 0;
	return r;
}

/* --- each of them --- */

static int start(struct orders *o, struct json *answer)
{
	if (o->started)
		return fail(o, answer, -EALREADY, "it has begun");
	if (!o->gather.n && !o->gather.plain)
		return fail(o, answer, -ENOENT, "nobody is there");
	o->gather.now = true;
	return done(answer);
}

static int wait_longer(struct orders *o, nsec_t now, int64_t more, struct json *answer)
{
	if (o->started)
		return fail(o, answer, -EALREADY, "it has begun");
	gather_wait(&o->gather, more);
	done(answer);
	json_real(answer, "wait_left", (double)MAX(o->gather.wait_at - now, 0) / 1e9);
	return 0;
}

/* The one that is meant; NULL, and *ret_n is how many may be. */
static const struct listener *find(const struct orders *o, const struct command *cmd,
				   unsigned *ret_n)
{
	const struct listener *found = NULL;

	*ret_n = 0;
	for (unsigned i = 0; i < tx_n_receivers(o->tx); i++) {
		struct tx_receiver rc = tx_receiver(o->tx, i);
		const struct listener *li = listeners_find(o->who, rc.node_id);

		if (rc.barred || !li || !listener_is(li, cmd->who, cmd->who_len))
			continue;
		found = li;
		++*ret_n;
	}
	return *ret_n == 1 ? found : NULL;
}

static int drop(struct orders *o, nsec_t now, const struct command *cmd, struct json *answer)
{
	unsigned n;
	const struct listener *li = find(o, cmd, &n);

	if (n > 1) {
		fail(o, answer, -ENOTUNIQ, "several receivers are called so; give the node");
		json_u64(answer, "receivers", n);
		return -ENOTUNIQ;
	}
	if (!li)
		return fail(o, answer, -ENOENT, "no such receiver is there");
	if (orders_bar(o, now, li->node_id) < 0)
		return fail(o, answer, -EALREADY, "it has sent its receipt");
	gather_count(&o->gather, now, tx_n_receivers(o->tx) - o->barred);
	done(answer);
	listener_tell(li, answer);
	return 0;
}

static int set_paused(struct orders *o, nsec_t now, bool pause, struct json *answer)
{
	if (o->paused == pause)
		return fail(o, answer, -EALREADY, pause ? "it is paused" : "it is not paused");
	o->paused = pause;
	tx_pause(o->tx, now, pause);
	return done(answer);
}

static const char *phase_name(enum probe_phase phase)
{
	switch (phase) {
	case PHASE_WAIT:
		return "waiting";
	case PHASE_RUN:
		return "sending";
	case PHASE_CATCHUP:
		return "repairing";
	case PHASE_END:
		break;
	}
	return "ending";
}

static int status(struct orders *o, nsec_t now, struct json *answer)
{
	struct tx_status st = tx_status(o->tx);
	unsigned n[TX_RX_DROPPED + 1] = { 0 }, complete = 0;

	for (unsigned i = 0; i < tx_n_receivers(o->tx); i++) {
		struct tx_receiver rc = tx_receiver(o->tx, i);

		n[rc.state]++;
		complete += rc.state == TX_RX_FINISHED && rc.receipt_status == RECEIPT_COMPLETE;
	}
	done(answer);
	json_string(answer, "phase", phase_name(st.phase));
	json_bool(answer, "paused", o->paused);
	if (!o->started)
		json_real(answer, "wait_left", (double)MAX(o->gather.wait_at - now, 0) / 1e9);
	json_u64(answer, "receivers", tx_n_receivers(o->tx) - n[TX_RX_DROPPED]);
	json_u64(answer, "complete", complete);
	json_u64(answer, "ended_otherwise", n[TX_RX_FINISHED] - complete);
	json_u64(answer, "behind", n[TX_RX_BEHIND]);
	json_u64(answer, "dropped", n[TX_RX_DROPPED]);
	json_u64(answer, "absent", o->gather.absent);
	json_u64(answer, "sent", st.sent);
	json_u64(answer, "bytes", st.total);
	json_u64(answer, "rate_bps", st.rate * 8);
	return 0;
}

int orders_obey(struct orders *o, nsec_t now, const struct command *cmd, struct json *answer)
{
	o->error = NULL;
	json_begin(answer, "answer");
	json_string(answer, "command", command_name(cmd->verb));
	switch (cmd->verb) {
	case COMMAND_START:
		return start(o, answer);
	case COMMAND_DROP:
		return drop(o, now, cmd, answer);
	case COMMAND_WAIT:
		return wait_longer(o, now, cmd->more, answer);
	case COMMAND_PAUSE:
	case COMMAND_RESUME:
		return set_paused(o, now, cmd->verb == COMMAND_PAUSE, answer);
	case COMMAND_STATUS:
		return status(o, now, answer);
	case COMMAND_QUIT:
		break;
	}
	o->quit = true;
	return done(answer);
}

void orders_refuse(struct orders *o, struct json *answer, const char *error)
{
	json_begin(answer, "answer");
	fail(o, answer, -EINVAL, error);
}
