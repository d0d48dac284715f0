/* tx_straggle.h - receivers for which the others do not wait, and when their turn comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_TX_STRAGGLE_H
#define PROTO_TX_STRAGGLE_H

#include "proto/report.h"
#include "proto/roster.h"
#include "proto/tx.h"

/*
 * A receiver that loses far more than most, three stretches in a row (proto/fare.h), or gets
 * less than the least rate, falls behind: its requests are not heard, and PROBEs tell it so.
 * True, once: it did.
 */
bool tx_straggle_report(struct tx *tx, nsec_t now, struct receiver *rc,
			const struct rx_report *rp);

/* All was sent once: those that lost far more of it than most fall behind, so that what they
 * ask for does not hold up the others. Costs nothing the second time. */
void tx_straggle_sort(struct tx *tx, nsec_t now);

/* When all was sent, and the others have it or ask for nothing any more, those behind count
 * again, and the rate is theirs. True: from now on. */
bool tx_straggle_recall(struct tx *tx, nsec_t now);

#endif
