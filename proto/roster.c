/* roster.c - the receivers that a sender knows. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/roster.h"

#include "proto/bytes.h"

#include <errno.h>
#include <stdlib.h>

int roster_init(struct roster *r, uint32_t cap)
{
	uint32_t slots = 2;

	if (cap == 0 || cap > (uint32_t)1 << 24)
		return -EINVAL;
	while (slots < cap * 2)
		slots *= 2;
	*r = (struct roster){ .cap = cap, .index_mask = slots - 1 };
	r->r = calloc(cap, sizeof(*r->r));
	r->index = calloc(slots, sizeof(*r->index));
	if (!r->r || !r->index) {
		roster_fini(r);
		return -ENOMEM;
	}
	return 0;
}

void roster_fini(struct roster *r)
{
	free(r->r);
	free(r->index);
	*r = (struct roster){ 0 };
}

/* The node's place in the index, or the free place where it belongs. */
static uint32_t place_of(const struct roster *r, uint32_t node_id)
{
	uint32_t h = (uint32_t)(node_id * 0x9e3779b97f4a7c15u >> 32) & r->index_mask;

	while (r->index[h] && r->r[r->index[h] - 1].node_id != node_id)
		h = (h + 1) & r->index_mask;
	return h;
}

struct receiver *roster_find(const struct roster *r, uint32_t node_id)
{
	uint32_t pos = r->index[place_of(r, node_id)];

	return pos ? &r->r[pos - 1] : NULL;
}

struct receiver *roster_add(struct roster *r, nsec_t now, uint32_t node_id)
{
	uint32_t h = place_of(r, node_id);

	if (r->index[h])
		return &r->r[r->index[h] - 1];
	if (r->n == r->cap)
		return NULL;
	r->r[r->n] = (struct receiver){ .node_id = node_id, .heard_at = now };
	r->index[h] = ++r->n;
	r->count[RECEIVER_ACTIVE]++;
	return &r->r[r->n - 1];
}

void roster_set_state(struct roster *r, struct receiver *rc, enum receiver_state state)
{
	r->count[rc->state]--;
	rc->state = state;
	r->count[state]++;
}

void roster_bar(struct roster *r, struct receiver *rc)
{
	rc->barred = true;
	if (rc->state != RECEIVER_FINISHED)
		roster_set_state(r, rc, RECEIVER_DROPPED);
}

static bool busy_too_long(const struct receiver *rc, nsec_t now)
{
	return rc->busy_at && now - rc->busy_at >= ROSTER_BUSY_MAX;
}

static void take_back(struct roster *r, struct receiver *rc, nsec_t now)
{
	if (rc->state == RECEIVER_DROPPED && !rc->barred && !busy_too_long(rc, now))
		roster_set_state(r, rc, RECEIVER_ACTIVE);
}

void roster_heard(struct roster *r, struct receiver *rc, nsec_t now)
{
	rc->heard_at = now;
	rc->asked_at = 0;
	take_back(r, rc, now);
}

void roster_busy(struct roster *r, struct receiver *rc, nsec_t now, bool busy)
{
	rc->busy = busy;
	if (!busy)
		rc->busy_at = 0;
	else if (!rc->busy_at || rc->lacks < rc->least_lacks) {
		rc->busy_at = now;
		rc->least_lacks = rc->lacks;
	}
	take_back(r, rc, now);
}

static bool has_echo(const struct receiver *rc)
{
	return rc->echo_announce || rc->echo_receipt;
}

void roster_echo(struct roster *r, struct receiver *rc, bool receipt, uint8_t n)
{
	bool before = has_echo(rc);

	if (receipt)
		rc->echo_receipt = n;
	else
		rc->echo_announce = n;
	r->n_echo += has_echo(rc) - before;
}

/* The i-th receiver from the cursor on. */
static struct receiver *nth(const struct roster *r, uint32_t i)
{
	return &r->r[(r->cursor + i) % r->n];
}

uint32_t roster_ask(struct roster *r, nsec_t now, unsigned states, uint8_t *buf, uint32_t cap)
{
	struct wr w = wr_init(buf, (size_t)cap * 4);
	uint32_t n = 0, i;

	for (i = 0; i < r->n && n < cap; i++) {
		struct receiver *rc = nth(r, i);

		if (!(states >> rc->state & 1))
			continue;
		wr_u32(&w, rc->node_id);
		if (!rc->asked_at)
			rc->asked_at = now;
		n++;
	}
	if (r->n)
		r->cursor = (r->cursor + i) % r->n;
	return n;
}

uint32_t roster_list(const struct roster *r, enum receiver_state state, uint8_t *buf,
		     uint32_t cap)
{
	struct wr w = wr_init(buf, (size_t)cap * 4);
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n && n < cap && r->count[state]; i++) {
		if (r->r[i].state != state)
			continue;
		wr_u32(&w, r->r[i].node_id);
		n++;
	}
	return n;
}

uint32_t roster_take_echoes(struct roster *r, bool receipt, uint8_t *buf, uint32_t cap)
{
	struct wr w = wr_init(buf, (size_t)cap * 4);
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n && n < cap && r->n_echo; i++) {
		struct receiver *rc = &r->r[i];
		uint8_t left = receipt ? rc->echo_receipt : rc->echo_announce;

		if (!left)
			continue;
		wr_u32(&w, rc->node_id);
		roster_echo(r, rc, receipt, left - 1);
		n++;
	}
	return n;
}

static bool silent_too_long(const struct receiver *rc, nsec_t now, nsec_t bound)
{
	return rc->asked_at && now - rc->asked_at >= bound;
}

uint32_t roster_drop_silent(struct roster *r, nsec_t now, unsigned states, nsec_t bound)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		struct receiver *rc = &r->r[i];

		if (!(states >> rc->state & 1) ||
		    !(silent_too_long(rc, now, bound) || busy_too_long(rc, now)))
			continue;
		roster_set_state(r, rc, RECEIVER_DROPPED);
		n++;
	}
	return n;
}

void roster_forgive(struct roster *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		r->r[i].asked_at = r->r[i].busy_at = 0;
}

void roster_reopen(struct roster *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->r[i].state == RECEIVER_ACKED)
			roster_set_state(r, &r->r[i], RECEIVER_ACTIVE);
}

bool roster_waits(const struct roster *r)
{
	uint32_t left = r->count[RECEIVER_ACTIVE];

	for (uint32_t i = 0; i < r->n && left; i++) {
		left -= r->r[i].state == RECEIVER_ACTIVE;
		if (r->r[i].state == RECEIVER_ACTIVE && !r->r[i].busy)
			return true;
	}
	return false;
}

uint64_t roster_acked_through(const struct roster *r)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < r->n; i++)
		if (r->r[i].state != RECEIVER_DROPPED && r->r[i].state != RECEIVER_BEHIND)
			least = MIN(least, r->r[i].acked_through);
	return least;
}
