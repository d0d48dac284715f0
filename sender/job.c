/* job.c - the files to send: checked, made objects of a session, read and hashed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/jobinfo.h"
#include "sender/source_file.h"

#define OPEN_MAX_FILES (2 * JOB_READS) /* held open at a time; each has a window of 256 KiB */
#define HASH_FIRST     ((uint64_t)1 << 20) /* files up to this size are hashed before they go */
#define FEED_BYTES     ((uint64_t)8 << 20) /* hashed in one call of job_feed() */
#define FEED_FILES     256
#define INFO_MAX       (JOBINFO_NAME_MAX + 128)

struct job_file {
	const char *path; /* borrowed */
	const char *name; /* its last part */
	struct source_info info;
	struct source_file *source; /* NULL: closed */
	unsigned reads;             /* under way */
	bool hashed;                /* the session has its digest */
	bool failed;
};

struct job {
	unsigned n, n_fed, n_objects, n_failed;
	struct job_conf conf;
	bool finished; /* tx_finish() was called */
	struct job_file *file;
	unsigned *object_file;         /* object number -> file */
	unsigned open[OPEN_MAX_FILES]; /* files that are open, the last used first */
	unsigned n_open;
	uint64_t bytes, largest;
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void fail(struct job *j, struct job_file *f)
{
	f->failed = true;
	j->n_failed++;
}

/* What INFO says; a digest of NULL: it is not known yet. */
static int encode_info(const struct job *j, const struct job_file *f, const uint8_t *digest,
		       uint8_t buf[static INFO_MAX])
{
	struct jobinfo info = {
		.name = f->name,
		.name_len = strlen(f->name),
		.mode = f->info.mode,
		.mtime_sec = f->info.mtime_sec,
		.mtime_nsec = f->info.mtime_nsec,
		.has_digest = digest != NULL,
	};

	if (j->conf.plain) {
		memcpy(buf, f->name, info.name_len); /* at most NAME_MAX */
		return (int)info.name_len;
	}
	if (digest)
		memcpy(info.digest, digest, DIGEST_LEN);
	return jobinfo_encode(&info, buf, INFO_MAX);
}

/* --- before the session --- */

/* A name that means no file which could be sent is the user's mistake, anything else the
 * system's. */
static int explain_open(const struct job_file *f, int r)
{
	switch (r) {
	case -EISDIR:
		log_err(0, "%s: is a directory; only files can be sent", f->path);
		return -EINVAL;
	case -EOPNOTSUPP:
	case -ENXIO:
		log_err(0, "%s: is not a regular file; only those can be sent", f->path);
		return -EINVAL;
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
	case -ELOOP:
	case -EACCES:
		log_err(r, "cannot read %s", f->path);
		return -EINVAL;
	default:
		return log_err(r, "cannot read %s", f->path);
	}
}

static int look_at(struct job *j, struct job_file *f)
{
	static const uint8_t no_digest[DIGEST_LEN];
	uint8_t info[INFO_MAX];
	struct source_file *s;
	int r = source_open(&s, f->path);

	if (r < 0)
		return explain_open(f, r);
	f->info = *source_info(s);
	source_close(s);
	r = encode_info(j, f, no_digest, info);
	if (r < 0 || (unsigned)r > j->conf.segment)
		return log_err(0, "--segment %u: too small for the name of %s", j->conf.segment,
			       f->path),
		       -EINVAL;
	j->bytes += f->info.size;
	if (f->info.size > j->largest)
		j->largest = f->info.size;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct job_file *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int check_names(const struct job *j)
{
	struct job_file **sorted = calloc(j->n, sizeof(struct job_file *));
	int r = 0;

	if (!sorted)
		return log_err(-ENOMEM, "%u files", j->n);
	for (unsigned i = 0; i < j->n; i++)
		sorted[i] = &j->file[i];
	qsort(sorted, j->n, sizeof(struct job_file *), by_name);
	for (unsigned i = 1; i < j->n; i++) {
		if (by_name(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		log_err(0, "%s and %s have the same name; send them one after the other",
			sorted[i - 1]->path, sorted[i]->path);
		r = -EINVAL;
	}
	free(sorted);
	return r;
}

static int look_at_all(struct job *j, char *const *paths)
{
	int r = 0;

	for (unsigned i = 0; i < j->n; i++) {
		int bad;

		j->file[i] = (struct job_file){ .path = paths[i], .name = last_part(paths[i]) };
		bad = look_at(j, &j->file[i]);
		if (bad < 0 && r != -EINVAL)
			r = bad;
	}
	return r < 0 ? r : check_names(j);
}

int job_new(struct job **ret, char *const *paths, unsigned n, const struct job_conf *conf)
{
	struct job *j = calloc(1, sizeof(*j));
	int r = -ENOMEM;

	if (j) {
		j->conf = *conf;
		j->n = n;
		j->file = calloc(n, sizeof(*j->file));
		j->object_file = calloc(n, sizeof(*j->object_file));
	}
	if (j && j->file && j->object_file)
		r = look_at_all(j, paths);
	else
		log_err(r, "%u files", n);
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
	for (unsigned i = 0; i < j->n_open; i++)
		source_close(j->file[j->open[i]].source);
	free(j->object_file);
	free(j->file);
	free(j);
}

unsigned job_n_files(const struct job *j)
{
	return j->n;
}

uint64_t job_bytes(const struct job *j)
{
	return j->bytes;
}

uint64_t job_largest(const struct job *j)
{
	return j->largest;
}

unsigned job_n_failed(const struct job *j)
{
	return j->n_failed;
}

/* --- open files --- */

/* Moves file i to the front of the list of open ones. */
static void used_now(struct job *j, unsigned i)
{
	unsigned at = 0;

	while (at < j->n_open && j->open[at] != i)
		at++;
	if (at == j->n_open)
		j->n_open++;
	memmove(j->open + 1, j->open, at * sizeof(j->open[0]));
	j->open[0] = i;
}

/* One that nobody reads: there are more open than reads under way. */
static void close_oldest(struct job *j)
{
	unsigned at = j->n_open - 1;
	struct job_file *f;

	while (j->file[j->open[at]].reads)
		at--;
	f = &j->file[j->open[at]];
	j->n_open--;
	memmove(j->open + at, j->open + at + 1, (j->n_open - at) * sizeof(j->open[0]));
	source_close(f->source);
	f->source = NULL;
}

/* The file, open and unchanged since we looked at it. A file whose hash was under way when it
 * was closed is read again for it. */
static int reach(struct job *j, struct job_file *f)
{
	unsigned i = (unsigned)(f - j->file);
	int r;

	if (f->source) {
		if (j->open[0] != i)
			used_now(j, i);
		return 0;
	}
	if (j->n_open == OPEN_MAX_FILES)
		close_oldest(j);
	r = source_open(&f->source, f->path);
	if (r < 0)
		return r;
	used_now(j, i);
	return source_same(&f->info, source_info(f->source)) ? 0 : -ESTALE;
}

/* --- the session --- */

static void lose(struct job *j, struct job_file *f, int r)
{
	if (f->failed)
		return;
	if (r == -ESTALE)
		log_err(0, "%s: changed while it was sent; withdrawn", f->path);
	else
		log_err(r, "%s: cannot be read to its end; withdrawn", f->path);
	fail(j, f);
}

/* The digest of a file that was hashed to its end. */
static int digest_of(struct job *j, struct job_file *f, uint8_t digest[static DIGEST_LEN])
{
	int r = reach(j, f);

	if (r == 0)
		r = source_digest(f->source, digest);
	return r;
}

static int add(struct job *j, struct tx *tx, nsec_t now, struct job_file *f)
{
	uint8_t info[INFO_MAX], digest[DIGEST_LEN];
	bool first = !j->conf.plain && f->info.size <= HASH_FIRST;
	uint64_t object;
	int len, r;

	r = first ? digest_of(j, f, digest) : 0;
	if (r < 0)
		return lose(j, f, r), 0;
	len = encode_info(j, f, first ? digest : NULL, info);
	r = len < 0 ? len : tx_add(tx, now, f->info.size, info, (size_t)len, &object);
	if (r == -EAGAIN)
		return r;
	if (r < 0) {
		log_err(0, "%s: too large; try a larger --segment", f->path);
		return fail(j, f), 0;
	}
	j->object_file[object] = (unsigned)(f - j->file);
	f->hashed = first || j->conf.plain;
	return 0;
}

bool job_feed(struct job *j, struct tx *tx, nsec_t now)
{
	uint64_t bytes = 0;
	unsigned files = 0;

	if (j->finished)
		return false;
	while (j->n_fed < j->n && bytes < FEED_BYTES && files++ < FEED_FILES) {
		struct job_file *f = &j->file[j->n_fed];

		if (add(j, tx, now, f) == -EAGAIN)
			return false;
		if (f->info.size <= HASH_FIRST)
			bytes += f->info.size;
		j->n_fed++;
	}
	if (j->n_fed < j->n)
		return true;
	tx_finish(tx, now);
	j->finished = true;
	return false;
}

/* Now the receivers can be told what all of the file comes to. */
static int tell_digest(struct job *j, struct tx *tx, nsec_t now, const struct job_read *r)
{
	struct job_file *f = &j->file[j->object_file[r->work->object]];
	uint8_t info[INFO_MAX];
	int n = encode_info(j, f, r->digest, info);

	if (n > 0)
		n = tx_set_info(tx, now, r->work->object, info, (size_t)n);
	f->hashed = n == 0;
	return n;
}

void job_read_begin(struct job *j, const struct work *w, struct job_read *ret)
{
	struct job_file *f = &j->file[j->object_file[w->object]];

	*ret = (struct job_read){
		.work = w,
		.last = !f->hashed && w->offset + w->len == f->info.size,
		.result = reach(j, f),
	};
	if (ret->result < 0)
		return;
	ret->source = f->source;
	ret->only = f->reads++ == 0;
}

void job_read_serve(struct job_read *r)
{
	const struct work *w = r->work;

	if (!r->source)
		return;
	r->result = source_read_at(r->source, w->offset, w->data, w->len);
	if (r->result == 0 && r->last)
		r->result = source_digest(r->source, r->digest);
}

int job_read_end(struct job *j, struct tx *tx, nsec_t now, const struct job_read *r)
{
	struct job_file *f = &j->file[j->object_file[r->work->object]];
	int result = r->result;

	if (r->source)
		f->reads--;
	if (result == 0 && r->last && !f->hashed)
		result = tell_digest(j, tx, now, r);
	if (result < 0)
		lose(j, f, result);
	return result;
}

int job_read(struct job *j, struct tx *tx, nsec_t now, const struct work *w)
{
	struct job_read r;

	job_read_begin(j, w, &r);
	job_read_serve(&r);
	return job_read_end(j, tx, now, &r);
}
