/* human.c - numbers as people read them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/human.h"

#include <stdio.h>

const char *human_number(char *buf, size_t cap, double v, const char *unit)
{
	static const char *const prefix[] = { "", "k", "M", "G", "T", "P", "E" };
	unsigned i = 0;

	for (; v >= 999.5 && i < 6; i++)
		v /= 1000;
	snprintf(buf, cap, "%.*f %s%s",
		 i == 0 || v >= 99.95 ? 0
		 : v >= 9.995         ? 1
				      : 2,
		 v, prefix[i], unit);
	return buf;
}
