/* orders.h - what the user wants while it runs: start, wait, drop, pause, quit. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_ORDERS_H
#define SENDER_ORDERS_H

#include "common/json.h"
#include "proto/tx.h"
#include "sender/command.h"
#include "sender/gather.h"
#include "sender/listeners.h"

/* tx and who are borrowed. */
struct orders {
	struct tx *tx;
	struct listeners *who;
	struct gather gather;
	unsigned barred; /* receivers for whom nobody waits */
	bool started, paused, quit;
	const char *error; /* why the last one was not carried out; NULL: it was */
};

/* Carries it out; the answer is an event that lacks only its end. 0, or -errno: it could not
 * be. */
int orders_obey(struct orders *o, nsec_t now, const struct command *cmd, struct json *answer);

/* The answer to a line that is no command. */
void orders_refuse(struct orders *o, struct json *answer, const char *error);

/* Nobody waits for it any more. What tx_drop() says. */
int orders_bar(struct orders *o, nsec_t now, uint32_t node_id);

#endif
