/* manifest_internal.h - what the files of manifest share. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_MANIFEST_INTERNAL_H
#define PROTO_MANIFEST_INTERNAL_H

#include "proto/manifest.h"

#define MANIFEST_MAGIC      0x534f574d /* "SOWM" */
#define MANIFEST_VERSION    1
#define MANIFEST_VERSION_Z  2 /* with the chunks' stored lengths */
#define MANIFEST_SIZE_MAX   ((uint64_t)INT64_MAX)
#define MANIFEST_TARGET_MAX 4095
#define MANIFEST_XATTRS_MAX 65535 /* bytes, of one entry */

/* Flags of an entry. */
#define MANIFEST_OWNER  0x01
#define MANIFEST_XATTRS 0x02
#define MANIFEST_OPEN   0x04
#define MANIFEST_WHOLE  0x08

/* What is left of the file's bytes from chunk `first` on, `n` chunks at most. */
static inline uint64_t manifest_run_len(uint64_t size, uint64_t first, uint64_t n)
{
	uint64_t left = size - first * MANIFEST_CHUNK;

	return n > left / MANIFEST_CHUNK ? left : n * MANIFEST_CHUNK;
}

/* All that doc/PROTOCOL.md demands of a manifest whose strings, arrays and counts are safe to
 * read. */
bool manifest_valid(const struct manifest *m);

#endif
