/* digests.c - what the chunks of files came to in earlier runs, kept in a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/digests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "proto/bytes.h"
#include "sender/inode.h"

/*
 * The file: a magic number, records one after the other, those of the last run first, and the
 * SHA-256 of all that. A record: which file, in which state, then 32 bytes for each of its
 * chunks; 32 zeros for one that was in a hole.
 */
#define MAGIC      0x534f574400000001u /* "SOWD", and a version */
#define MAGIC_LEN  8
#define KEY_LEN    48
#define FRESH      2 /* seconds */
#define WRITE_SIZE 65536

struct key {
	uint64_t dev, ino, size;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
};

/* As it is read from the file's bytes. */
struct record {
	struct key key;
	const uint8_t *sums;
};

/* Small beside the bytes themselves: there may be millions of records. */
struct digests {
	uint8_t *bytes;
	size_t len;
	uint32_t *at; /* where each record begins, */
	uint32_t n, cap;
	uint8_t *replaced; /* and whether a new one takes its place; a byte each */
	uint32_t *slot;    /* by device and inode: a record's number and one more */
	uint64_t mask;
};

_Static_assert(DIGESTS_MAX <= UINT32_MAX, "a record's place fits");

static bool key_equal(const struct key *a, const struct key *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_sec == b->mtime_sec && a->mtime_nsec == b->mtime_nsec &&
	       a->ctime_sec == b->ctime_sec && a->ctime_nsec == b->ctime_nsec;
}

static struct key key_of(const struct scan *s, uint32_t i)
{
	const struct manifest_entry *e = &s->entries[i];
	const struct scan_file *f = &s->files[i];

	return (struct key){
		.dev = f->dev,
		.ino = f->ino,
		.size = e->size,
		.mtime_sec = e->mtime_sec,
		.ctime_sec = f->ctime_sec,
		.mtime_nsec = e->mtime_nsec,
		.ctime_nsec = f->ctime_nsec,
	};
}

/* What of a device's content changes tells nothing. */
static bool is_kept(const struct scan *s, uint32_t i)
{
	return s->entries[i].type == MANIFEST_FILE && s->entries[i].size > 0 &&
	       !s->files[i].device;
}

/* --- reading --- */

static struct record read_record(struct rd *r)
{
	struct record rec = { .key = {
				      .dev = rd_u64(r),
				      .ino = rd_u64(r),
				      .size = rd_u64(r),
				      .mtime_sec = (int64_t)rd_u64(r),
				      .ctime_sec = (int64_t)rd_u64(r),
				      .mtime_nsec = rd_u32(r),
				      .ctime_nsec = rd_u32(r),
			      } };

	rec.sums = rd_bytes(r, manifest_n_chunks(rec.key.size) * SHA256_LEN);
	return rec;
}

/* One that was read before: it is whole. */
static struct record record_at(const struct digests *d, uint32_t i)
{
	struct rd r = rd_init(d->bytes + d->at[i], d->len - d->at[i]);

	return read_record(&r);
}

static int add_record(struct digests *d, uint32_t at)
{
	if (d->n == d->cap) {
		uint32_t cap = d->cap ? d->cap * 2 : 256;
		void *grown = reallocarray(d->at, cap, sizeof(*d->at));

		if (!grown)
			return -ENOMEM;
		d->at = grown;
		d->cap = cap;
	}
	d->at[d->n++] = at;
	return 0;
}

static int read_records(struct digests *d, struct rd *r)
{
	int err = 0;

	while (err == 0 && rd_left(r) > 0) {
		uint32_t at = (uint32_t)(r->p - d->bytes);

		read_record(r);
		err = rd_ok(r) ? add_record(d, at) : -EBADMSG;
	}
	return err;
}

static uint32_t *find_slot(const struct digests *d, uint64_t dev, uint64_t ino)
{
	uint64_t at = inode_hash(dev, ino) & d->mask;

	for (; d->slot[at]; at = (at + 1) & d->mask) {
		struct key key = record_at(d, d->slot[at] - 1).key;

		if (key.dev == dev && key.ino == ino)
			break;
	}
	return &d->slot[at];
}

static int make_index(struct digests *d)
{
	uint64_t cap = 16;

	while (cap < 2 * (uint64_t)d->n)
		cap *= 2;
	d->mask = cap - 1;
	d->slot = calloc(cap, sizeof(*d->slot));
	d->replaced = calloc((size_t)d->n + 1, 1);
	if (!d->slot || !d->replaced)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n; i++) {
		struct key key = record_at(d, i).key;
		uint32_t *slot = find_slot(d, key.dev, key.ino);

		if (!*slot)
			*slot = i + 1;
	}
	return 0;
}

