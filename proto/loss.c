/* loss.c - from gaps in the sequence to loss events. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/loss.h"

#include <string.h>

#include "proto/serial.h"

#define LATER_MIN 3 /* messages heard after a gap that make it a loss */

static const double weights[LOSS_INTERVALS] = { 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2 };

void loss_init(struct loss *l)
{
	*l = (struct loss){ 0 };
}

/* Counts from `sequence` on; what is before it counts as heard, so that it is never missed. */
static void start(struct loss *l, nsec_t now, uint16_t sequence)
{
	l->started = true;
	l->highest = l->final = l->before = sequence;
	l->before_at = now;
	l->window = UINT64_MAX;
}

static void count_round(struct loss *l, nsec_t now, nsec_t rtt)
{
	if (l->round == 0 || now - l->round_at >= rtt) {
		l->last_round = l->round;
		l->round = 0;
		l->round_at = now;
	}
	l->round++;
}

/*
 * The interval before the first event says nothing about loss. It is set to what would give
 * the rate seen (RFC 4654 §5.6): n messages in an RTT are the rate of 1/p = n^2 / (3/2).
 */
static uint32_t first_interval(const struct loss *l)
{
	uint64_t n = MAX(l->round, l->last_round);

	return (uint32_t)CLAMP(n * n * 2 / 3, 1, UINT32_MAX);
}

static void open_interval(struct loss *l, nsec_t at)
{
	if (l->n_intervals == 0)
		l->interval[0] = first_interval(l);
	memmove(l->interval + 1, l->interval, LOSS_INTERVALS * sizeof(l->interval[0]));
	l->n_intervals = MIN(l->n_intervals + 1, LOSS_INTERVALS);
	l->interval[0] = 0;
	l->event_at = at;
}

/* `later`: the messages heard above the lost one, as bits of the window; never empty. */
static void lose(struct loss *l, uint16_t sequence, uint64_t later, nsec_t rtt)
{
	uint16_t after = (uint16_t)(l->highest - (63 - __builtin_clzll(later)));
	nsec_t gap = l->at[after % LOSS_WINDOW] - l->before_at;
	nsec_t at = l->before_at +
		    gap * (uint16_t)(sequence - l->before) / (uint16_t)(after - l->before);

	l->missed++;
	if (l->n_intervals == 0 || at > l->event_at + rtt)
		open_interval(l, at);
}

/* Decides, in order, on every message that can be decided on, or must: `oldest` behind. */
static void settle(struct loss *l, unsigned oldest, nsec_t rtt)
{
	while (l->final != l->highest) {
		uint16_t next = (uint16_t)(l->final + 1);
		unsigned age = (uint16_t)(l->highest - next);
		bool inside = age < LOSS_WINDOW;
		uint64_t later = inside ? l->window & (((uint64_t)1 << age) - 1) : l->window;

		if (inside && l->window >> age & 1) {
			l->before = next;
			l->before_at = l->at[next % LOSS_WINDOW];
		} else if (age >= oldest || __builtin_popcountll(later) >= LATER_MIN) {
			lose(l, next, later, rtt);
		} else {
			break;
		}
		l->interval[0] += l->interval[0] < UINT32_MAX;
		l->final = next;
	}
}

/* The window moves up by d. What falls out of it is decided on first. */
static void advance(struct loss *l, unsigned d, nsec_t rtt)
{
	settle(l, d < LOSS_WINDOW ? LOSS_WINDOW - d : 0, rtt);
	l->highest = (uint16_t)(l->highest + d);
	l->window = d < LOSS_WINDOW ? l->window << d : 0;
}

bool loss_heard(struct loss *l, nsec_t now, uint16_t sequence, nsec_t rtt)
{
	int d = serial16_diff(sequence, l->highest);

	if (!l->started || d > LOSS_JUMP || d < -LOSS_JUMP) {
		start(l, now, sequence);
	} else if (d > 0) {
		advance(l, (unsigned)d, rtt);
	} else {
		if (d <= -LOSS_WINDOW || l->window >> -d & 1)
			return false;
		l->missed -= serial16_diff(sequence, l->final) <= 0;
	}
	l->heard++;
	l->window |= (uint64_t)1 << (uint16_t)(l->highest - sequence);
	l->at[sequence % LOSS_WINDOW] = now;
	count_round(l, now, rtt);
	settle(l, LOSS_WINDOW, rtt);
	return true;
}

double loss_event_fraction(const struct loss *l)
{
	double with_open = 0, closed = 0, total = 0;

	if (l->n_intervals == 0)
		return 0;
	for (unsigned i = 0; i < l->n_intervals; i++) {
		with_open += weights[i] * l->interval[i];
		closed += weights[i] * l->interval[i + 1];
		total += weights[i];
	}
	return total / MAX(with_open, closed);
}
