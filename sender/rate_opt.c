/* rate_opt.c - the option --rate: a rate, or who decides on it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/rate_opt.h"

#include <string.h>

static int parse(const struct opt *o, const char *text, void *dst)
{
	if (strcmp(text, "norm-cc") != 0)
		return opt_rate.parse(o, text, dst);
	*(uint64_t *)dst = RATE_NORM_CC;
	return 0;
}

static void print(const struct opt *o, const void *src, char *buf, size_t cap)
{
	if (*(const uint64_t *)src == RATE_NORM_CC)
		snprintf(buf, cap, "norm-cc");
	else
		opt_rate.print(o, src, buf, cap);
}

const struct opt_type opt_send_rate = {
	.noun = "rate",
	.hint = "bits a second with K, M or G, such as 950M, or norm-cc",
	.parse = parse,
	.print = print,
};
