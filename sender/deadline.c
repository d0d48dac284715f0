/* deadline.c - --deadline: a time from now, or a time of the day. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/deadline.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define NS 1000000000

static bool digits(const char *text)
{
	return isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]);
}

static unsigned number(const char *text)
{
	return (unsigned)(10 * (text[0] - '0') + text[1] - '0');
}

static int parse(const struct opt *o, const char *text, void *dst)
{
	struct deadline d = { 0 };
	int r = 0;

	if (strlen(text) == 5 && digits(text) && text[2] == ':' && digits(text + 3)) {
		d = (struct deadline){ true, number(text), number(text + 3), 0 };
		r = d.hour < 24 && d.minute < 60 ? 0 : -ERANGE;
	} else {
		r = opt_duration.parse(o, text, &d.after);
		if (r == 0 && d.after == 0)
			r = -ERANGE;
	}
	if (r == 0)
		*(struct deadline *)dst = d;
	return r;
}

static void print(const struct opt *o, const void *src, char *buf, size_t cap)
{
	const struct deadline *d = src;

	if (d->of_day)
		snprintf(buf, cap, "%02u:%02u", d->hour, d->minute);
	else
		opt_duration.print(o, &d->after, buf, cap);
}

const struct opt_type opt_deadline = {
	.noun = "time",
	.hint = "seconds, a number with ms, s, m or h, or a time of the day, such as 06:30",
	.parse = parse,
	.print = print,
};

/* The seconds of a day's time, when local time has the offset of that moment. */
static time_t of_day(struct tm day, const struct deadline *d, int days_later)
{
	day.tm_hour = (int)d->hour;
	day.tm_min = (int)d->minute;
	day.tm_sec = 0;
	day.tm_mday += days_later;
	day.tm_isdst = -1;
	return mktime(&day);
}

int64_t deadline_in(const struct deadline *d, int64_t wall)
{
	time_t now = (time_t)wall, at;
	struct tm day;

	if (!d->of_day)
		return d->after ? d->after : INT64_MAX;
	if (!localtime_r(&now, &day))
		return INT64_MAX;
	at = of_day(day, d, 0);
	if (at <= now)
		at = of_day(day, d, 1);
	return at > now ? (int64_t)(at - now) * NS : INT64_MAX;
}
