/* job_files.c - files that are objects by themselves, named by INFO, in the plain NORM profile.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/job_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"

#define FEED_FILES 256 /* in one call */

static int check_file(struct job *j, uint32_t i)
{
	const struct manifest_entry *e = &j->scan->entries[i];

	if (e->path_len > j->conf.segment) {
		log_err(0, "--segment %u: too small for the name of %s", j->conf.segment,
			e->path);
		return -EINVAL;
	}
	j->order[j->scan->files[i].root] = i;
	j->largest = MAX(j->largest, e->size);
	return 0;
}

int job_files_init(struct job *j)
{
	int r = 0;

	j->order = calloc((size_t)j->scan->n_names + 1, sizeof(*j->order));
	j->objects = calloc((size_t)j->scan->n + 1, sizeof(*j->objects));
	if (!j->order || !j->objects)
		return log_err(-ENOMEM, "%u files", j->scan->n);
	for (uint32_t i = 0; i < j->scan->n_names; i++)
		j->order[i] = UINT32_MAX; /* excluded */
	for (uint32_t i = 0; i < j->scan->n; i++) {
		if (check_file(j, i) < 0)
			r = -EINVAL;
	}
	if (r < 0)
		return r;
	r = source_tree_new(&j->tree, j->pack, NULL);
	return r < 0 ? log_err(r, "%u files", j->scan->n) : 0;
}

static int add(struct job *j, struct tx *tx, nsec_t now, uint32_t i)
{
	const struct manifest_entry *e = &j->scan->entries[i];
	uint64_t object;
	int r = tx_add(tx, now, e->size, (const uint8_t *)e->path, e->path_len, &object);

	if (r == -EAGAIN)
		return r;
	if (r < 0) {
		log_err(0, "%s: too large; try a larger --segment", e->path);
		j->n_failed++;
		return 0;
	}
	j->objects[object] = i;
	return 0;
}

bool job_files_feed(struct job *j, struct tx *tx, nsec_t now)
{
	if (j->state == JOB_DONE)
		return false;
	for (unsigned n = 0; n < FEED_FILES && j->n_fed < j->scan->n_names; n++) {
		uint32_t i = j->order[j->n_fed];

		if (i != UINT32_MAX && add(j, tx, now, i) == -EAGAIN)
			return false;
		j->n_fed++;
	}
	if (j->n_fed < j->scan->n_names)
		return true;
	tx_finish(tx, now);
	j->state = JOB_DONE;
	return false;
}
