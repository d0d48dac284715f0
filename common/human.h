/* human.h - numbers as people read them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_HUMAN_H
#define COMMON_HUMAN_H

#include <stddef.h>

/* Three digits of a number, with a decimal prefix before the unit: "1.25 GB". Returns buf. */
const char *human_number(char *buf, size_t cap, double v, const char *unit);

#endif