/* The file's bytes without the digest at its end, which fits them. */
static int read_bytes(struct digests *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;
	uint8_t sum[SHA256_LEN];
	struct stat st;
	size_t len;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < MAGIC_LEN + SHA256_LEN ||
	    (uint64_t)st.st_size > DIGESTS_MAX)
		r = -EBADMSG;
	len = r == 0 ? (size_t)st.st_size : 1;
	d->bytes = malloc(len);
	if (!d->bytes)
		r = -ENOMEM;
	if (r == 0)
		r = file_pread_all(fd, d->bytes, len, 0);
	close_fd(&fd);
	if (r < 0)
		return r;
	d->len = len - SHA256_LEN;
	if ((size_t)r != len)
		return -EBADMSG;
	r = digest_bytes(d->bytes, d->len, sum);
	if (r == 0 && memcmp(sum, d->bytes + d->len, SHA256_LEN) != 0)
		r = -EBADMSG;
	return r;
}

int digests_load(struct digests **ret, const char *path)
{
	struct digests *d = calloc(1, sizeof(*d));
	struct rd r;
	int err;

	if (!d)
		return -ENOMEM;
	err = read_bytes(d, path);
	r = rd_init(d->bytes, err == 0 ? d->len : 0);
	if (err == 0)
		err = rd_u64(&r) == MAGIC ? read_records(d, &r) : -EBADMSG;
	if (err == -EBADMSG) {
		d->n = 0;
		err = 0;
	}
	if (err == 0)
		err = make_index(d);
	if (err < 0)
		digests_free(d);
	else
		*ret = d;
	return err;
}

void digests_free(struct digests *d)
{
	if (!d)
		return;
	free(d->slot);
	free(d->replaced);
	free(d->at);
	free(d->bytes);
	free(d);
}

/* The number of the record of this file, in whatever state, and one more; 0: there is none. */
static uint32_t find(const struct digests *d, const struct key *key)
{
	return *find_slot(d, key->dev, key->ino);
}

/* --- files of a plan: each run's chunks follow those of the run before --- */

static uint32_t chunks_in(const struct manifest_run *run)
{
	return (uint32_t)manifest_n_chunks(run->len);
}

static bool is_hole(const uint8_t *sum)
{
	static const uint8_t none[SHA256_LEN];

	return memcmp(sum, none, SHA256_LEN) == 0;
}

static void fill_run(struct sums *sums, uint32_t chunk, const struct manifest_run *run,
		     const struct record *rec)
{
	const uint8_t *sum = rec->sums + run->file_off / MANIFEST_CHUNK * SHA256_LEN;

	for (uint32_t i = 0; i < chunks_in(run); i++, sum += SHA256_LEN) {
		if (!is_hole(sum))
			sums_set(sums, chunk + i, sum);
	}
}

void digests_fill(const struct digests *d, const struct pack *p, struct sums *sums)
{
	uint32_t chunk = 0;

	for (uint32_t i = 0; i < p->m.n_entries; i++) {
		const struct manifest_entry *e = &p->m.entries[i];
		struct key key = key_of(p->scan, i);
		uint32_t found = is_kept(p->scan, i) ? find(d, &key) : 0;
		struct record rec = { 0 };

		if (found)
			rec = record_at(d, found - 1);
		for (uint32_t k = 0; k < e->n_runs; k++) {
			const struct manifest_run *run = &p->m.runs[e->first_run + k];

			if (found && key_equal(&rec.key, &key))
				fill_run(sums, chunk, run, &rec);
			chunk += chunks_in(run);
		}
	}
}

/* --- writing --- */

struct writer {
	int fd, error;
	struct digest *digest;
	uint64_t total;
	size_t len;
	uint8_t buf[WRITE_SIZE];
};

static void flush(struct writer *w)
{
	if (w->error == 0)
		w->error = file_write_all(w->fd, w->buf, w->len);
	digest_update(w->digest, w->buf, w->len);
	w->len = 0;
}

/* `len` is at most WRITE_SIZE. */
static void put(struct writer *w, const void *data, size_t len)
{
	if (len > WRITE_SIZE - w->len)
		flush(w);
	memcpy(w->buf + w->len, data, len);
	w->len += len;
	w->total += len;
}

static void put_key(struct writer *w, const struct key *key)
{
	uint8_t buf[KEY_LEN];
	struct wr wr = wr_init(buf, sizeof(buf));

	wr_u64(&wr, key->dev);
	wr_u64(&wr, key->ino);
	wr_u64(&wr, key->size);
	wr_u64(&wr, (uint64_t)key->mtime_sec);
	wr_u64(&wr, (uint64_t)key->ctime_sec);
	wr_u32(&wr, key->mtime_nsec);
	wr_u32(&wr, key->ctime_nsec);
	put(w, buf, sizeof(buf));
}

static bool has_room(const struct writer *w, uint64_t size)
{
	uint64_t n = manifest_n_chunks(size);

	return n < DIGESTS_MAX / SHA256_LEN &&
	       w->total + KEY_LEN + (n + 1) * SHA256_LEN <= DIGESTS_MAX;
}

