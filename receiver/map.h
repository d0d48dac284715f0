/* map.h - which bytes of a job's content lie in its stage, for the run after this one. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_MAP_H
#define RECEIVER_MAP_H

#include "common/digest.h"

#include <stdint.h>

#define MAP_RANGES_MAX 1000000 /* more of them are not saved */

struct map_range {
	uint64_t off, len;
};

/* Puts ranges in order and joins those that overlap or touch. How many are left. */
uint32_t map_join(struct map_range *ranges, uint32_t n);

/* Whose content it is. */
struct map_id {
	const uint8_t *job; /* SHA256_LEN bytes */
	uint64_t content_size;
};

/*
 * Replaces the file "map" in `dir` in one step. The ranges are in order and neither overlap nor
 * touch. 0 or -errno.
 */
int map_save(int dir, const struct map_id *id, const struct map_range *ranges, uint32_t n);

/* Reads it; the caller frees *ret. -ENOENT; -EBADMSG: damaged, or of another job; -ENOMEM. */
int map_load(int dir, const struct map_id *id, struct map_range **ret, uint32_t *ret_n);

#endif
