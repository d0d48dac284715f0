/* clock.h - the only place that reads a clock. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC; read once for each wake-up and handed down as `now`. */
int64_t clock_now(void);

/* Seconds since 1970, as far as anybody has set them: for comparison with the times of files.
 */
int64_t clock_wall(void);
/* The same in nanoseconds. */
int64_t clock_wall_ns(void);

#endif