/* Every run's chunks are known; `chunk` is the first. */
static bool all_known(const struct pack *p, const struct sums *sums,
		      const struct manifest_entry *e, uint32_t chunk)
{
	for (uint32_t k = 0; k < e->n_runs; k++) {
		uint32_t n = chunks_in(&p->m.runs[e->first_run + k]);

		for (; n > 0; n--) {
			if (sums->state[chunk++] != SUM_KNOWN)
				return false;
		}
	}
	return true;
}

static void put_file(struct writer *w, const struct pack *p, const struct sums *sums,
		     const struct manifest_entry *e, uint32_t chunk)
{
	static const uint8_t none[SHA256_LEN];
	uint64_t at = 0, n = manifest_n_chunks(e->size);

	for (uint32_t k = 0; k < e->n_runs; k++) {
		const struct manifest_run *run = &p->m.runs[e->first_run + k];

		for (; at < run->file_off / MANIFEST_CHUNK; at++)
			put(w, none, SHA256_LEN);
		for (uint32_t i = chunks_in(run); i > 0; i--, at++)
			put(w, sums->sum[chunk++], SHA256_LEN);
	}
	for (; at < n; at++)
		put(w, none, SHA256_LEN);
}

static bool is_fresh(const struct key *key, int64_t scanned)
{
	return MAX(key->mtime_sec, key->ctime_sec) > scanned - FRESH - 1;
}

static void put_plan(struct writer *w, struct digests *old, const struct pack *p,
		     const struct sums *sums, int64_t scanned)
{
	uint32_t chunk = 0;

	for (uint32_t i = 0; i < p->m.n_entries; i++) {
		const struct manifest_entry *e = &p->m.entries[i];
		struct key key = key_of(p->scan, i);
		uint32_t found = is_kept(p->scan, i) ? find(old, &key) : 0;

		if (found)
			old->replaced[found - 1] = true;
		if (is_kept(p->scan, i) && !is_fresh(&key, scanned) &&
		    all_known(p, sums, e, chunk) && has_room(w, e->size)) {
			put_key(w, &key);
			put_file(w, p, sums, e, chunk);
		}
		for (uint32_t k = 0; k < e->n_runs; k++)
			chunk += chunks_in(&p->m.runs[e->first_run + k]);
	}
}

static void put_old(struct writer *w, struct digests *old)
{
	for (uint32_t i = 0; i < old->n; i++) {
		struct record rec = record_at(old, i);
		uint64_t n = manifest_n_chunks(rec.key.size);

		if (old->replaced[i] || !has_room(w, rec.key.size))
			continue;
		put_key(w, &rec.key);
		for (uint64_t k = 0; k < n; k++)
			put(w, rec.sums + k * SHA256_LEN, SHA256_LEN);
	}
}

static int write_all(struct writer *w, struct digests *old, const struct pack *p,
		     const struct sums *sums, int64_t scanned)
{
	uint8_t head[MAGIC_LEN], sum[SHA256_LEN];
	struct wr wr = wr_init(head, sizeof(head));
	int r;

	wr_u64(&wr, MAGIC);
	put(w, head, sizeof(head));
	put_plan(w, old, p, sums, scanned);
	put_old(w, old);
	flush(w);
	r = digest_final(w->digest, sum);
	if (r == 0)
		r = w->error;
	return r < 0 ? r : file_write_all(w->fd, sum, sizeof(sum));
}

/* The directories that lead there, for this user alone. */
static void make_parents(const char *path)
{
	char dir[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		mkdir(dir, 0700); /* what is there already, or cannot be, is seen below */
	}
}

int digests_save(struct digests *old, const char *path, const struct pack *p,
		 const struct sums *sums, int64_t scanned)
{
	struct writer *w = calloc(1, sizeof(*w));
	char tmp[PATH_MAX];
	int r;

	if (!w)
		return -ENOMEM;
	r = digest_new(&w->digest);
	w->fd = -1;
	if (r == 0 && snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		r = -ENAMETOOLONG;
	if (r == 0) {
		make_parents(path);
		w->fd = mkostemp(tmp, O_CLOEXEC);
		r = w->fd < 0 ? -errno : write_all(w, old, p, sums, scanned);
	}
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0 && w->fd >= 0)
		unlink(tmp);
	close_fd(&w->fd);
	digest_free(w->digest);
	free(w);
	return r;
}

int digests_default_path(char ret[static PATH_MAX])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (geteuid() == 0)
		n = snprintf(ret, PATH_MAX, "/var/cache/sow/digests");
	else if (cache && *cache == '/')
		n = snprintf(ret, PATH_MAX, "%s/sow/digests", cache);
	else if (home && *home == '/')
		n = snprintf(ret, PATH_MAX, "%s/.cache/sow/digests", home);
	else
		return -ENOENT;
	return n < PATH_MAX ? 0 : -ENOENT;
}
