/* treejob_parts.c - the job of one session when its size is not known: what to do next. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/treejob_internal.h"

#include "common/log.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define GONE                                                                                   \
	"the sender does not keep what is lacking here: be there from the beginning, and "     \
	"keep up"

bool treejob_is_open(const struct treejob *tj)
{
	return tj->decoded && tj->manifest.n_entries == 1 && tj->manifest.entries[0].open;
}

bool treejob_is_part(const struct treejob *tj, uint64_t object)
{
	return tj->parts.state != PARTS_IDLE && tj->parts.object == object;
}

/* --- in the finisher --- */

static void verify(struct finish *f)
{
	struct treejob *tj = (struct treejob *)((char *)f - offsetof(struct treejob, finish));

	tj->error = parts_verify(&tj->parts);
}

/* --- in the loop --- */

static void accept_part(struct treejob *tj, nsec_t now)
{
	uint64_t max = tj->conf.limits->max_size, end = tj->parts.offset + tj->parts.sink.size;
	int r;

	if (tree_device(tj->tree) && end > tree_device(tj->tree)->size) {
		treejob_fail(tj, now, FILE_FAILED, -EFBIG, "the device is too small");
		return;
	}
	if (max && end > max) {
		treejob_fail(tj, now, FILE_REFUSED, -EMSGSIZE, "larger than --max-size");
		return;
	}
	r = parts_open(&tj->parts, tj->tree);
	if (r < 0)
		treejob_fail(tj, now, FILE_FAILED, r, strerror(-r));
	else
		rx_accept(tj->conf.rx, now, tj->parts.object);
}

void treejob_offer_part(struct treejob *tj, nsec_t now, const struct jobinfo *info,
			const struct rx_event *ev)
{
	int r = parts_offer(&tj->parts, ev->object, info, ev->size);

	tj->hopeless = true;
	if (r == 0)
		return;
	rx_refuse(tj->conf.rx, now, ev->object);
	if (r == -ESTALE)
		treejob_fail(tj, now, FILE_INCOMPLETE, 0, GONE);
	else
		treejob_fail(tj, now, FILE_REFUSED, r, "a part of it is malformed");
}

void treejob_advance_parts(struct treejob *tj, nsec_t now)
{
	struct parts *p = &tj->parts;

	if (p->state == PARTS_OFFERED)
		accept_part(tj, now);
	if (tj->state != TREEJOB_OPEN)
		return;
	if (p->state == PARTS_COMPLETE && p->sink.n_chores == 0)
		treejob_submit(tj, verify);
	else if (tj->stopping)
		treejob_fail(tj, now, FILE_INCOMPLETE, 0, tj->stopping);
}

static void deliver(struct treejob *tj, nsec_t now)
{
	tj->manifest.entries[0].size = tj->manifest.total_size = tj->parts.end;
	tj->state = TREEJOB_SWITCHING;
	if (treejob_is_pour(tj))
		treejob_deliver_out(tj, now);
	else
		treejob_submit(tj, treejob_switch);
}

void treejob_part_verified(struct treejob *tj, nsec_t now)
{
	struct parts *p = &tj->parts;

	if (tj->error == 0) {
		parts_next(p);
		rx_release(tj->conf.rx, p->object);
		if (p->state == PARTS_ENDED)
			deliver(tj, now);
	} else if (tj->error != -EBADMSG) {
		treejob_fail(tj, now, FILE_FAILED, tj->error, strerror(-tj->error));
	} else if (tj->stopping || !parts_again(p)) {
		treejob_fail(tj, now, FILE_CORRUPT, tj->error,
			     "digests do not match, whatever was sent again");
	} else {
		log_info("%s: a part did not match its digest: asked for again", tj->name);
		rx_discard(tj->conf.rx, now, p->object, 0, p->sink.size);
	}
}
