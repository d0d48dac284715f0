/* clock.h - the only place that reads a clock. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC; read once for each wake-up and handed down as `now`. */
int64_t clock_now(void);

#endif
