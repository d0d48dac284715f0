/* opt_value.c - the kinds of values that options take. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/opt_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

struct scale {
	const struct unit *units;
	unsigned n;
	unsigned n_print; /* the first so many, largest first, are used for printing */
	bool any_case;
};

static const struct unit binary_units[] = {
	{ "T", (uint64_t)1 << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 },
	{ "K", 1 << 10 },           { "", 1 },
};
static const struct unit decimal_units[] = {
	{ "T", 1000000000000 }, { "G", 1000000000 }, { "M", 1000000 }, { "K", 1000 }, { "", 1 },
};
static const struct unit time_units[] = {
	{ "s", 1000000000 },    { "ms", 1000000 },    { "us", 1000 },     { "ns", 1 },
	{ "h", 3600000000000 }, { "m", 60000000000 }, { "", 1000000000 },
};
static const struct unit no_units[] = { { "", 1 } };

static const struct scale binary = { binary_units, 5, 5, true };
static const struct scale decimal = { decimal_units, 5, 5, true };
static const struct scale timespan = { time_units, 7, 4, false };
static const struct scale plain = { no_units, 1, 1, false };

static bool unit_is(const struct scale *s, const char *name, const char *text)
{
	return (s->any_case ? strcasecmp : strcmp)(name, text) == 0;
}

/* Moves *text behind the digits. 0; -EINVAL: there are none; -ERANGE: more than 64 bits. */
static int digits(const char **text, uint64_t *ret, unsigned *ret_n)
{
	uint64_t v = 0;
	unsigned n = 0;

	for (; isdigit((unsigned char)**text); (*text)++, n++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(**text - '0'), &v))
			return -ERANGE;
	*ret = v;
	*ret_n = n;
	return n > 0 ? 0 : -EINVAL;
}

/*
 * digits[.digits]unit in exact integers: at most six digits behind the point, so that fraction
 * times unit stays inside 64 bits, and nothing below one is cut off.
 */
static int scaled(const char *text, const struct scale *s, uint64_t *ret)
{
	uint64_t whole, frac = 0, ten = 1, v;
	unsigned n;
	int r = digits(&text, &whole, &n);

	if (r < 0)
		return r;
	if (*text == '.') {
		text++;
		if (digits(&text, &frac, &n) < 0 || n > 6)
			return -EINVAL;
		while (n-- > 0)
			ten *= 10;
	}
	for (unsigned i = 0; i < s->n; i++) {
		uint64_t factor = s->units[i].factor;

		if (!unit_is(s, s->units[i].name, text))
			continue;
		if (frac * factor % ten != 0)
			return -EINVAL;
		if (__builtin_mul_overflow(whole, factor, &v) ||
		    __builtin_add_overflow(v, frac * factor / ten, &v))
			return -ERANGE;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

/* A number within the option's bounds and those of its member. */
static int bounded(const struct opt *o, const char *text, const struct scale *s, uint64_t limit,
		   uint64_t *ret)
{
	uint64_t v = 0;
	int r;

	if (o->zero && strcmp(text, o->zero) == 0) {
		*ret = 0;
		return 0;
	}
	r = scaled(text, s, &v);
	if (r < 0)
		return r;
	if (v > limit || v < o->min || (o->max > 0 && v > o->max))
		return -ERANGE;
	*ret = v;
	return 0;
}

/* The largest unit that needs at most three digits behind the point, and loses nothing. */
static void print_scaled(const struct scale *s, uint64_t v, char *buf, size_t cap)
{
	for (unsigned i = 0; i < s->n_print; i++) {
		uint64_t factor = s->units[i].factor;
		uint64_t milli = v % factor * 1000;
		int width = 3;

		if (v < factor || milli % factor != 0)
			continue;
		milli /= factor;
		if (milli == 0) {
			snprintf(buf, cap, "%" PRIu64 "%s", v / factor, s->units[i].name);
			return;
		}
		for (; milli % 10 == 0; width--)
			milli /= 10;
		snprintf(buf, cap, "%" PRIu64 ".%0*" PRIu64 "%s", v / factor, width, milli,
			 s->units[i].name);
		return;
	}
	snprintf(buf, cap, "%" PRIu64, v); /* 0 has no unit */
}

static void print_bounded(const struct opt *o, const struct scale *s, uint64_t v, char *buf,
			  size_t cap)
{
	if (v == 0 && o->zero)
		snprintf(buf, cap, "%s", o->zero);
	else
		print_scaled(s, v, buf, cap);
}

static int parse_u64(const struct opt *o, const char *text, void *dst)
{
	return bounded(o, text, &plain, UINT64_MAX, dst);
}

static int parse_size(const struct opt *o, const char *text, void *dst)
{
	return bounded(o, text, &binary, INT64_MAX, dst);
}

static int parse_rate(const struct opt *o, const char *text, void *dst)
{
	return bounded(o, text, &decimal, INT64_MAX, dst);
}

static int parse_u32(const struct opt *o, const char *text, void *dst)
{
	uint64_t v;
	int r = bounded(o, text, &plain, UINT32_MAX, &v);

	if (r == 0)
		*(uint32_t *)dst = (uint32_t)v;
	return r;
}

static int parse_duration(const struct opt *o, const char *text, void *dst)
{
	uint64_t v;
	int r = bounded(o, text, &timespan, INT64_MAX / 2, &v); /* now + that is a time */

	if (r == 0)
		*(int64_t *)dst = (int64_t)v;
	return r;
}

static void print_u32(const struct opt *o, const void *src, char *buf, size_t cap)
{
	print_bounded(o, &plain, *(const uint32_t *)src, buf, cap);
}

static void print_u64(const struct opt *o, const void *src, char *buf, size_t cap)
{
	print_bounded(o, &plain, *(const uint64_t *)src, buf, cap);
}

static void print_size(const struct opt *o, const void *src, char *buf, size_t cap)
{
	print_bounded(o, &binary, *(const uint64_t *)src, buf, cap);
}

static void print_rate(const struct opt *o, const void *src, char *buf, size_t cap)
{
	print_bounded(o, &decimal, *(const uint64_t *)src, buf, cap);
}

static void print_duration(const struct opt *o, const void *src, char *buf, size_t cap)
{
	print_bounded(o, &timespan, (uint64_t) * (const int64_t *)src, buf, cap);
}

static int parse_flag(const struct opt *o, const char *text, void *dst)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0)
		return -EINVAL;
	*(bool *)dst = yes;
	return 0;
}

