/* job.c - what is to be sent: looked through, made objects of a session, read and hashed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/job_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

static void say_scan(void *job, uint32_t n_entries, uint64_t bytes)
{
	struct job *j = job;

	j->conf.progress(j->conf.progress_arg, "looking through files", bytes, 0);
}

static int look_through(struct job *j, char *const *paths, unsigned n)
{
	const struct scan_conf sc = {
		.excludes = j->conf.excludes,
		.one_file_system = j->conf.one_file_system,
		.owner = j->conf.owner,
		.xattrs = j->conf.xattrs,
		.whole = j->conf.delete,
		.files_only = j->conf.plain,
		.progress = j->conf.progress ? say_scan : NULL,
		.progress_arg = j,
	};
	int r;

	j->scanned_at = clock_wall();
	r = scan_new(&j->scan, paths, n, &sc);
	if (r < 0)
		return r;
	j->n_failed = j->scan->n_refused;
	j->lost = calloc((size_t)j->scan->n + 1, 1);
	r = j->lost ? pack_new(&j->pack, j->scan) : -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < j->scan->n; i++)
		j->n_read += j->scan->entries[i].n_runs > 0;
	return r < 0 ? log_err(r, "%u files", j->scan->n_files) : 0;
}

int job_new(struct job **ret, char *const *paths, unsigned n, const struct job_conf *conf)
{
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return log_err(-ENOMEM, "%u files", n);
	j->conf = *conf;
	j->manifest = j->digests = j->content = JOB_NO_OBJECT;
	r = j->conf.input_name ? job_pipe_init(j) : look_through(j, paths, n);
	if (r == 0 && !j->conf.input_name)
		r = j->conf.plain ? job_files_init(j) : job_tree_init(j, paths[0]);
	if (r < 0)
		job_free(j);
	else
		*ret = j;
	return r;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	if (j->unsaved)
		job_tree_save(j);
	input_free(j->input);
	source_tree_free(j->tree);
	stash_free(j->stash);
	sums_fini(&j->sums);
	pack_free(j->pack);
	scan_free(j->scan);
	free(j->lost);
	free(j->wire.data);
	free(j->order);
	free(j->objects);
	free(j);
}

int job_start(struct job *j, struct loop *loop)
{
	return j->input ? input_start(j->input, loop) : 0;
}

void job_stop(struct job *j)
{
	input_stop(j->input);
}

const char *job_name(const struct job *j)
{
	return j->name;
}

unsigned job_n_files(const struct job *j)
{
	return j->input ? 1 : j->scan->n_files;
}

const char *job_input_name(const struct job *j)
{
	return j->conf.input_name;
}

uint64_t job_bytes(const struct job *j)
{
	return j->input ? j->part.offset + j->part.len : j->scan->total_size;
}

uint64_t job_largest(const struct job *j)
{
	return j->largest;
}

uint64_t job_total(const struct job *j)
{
	uint64_t content = j->input ? job_bytes(j) : manifest_object_size(&j->pack->m);

	return j->conf.plain ? content
			     : content + j->wire.len + (uint64_t)j->sums.n * SHA256_LEN;
}

unsigned job_n_failed(const struct job *j)
{
	return j->n_failed;
}

bool job_hashing(const struct job *j, uint64_t *ret_done, uint64_t *ret_total)
{
	*ret_done = j->hashed;
	*ret_total = j->to_hash;
	return j->state == JOB_HASHING;
}

bool job_feed(struct job *j, struct tx *tx, nsec_t now)
{
	if (j->input)
		return job_pipe_feed(j, tx, now);
	return j->conf.plain ? job_files_feed(j, tx, now) : job_tree_feed(j, tx, now);
}

/* --- reading --- */

void job_note_losses(struct job *j, struct source_loss *losses)
{
	char path[SCAN_PATH_MAX];

	while (losses) {
		struct source_loss *next = losses->next;

		scan_path(j->scan, losses->entry, path);
		if (losses->error == -ESTALE)
			log_err(0, "%s: changed while it was sent; nobody stores it", path);
		else
			log_err(losses->error, "%s: cannot be read; nobody stores it", path);
		j->lost[losses->entry] = true;
		j->n_failed++;
		j->n_lost++;
		free(losses);
		losses = next;
	}
}

/* Where the file begins in what the tree reads. */
static uint64_t file_start(const struct job *j, uint32_t entry)
{
	const struct manifest *m = &j->pack->m;

	return m->entries[entry].n_runs ? m->runs[m->entries[entry].first_run].content_off : 0;
}

void job_read_begin(struct job *j, const struct work *w, struct job_read *ret)
{
	*ret = (struct job_read){ .work = w, .offset = w->offset, .only = true };
	if (j->conf.plain)
		ret->offset += file_start(j, j->objects[w->object]);
	else if (w->object == j->manifest)
		ret->memory = j->wire.data;
	else if (w->object == j->digests)
		ret->memory = j->sums.sum[0];
	else if (w->object == j->content && j->input)
		ret->memory = j->part.data;
	else
		ret->stash = j->stash;
	if ((ret->memory && !j->input) || ret->stash)
		return;
	ret->tree = j->tree;
	ret->only = j->reads++ == 0 || j->input;
}

bool job_hash_begin(struct job *j, uint64_t max, struct job_read *ret)
{
	if (j->state != JOB_HASHING || j->hashing || j->complete || j->broken)
		return false;
	*ret = (struct job_read){ .tree = j->tree, .hash = max, .only = j->reads++ == 0 };
	j->hashing = true;
	return true;
}

void job_read_serve(struct job_read *r)
{
	const struct work *w = r->work;

	if (r->memory)
		memcpy(w->data, r->memory + r->offset, w->len);
	else if (r->stash)
		r->result = stash_read(r->stash, r->offset, w->data, w->len);
	else if (!r->tree)
		r->result = -ESTALE;
	else if (w)
		r->result = source_tree_read(r->tree, r->offset, w->data, w->len, &r->losses);
	else
		r->result = source_tree_hash(r->tree, r->hash, &r->losses);
	if (r->tree)
		r->complete = source_tree_complete(r->tree);
}

int job_read_end(struct job *j, const struct job_read *r)
{
	int result = (int)MIN(r->result, 0);

	if (j->input)
		j->reads--;
	if (!r->tree && !r->stash)
		return result;
	if (r->tree) {
		j->reads--;
		j->complete |= r->complete;
		job_note_losses(j, r->losses);
	}
	if (!r->work) {
		j->hashing = false;
		j->hashed += (uint64_t)MAX(r->result, 0);
	}
	if (j->conf.plain && result == 0 && j->lost[j->objects[r->work->object]])
		return -ESTALE;
	if (!j->conf.plain && j->n_lost > 0 && j->n_lost == j->n_read) {
		j->broken = true; /* nothing is left that would be of use */
		return -ESTALE;
	}
	if (result < 0 && !j->broken) {
		log_err(result, "read what is to be sent");
		j->broken = true;
		j->n_failed++;
	}
	return result;
}

int job_read(struct job *j, const struct work *w)
{
	struct job_read r;

	job_read_begin(j, w, &r);
	job_read_serve(&r);
	return job_read_end(j, &r);
}
