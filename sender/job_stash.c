/* job_stash.c - a job that is compressed before it is sent. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/job_internal.h"

#include <assert.h>
#include <errno.h>

#include "common/file.h"
#include "common/human.h"
#include "common/log.h"
#include "common/worker.h"

static void say_squeeze(void *job, uint64_t done, uint64_t total)
{
	const struct job *j = job;

	j->conf.progress(j->conf.progress_arg, "compressing", done, total);
}

int job_stash_make(struct job *j)
{
	const struct stash_conf sc = {
		.pack = j->pack,
		.sums = &j->sums,
		.threads = worker_all_threads(j->conf.threads),
		.progress = j->conf.progress ? say_squeeze : NULL,
		.progress_arg = j,
	};
	struct source_loss *losses = NULL;
	int r = stash_new(&j->stash, &sc, &losses);

	job_note_losses(j, losses);
	return r;
}

void job_stash_use(struct job *j)
{
	struct manifest *m = &j->pack->m;
	char from[32], to[32];
	uint32_t n;
	uint64_t *start = stash_offsets(j->stash, &n);

	assert(n == m->n_chunks);
	if (n == 0)
		return;
	m->stored = start;
	log_info("compressed %s to %s",
		 human_number(from, sizeof(from), (double)m->content_size, "B"),
		 human_number(to, sizeof(to), (double)manifest_object_size(m), "B"));
}

int job_stash_failed(int r)
{
	if (r == -ENOSPC || r == -EDQUOT)
		log_err(0,
			"--compress: no room in %s for what is to be sent, in its compressed "
			"form; set TMPDIR to a directory with more",
			file_tmp_dir());
	else
		log_err(r, "--compress, into %s (see TMPDIR)", file_tmp_dir());
	return r;
}
