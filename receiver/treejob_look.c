/* treejob_look.c - what of a job is here already, and what is to be remembered of it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_spool.h"
#include "receiver/treejob_internal.h"

#include "common/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_MAX 65536 /* a symbol is shorter */
/* A save takes 0.1 to 0.3 ms. */
#define SAVE_EVERY NSEC_PER_SEC
#define SAVE_REST  (20 * NSEC_PER_MSEC)  /* between two of them */
#define SAVE_SHARE 64                    /* of the content: a save after that, too, */
#define SAVE_BYTES ((uint64_t)512 << 10) /* but not for fewer bytes */

/* --- the map of an earlier run --- */

static struct map_id map_id(const struct treejob *tj)
{
	return (struct map_id){ tj->id, manifest_object_size(&tj->manifest) };
}

static int add_range(struct treejob_map *m, uint64_t off, uint64_t len)
{
	uint32_t cap = m->cap ? 2 * m->cap : 64;
	struct map_range *more;

	if (m->n == m->cap) {
		more = realloc(m->ranges, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->ranges = more;
		m->cap = cap;
	}
	m->ranges[m->n++] = (struct map_range){ off, len };
	return 0;
}

/* What lies in files that are in the stage. */
static int add_staged(struct treejob *tj, const struct map_range *range)
{
	uint64_t at = range->off, end = range->off + range->len, len;
	int r = 0;

	for (; at < end && r == 0; at += len) {
		bool there = tree_in_stage(tj->tree, at, &len);

		len = MIN(len, end - at);
		if (there)
			r = add_range(&tj->map, at, len);
	}
	return r;
}

void treejob_load_map(struct treejob *tj)
{
	struct map_id id = map_id(tj);
	struct map_range *ranges;
	uint32_t n;
	int r = map_load(tree_stage_dir(tj->tree), &id, &ranges, &n);

	if (r < 0)
		return; /* the digests will tell, if they are known in time */
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = add_staged(tj, &ranges[i]);
	free(ranges);
}

static void hold(struct treejob *tj, nsec_t now, uint64_t off, uint64_t len)
{
	uint64_t before = rx_status(tj->conf.rx).received;

	rx_hold(tj->conf.rx, now, tj->part[JOBINFO_CONTENT].object, off, len);
	tj->held += rx_status(tj->conf.rx).received - before;
}

/* Ranges are to be maximal: a symbol may lie in two that touch. */
void treejob_hold_all(struct treejob *tj, nsec_t now)
{
	struct treejob_map *m = &tj->map;
	uint64_t pos = 0, len;

	for (; tree_held_next(tj->tree, &pos, &len); pos += len)
		if (add_range(m, pos, len) < 0)
			break;
	m->n = map_join(m->ranges, m->n);
	for (uint32_t i = 0; i < m->n; i++)
		hold(tj, now, m->ranges[i].off, m->ranges[i].len);
	m->n = 0;
}

/* --- looking --- */

static struct treejob *job_of_look(struct finish *f)
{
	return (struct treejob *)((char *)f - offsetof(struct treejob, look));
}

static void serve_look(struct finish *f)
{
	struct treejob *tj = job_of_look(f);
	struct have_conf hc = {
		.tree = tj->tree,
		.manifest = &tj->manifest,
		.dirfd = tj->conf.output->dirfd,
		.from = tj->conf.from,
	};

	if (tj->manifest.stored && tree_spool_look(tj->tree)) {
		tj->look_more = true;
		return;
	}
	tj->look_more = (tj->have || have_new(&tj->have, &hc) == 0) && have_step(tj->have);
}

static void step(struct treejob *tj)
{
	tj->looking = true;
	tj->look.serve = serve_look;
	finisher_submit(tj->conf.looker, &tj->look);
}

void treejob_look(struct treejob *tj)
{
	const struct treejob_part *content = &tj->part[JOBINFO_CONTENT];
	bool first = !content->offered || tj->part[JOBINFO_DIGESTS].object < content->object;

	if (tj->holds && (tj->tells || first) && !content->complete && !tj->stopping)
		step(tj);
}

/* Chunks beside it that are here, too, as far as a symbol may reach. */
static void hold_around(struct treejob *tj, nsec_t now, const struct map_range *range)
{
	const struct manifest *m = &tj->manifest;
	uint64_t from = range->off, to = range->off + range->len;
	uint32_t first = manifest_chunk_at(m, from), last = manifest_chunk_at(m, to - 1);

	while (first > 0 && range->off - from < SEGMENT_MAX && tree_has(tj->tree, first - 1))
		from = m->chunks[--first].content_off;
	while (last + 1 < m->n_chunks && to - (range->off + range->len) < SEGMENT_MAX &&
	       tree_has(tj->tree, last + 1)) {
		last++;
		to = m->chunks[last].content_off + m->chunks[last].len;
	}
	hold(tj, now, from, to - from);
}

/* Files that are here tell nothing about an object in zlib form, unless no chunk is lacking. */
static void hold_object(struct treejob *tj, nsec_t now)
{
	const struct treejob_part *content = &tj->part[JOBINFO_CONTENT];
	uint64_t pos = 0, len;

	tree_skip(tj->tree);
	if (tree_held_next(tj->tree, &pos, &len))
		rx_set_holds(tj->conf.rx, true);
	if (content->accepted && !content->complete)
		treejob_hold_all(tj, now);
}

void treejob_looked(struct treejob *tj, nsec_t now)
{
	const struct treejob_part *content = &tj->part[JOBINFO_CONTENT];
	const struct map_range *found;
	uint32_t n = 0;

	tj->looking = false;
	found = tj->have && !tj->manifest.stored ? have_found(tj->have, &n) : NULL;
	if (n > 0) /* of a device that was not known before */
		rx_set_holds(tj->conf.rx, true);
	if (tj->manifest.stored && tj->state == TREEJOB_OPEN)
		hold_object(tj, now);
	if (content->accepted && !content->complete && tj->state == TREEJOB_OPEN) {
		for (uint32_t i = 0; i < n; i++)
			hold_around(tj, now, &found[i]);
	}
	if (tj->look_more && tj->state == TREEJOB_OPEN && !tj->stopping && !content->complete) {
		step(tj);
		return;
	}
	have_free(tj->have);
	tj->have = NULL;
}

/* --- chunks that came compressed --- */

static void serve_expand(struct finish *f)
{
	tree_spool_step(
		((struct treejob *)((char *)f - offsetof(struct treejob, expand)))->tree);
}

/* In a thread: to expand one takes a millisecond, in which no packet would be read. */
void treejob_expand(struct treejob *tj)
{
	if (tj->expanding || tj->state != TREEJOB_OPEN || !tree_spool_ready(tj->tree))
		return;
	tj->expanding = true;
	tj->expand.serve = serve_expand;
	finisher_submit(tj->conf.looker, &tj->expand);
}

/* --- the map for the next run --- */

static struct treejob *job_of_save(struct finish *f)
{
	return (struct treejob *)((char *)f - offsetof(struct treejob, save));
}

static void serve_save(struct finish *f)
{
	struct treejob *tj = job_of_save(f);
	struct map_id id = map_id(tj);

	tj->save_error = map_save(tree_stage_dir(tj->tree), &id, tj->saved.ranges, tj->saved.n);
}

static bool collect(struct treejob *tj)
{
	const struct treejob_part *content = &tj->part[JOBINFO_CONTENT];
	uint64_t pos = 0, len;

	tj->saved.n = 0;
	if (tree_skipped(tj->tree))
		return false;
	for (; rx_stored_next(tj->conf.rx, content->object, &pos, &len); pos += len)
		if (tj->saved.n == MAP_RANGES_MAX || add_range(&tj->saved, pos, len) < 0)
			return false;
	return true;
}

void treejob_save(struct treejob *tj, nsec_t now)
{
	const struct treejob_part *content = &tj->part[JOBINFO_CONTENT];
	uint64_t written = atomic_load(&tj->written);

	if (tj->state != TREEJOB_OPEN || !content->accepted || content->complete) {
		tj->save_at = NSEC_NEVER;
		return;
	}
	if (tj->saving || (now < tj->save_at && written < tj->save_from) ||
	    tj->save_at - now > SAVE_EVERY - SAVE_REST)
		return;
	tj->save_at = now + SAVE_EVERY;
	tj->save_from = written + MAX(content->size / SAVE_SHARE, SAVE_BYTES);
	if (!collect(tj))
		return;
	tj->saving = true;
	tj->save.serve = serve_save;
	finisher_submit(tj->conf.looker, &tj->save);
}

void treejob_saved(struct treejob *tj)
{
	tj->saving = false;
	if (tj->save_error < 0 && !tj->save_told)
		log_warn(tj->save_error, "%s: remember what came, in %s", tj->name,
			 tree_stage_name(tj->tree));
	tj->save_told |= tj->save_error < 0;
}

void treejob_save_last(struct treejob *tj)
{
	if (!tj->part[JOBINFO_CONTENT].accepted || tree_device(tj->tree) || tj->saving ||
	    !collect(tj))
		return;
	serve_save(&tj->save);
	treejob_saved(tj);
}