static void print_flag(const struct opt *o, const void *src, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s", *(const bool *)src ? "yes" : "no");
}

static int parse_string(const struct opt *o, const char *text, void *dst)
{
	if (!*text)
		return -EINVAL;
	*(const char **)dst = text;
	return 0;
}

static void print_string(const struct opt *o, const void *src, char *buf, size_t cap)
{
	const char *s = *(const char *const *)src;

	snprintf(buf, cap, "%s", s ? s : "");
}

static int parse_strings(const struct opt *o, const char *text, void *dst)
{
	struct opt_list *list = dst;

	if (!*text)
		return -EINVAL;
	if (list->n == OPT_LIST_MAX)
		return -E2BIG;
	list->items[list->n++] = text;
	return 0;
}

static void print_strings(const struct opt *o, const void *src, char *buf, size_t cap)
{
	const struct opt_list *list = src;
	size_t len = 0;

	if (cap > 0)
		buf[0] = '\0';
	for (unsigned i = 0; i < list->n && len < cap; i++)
		len += (size_t)snprintf(buf + len, cap - len, "%s%s", i ? " " : "",
					list->items[i]);
}

static int parse_enum(const struct opt *o, const char *text, void *dst)
{
	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], text) == 0) {
			*(int *)dst = i;
			return 0;
		}
	}
	return -EINVAL;
}

static void print_enum(const struct opt *o, const void *src, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s", o->choices[*(const int *)src]);
}

const struct opt_type opt_flag = {
	.noun = "switch",
	.hint = "yes or no",
	.flag = true,
	.parse = parse_flag,
	.print = print_flag,
};
const struct opt_type opt_string = {
	.noun = "value",
	.hint = "a text that is not empty",
	.parse = parse_string,
	.print = print_string,
};
const struct opt_type opt_strings = {
	.noun = "value",
	.hint = "a text that is not empty",
	.repeats = true,
	.parse = parse_strings,
	.print = print_strings,
};
const struct opt_type opt_enum = {
	.noun = "choice",
	.hint = "",
	.parse = parse_enum,
	.print = print_enum,
};
const struct opt_type opt_u32 = {
	.noun = "number",
	.hint = "a whole number",
	.parse = parse_u32,
	.print = print_u32,
};
const struct opt_type opt_u64 = {
	.noun = "number",
	.hint = "a whole number",
	.parse = parse_u64,
	.print = print_u64,
};
const struct opt_type opt_size = {
	.noun = "size",
	.hint = "bytes with K, M, G or T, such as 64M",
	.parse = parse_size,
	.print = print_size,
};
const struct opt_type opt_rate = {
	.noun = "rate",
	.hint = "bits a second with K, M or G, such as 950M",
	.parse = parse_rate,
	.print = print_rate,
};
const struct opt_type opt_duration = {
	.noun = "time",
	.hint = "seconds, or a number with ms, s, m or h, such as 300ms",
	.parse = parse_duration,
	.print = print_duration,
};
