/* deadline.h - --deadline: a time from now, or a time of the day. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_DEADLINE_H
#define SENDER_DEADLINE_H

#include "common/opt.h"

struct deadline {
	bool of_day;
	unsigned hour, minute; /* of_day: local time, the next that comes */
	int64_t after;         /* else: ns; 0: none */
};

/* An opt_duration, or HH:MM. The member is a struct deadline. */
extern const struct opt_type opt_deadline;

/* ns from now on, which is `wall` of clock_wall(); INT64_MAX: none, or this system cannot tell.
 */
int64_t deadline_in(const struct deadline *d, int64_t wall);

#endif
