/* treejob_pour.c - the job of one session goes to standard output, in order, while it comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/treejob_internal.h"

#include "common/file.h"
#include "common/log.h"
#include "receiver/spout.h"
#include "receiver/tree_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY  (20 * NSEC_PER_MSEC)
#define PIECE  MANIFEST_CHUNK
#define MARGIN ((uint64_t)64 << 20) /* of a content, that its blocks may need for repair */

bool treejob_is_pour(const struct treejob *tj)
{
	return tj->conf.output->kind == OUTPUT_STDOUT;
}

/* --- the pourer's --- */

static struct treejob *job_of(struct finish *f)
{
	return (struct treejob *)((char *)f - offsetof(struct treejob, pour.finish));
}

static int put(struct treejob *tj, size_t len)
{
	struct treejob_pour *p = &tj->pour;

	return spout_write(tj->conf.output->fd, p->buf, len, &p->stop, &p->done);
}

static int read_spool(const struct treejob *tj, uint64_t off, size_t len)
{
	int r = file_pread_all(tj->device.fd, tj->pour.buf, len, off);

	if (r >= 0)
		memset(tj->pour.buf + r, 0, len - (size_t)r);
	return MIN(r, 0);
}

/* Parts that were verified. */
static int pour_parts(struct treejob *tj)
{
	struct treejob_pour *p = &tj->pour;
	int r = 0;

	while (p->done < p->limit && r == 0) {
		size_t len = (size_t)MIN(p->limit - p->done, (uint64_t)PIECE);

		r = read_spool(tj, p->done, len);
		if (r == 0)
			r = put(tj, len);
	}
	spout_punch(tj->device.fd, p->punched, p->done - p->punched);
	p->punched = p->done;
	return r;
}

static int pour_zeros(struct treejob *tj, uint64_t end)
{
	size_t len = (size_t)MIN(end - tj->pour.done, (uint64_t)PIECE);

	memset(tj->pour.buf, 0, len);
	return put(tj, len);
}

/* -EAGAIN: it is not there yet, or not known to be right. */
static int pour_chunk(struct treejob *tj, const struct manifest_run *run)
{
	const struct manifest *m = &tj->manifest;
	uint64_t at = run->content_off + (tj->pour.done - run->file_off);
	uint32_t chunk = manifest_chunk_at(m, at);
	int r;

	if (!tree_let_out(tj->tree, chunk))
		return -EAGAIN;
	r = read_spool(tj, tree_place(tj->tree, chunk), m->chunks[chunk].len);
	return r < 0 ? r : put(tj, m->chunks[chunk].len);
}

/* Chunks that come more than once in the file are read again where they came first. */
static bool has_copies(const struct treejob *tj)
{
	for (uint32_t i = 0; i < tj->manifest.n_runs; i++)
		if (!tree_is_home(tj->tree, i))
			return true;
	return false;
}

/* Blocks that are not complete, or may have to be asked for again, are read. */
static void punch(struct treejob *tj)
{
	struct treejob_pour *p = &tj->pour;
	uint64_t end = p->done, front = p->front;

	if (front < tj->manifest.content_size)
		end = MIN(end, tree_place(tj->tree, manifest_chunk_at(&tj->manifest, front)));
	if (has_copies(tj) || end < p->punched + MARGIN)
		return;
	spout_punch(tj->device.fd, p->punched, end - MARGIN - p->punched);
	p->punched = end - MARGIN;
}

static int pour_runs(struct treejob *tj)
{
	const struct manifest_entry *e = &tj->manifest.entries[0];
	struct treejob_pour *p = &tj->pour;
	int r = 0;

	while (p->done < e->size && r == 0) {
		const struct manifest_run *run =
			p->run < e->n_runs ? &tj->manifest.runs[e->first_run + p->run] : NULL;

		if (run && p->done >= run->file_off)
			r = pour_chunk(tj, run);
		else
			r = pour_zeros(tj, run ? run->file_off : e->size);
		if (run && p->done == run->file_off + run->len)
			p->run++;
	}
	if (r == 0 || r == -EAGAIN)
		punch(tj);
	return r == -EAGAIN ? 0 : r;
}

static void serve(struct finish *f)
{
	struct treejob *tj = job_of(f);
	struct treejob_pour *p = &tj->pour;

	if (!p->buf)
		p->buf = malloc(PIECE);
	if (!p->buf)
		p->error = -ENOMEM;
	else
		p->error = treejob_is_open(tj) ? pour_parts(tj) : pour_runs(tj);
}

/* --- the loop's --- */

void treejob_pour(struct treejob *tj, nsec_t now)
{
	const struct treejob_part *content = &tj->part[JOBINFO_CONTENT];
	struct treejob_pour *p = &tj->pour;

	if (p->busy || p->ended || now < p->at)
		return;
	p->limit = tj->parts.end;
	p->front = content->complete   ? tj->manifest.content_size
		   : content->accepted ? rx_front(tj->conf.rx, content->object)
				       : 0;
	p->busy = true;
	p->at = NSEC_NEVER;
	p->finish.serve = serve;
	finisher_submit(tj->conf.pourer, &p->finish);
}

static void tell_end(struct treejob *tj, nsec_t now)
{
	int error = tj->pour.error;
	const char *reason =
		error == -EPIPE ? "who reads standard output has closed it" : strerror(-error);

	if (error == -ECANCELED)
		return;
	if (tj->state != TREEJOB_DONE) {
		treejob_fail(tj, now, error == -EPIPE ? FILE_INCOMPLETE : FILE_FAILED,
			     error == -EPIPE ? 0 : error, reason);
		return;
	}
	log_err(0, "%s: %s, behind %" PRIu64 " of %" PRIu64 " bytes", tj->name, reason,
		(uint64_t)tj->pour.done, tj->manifest.total_size);
	report_status(tj->conf.report, STATUS_PARTIAL);
}

void treejob_poured(struct treejob *tj, nsec_t now)
{
	struct treejob_pour *p = &tj->pour;

	p->busy = false;
	p->at = now + EVERY;
	p->ended = p->error < 0 || atomic_load(&p->stop) ||
		   (tj->state == TREEJOB_DONE && p->done == tj->manifest.total_size);
	if (p->ended)
		p->at = NSEC_NEVER;
	if (p->error < 0)
		tell_end(tj, now);
}

/* All of it is in the spool, and right: the receipt need not wait for the reader. */
void treejob_deliver_out(struct treejob *tj, nsec_t now)
{
	tree_deliver(tj->tree);
	tj->result = (struct tree_result){ .files = 1,
					   .delivered = 1,
					   .bytes = tj->manifest.total_size };
	treejob_delivered(tj, now);
}

/* What went out cannot be taken back. */
void treejob_stop_pour(struct treejob *tj)
{
	struct treejob_pour *p = &tj->pour;

	atomic_store(&p->stop, true);
	if (p->busy || p->ended)
		return;
	p->ended = true;
	p->at = NSEC_NEVER;
}

bool treejob_pouring(const struct treejob *tj)
{
	return tj->pour.busy || (tj->pour.at != NSEC_NEVER && !tj->pour.ended);
}
