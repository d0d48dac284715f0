/* job_tree.c - a job as a manifest, its digests and its content (doc/PROTOCOL.md, "A job"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/job_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "sender/digests.h"

#define QUICK_SLICE ((uint64_t)8 << 20)
#define MODE        0644 /* of objects that are no files */

/* In 65535ths: who lacks more than nine tenths is as good as empty. */
#define HOLDS_LITTLE (65535 / 10 * 9)

/* --- before the session --- */

static size_t last_part(const char *path, const char **ret)
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	*ret = path + start;
	return end - start;
}

/* What receivers call the job: the last part of what was named first. */
static void choose_name(struct job *j, const char *path, size_t room)
{
	char real[PATH_MAX];
	const char *part;
	size_t len = last_part(path, &part);

	if (strspn(part, ".") >= len && realpath(path, real)) /* "/", "." and ".." */
		len = last_part(real, &part);
	if (len == 0)
		len = last_part("root", &part);
	snprintf(j->name, sizeof(j->name), "%.*s", (int)MIN(len, room), part);
}

bool job_is_of(const struct job *j, const struct receipt *rc)
{
	uint8_t both[DIGEST_LEN + 1], sum[DIGEST_LEN];

	memcpy(both, j->wire.id, DIGEST_LEN);
	both[DIGEST_LEN] = rc->status;
	return digest_bytes(both, sizeof(both), sum) == 0 &&
	       memcmp(sum, rc->digest, DIGEST_LEN) == 0;
}

static struct jobinfo info_of(const struct job *j, enum jobinfo_role role)
{
	struct jobinfo info = {
		.name = j->name,
		.name_len = strlen(j->name),
		.mode = MODE,
		.mtime_sec = j->scanned_at,
		.role = (uint8_t)role,
	};

	memcpy(info.job, j->wire.id, DIGEST_LEN);
	switch (role) {
	case JOBINFO_MANIFEST:
		info.has_digest = true;
		memcpy(info.digest, j->wire.id, DIGEST_LEN);
		info.has_raw_size = j->wire.len < j->wire.raw_len;
		info.raw_size = info.has_raw_size ? j->wire.raw_len : 0;
		break;
	case JOBINFO_DIGESTS:
		info.has_digest = true;
		memcpy(info.digest, j->sum, DIGEST_LEN);
		break;
	case JOBINFO_PART:
		info.has_digest = true;
		memcpy(info.digest, j->part.digest, DIGEST_LEN);
		info.offset = j->part.offset;
		info.has_size = j->part.last;
		info.size = info.has_size ? j->part.offset + j->part.len : 0;
		break;
	case JOBINFO_CONTENT:
	case JOBINFO_FILE:
		break;
	}
	return info;
}

/* INFO is longest for a compressed manifest, or the last part. */
int job_fit_name(struct job *j, const char *first_path)
{
	uint8_t buf[JOB_INFO_MAX];
	struct jobinfo info;
	int len;

	choose_name(j, first_path, 1);
	info = info_of(j, j->conf.input_name ? JOBINFO_PART : JOBINFO_MANIFEST);
	info.has_raw_size = !j->conf.input_name;
	info.has_size = !info.has_raw_size;
	len = jobinfo_encode(&info, buf, sizeof(buf));
	if (len < 0 || (unsigned)len > j->conf.segment) {
		log_err(0, "--segment %u: too small to tell of a job; give at least %d",
			j->conf.segment, len);
		return -EINVAL;
	}
	choose_name(j, first_path,
		    MIN(j->conf.segment - (unsigned)len + 1, (unsigned)JOBINFO_NAME_MAX));
	return 0;
}

static uint64_t count_unknown(const struct job *j)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < j->sums.n; i++)
		bytes += j->sums.state[i] == SUM_UNKNOWN ? j->pack->m.chunks[i].len : 0;
	return bytes;
}

static void load_digests(struct job *j)
{
	struct digests *d;
	int r;

	if (!j->conf.digest_cache)
		return;
	r = digests_load(&d, j->conf.digest_cache);
	if (r < 0) {
		log_warn(r, "read the digest cache %s", j->conf.digest_cache);
		return;
	}
	digests_fill(d, j->pack, &j->sums);
	digests_free(d);
}

void job_tree_save(struct job *j)
{
	const char *path = j->conf.digest_cache;
	struct digests *d;
	int r;

	j->unsaved = false;
	if (!path || count_unknown(j) == j->to_hash)
		return;
	r = digests_load(&d, path);
	if (r == 0) {
		r = digests_save(d, path, j->pack, &j->sums, j->scanned_at);
		digests_free(d);
	}
	if (r < 0)
		log_warn(r, "write the digest cache %s (see --digest-cache)", path);
}

static void say_hash(const struct job *j)
{
	if (j->conf.progress)
		j->conf.progress(j->conf.progress_arg, "reading", j->hashed, j->to_hash);
}

/* All of it at once: there is not much. */
static int hash_quickly(struct job *j)
{
	struct source_loss *losses = NULL;
	int64_t n;

	while ((n = source_tree_hash(j->tree, QUICK_SLICE, &losses)) > 0) {
		j->hashed += (uint64_t)n;
		say_hash(j);
	}
	job_note_losses(j, losses);
	return (int)n;
}

/* With all digests at hand what is equal need not be sent twice. */
static int plan_again(struct job *j)
{
	int r;

	j->complete = true;
	source_tree_free(j->tree);
	j->tree = NULL;
	r = pack_dedup(j->pack, &j->sums);
	if (r == 0)
		r = source_tree_new(&j->tree, j->pack, &j->sums);
	return r;
}

static int prepare(struct job *j)
{
	int r = sums_init(&j->sums, j->pack->m.n_chunks);

	if (r == 0)
		r = source_tree_new(&j->tree, j->pack, &j->sums);
	if (r < 0)
		return r;
	load_digests(j);
	j->to_hash = count_unknown(j);
	j->unsaved = j->to_hash > 0;
	if (j->conf.compress || j->to_hash <= j->conf.quick) {
		r = j->conf.compress ? job_stash_make(j) : hash_quickly(j);
		if (j->unsaved)
			job_tree_save(j);
		if (r == 0)
			r = plan_again(j);
	}
	if (r == 0 && j->stash)
		job_stash_use(j);
	j->largest = MAX(manifest_object_size(&j->pack->m), (uint64_t)j->sums.n * SHA256_LEN);
	return r < 0 ? r : pack_encode(j->pack, &j->wire);
}

int job_tree_init(struct job *j, const char *first_path)
{
	int r = job_fit_name(j, first_path);

	if (r < 0)
		return r;
	r = prepare(j);
	if (r < 0)
		return j->conf.compress ? job_stash_failed(r)
					: log_err(r, "%u files", j->scan->n_files);
	j->largest = MAX(j->largest, (uint64_t)j->wire.len);
	return 0;
}

/* --- the session --- */

static int add_object(struct job *j, struct tx *tx, nsec_t now, enum jobinfo_role role,
		      uint64_t size, bool asked)
{
	struct jobinfo info = info_of(j, role);
	uint64_t *object = role == JOBINFO_MANIFEST  ? &j->manifest
			   : role == JOBINFO_DIGESTS ? &j->digests
						     : &j->content;
	uint8_t buf[JOB_INFO_MAX];
	int len = jobinfo_encode(&info, buf, sizeof(buf));
	int r = len < 0 ? len
		: asked ? tx_add_asked(tx, now, size, buf, (size_t)len, object)
			: tx_add(tx, now, size, buf, (size_t)len, object);

	if (r < 0) {
		log_err(0, "too much for one job; try a larger --segment, or fewer files");
		j->broken = true;
		j->n_failed++;
	}
	return r;
}

int job_add(struct job *j, struct tx *tx, nsec_t now, enum jobinfo_role role, uint64_t size)
{
	return add_object(j, tx, now, role, size, false);
}

static bool is_there(const struct tx_receiver *rc)
{
	return rc->state == TX_RX_ACTIVE || rc->state == TX_RX_ACKED;
}

static bool somebody_holds(const struct tx *tx)
{
	for (unsigned i = 0; i < tx_n_receivers(tx); i++) {
		struct tx_receiver rc = tx_receiver(tx, i);

		if (is_there(&rc) && rc.holds)
			return true;
	}
	return false;
}

static bool all_hold(const struct tx *tx)
{
	bool any = false;

	for (unsigned i = 0; i < tx_n_receivers(tx); i++) {
		struct tx_receiver rc = tx_receiver(tx, i);

		if (is_there(&rc) && (!rc.holds || rc.lacks > HOLDS_LITTLE))
			return false;
		any |= is_there(&rc);
	}
	return any;
}

static void finish(struct job *j, struct tx *tx, nsec_t now)
{
	tx_finish(tx, now);
	j->state = JOB_DONE;
}

static int add_digests(struct job *j, struct tx *tx, nsec_t now)
{
	int r = digest_bytes(j->sums.sum, (size_t)j->sums.n * SHA256_LEN, j->sum);

	if (r < 0) {
		log_err(r, "hash the digests");
		j->broken = true;
		j->n_failed++;
		return r;
	}
	return job_add(j, tx, now, JOBINFO_DIGESTS, (uint64_t)j->sums.n * SHA256_LEN);
}

static void begin(struct job *j, struct tx *tx, nsec_t now)
{
	if (job_add(j, tx, now, JOBINFO_MANIFEST, j->wire.len) == 0)
		tx_settle(tx, now);
	j->state = JOB_MANIFEST;
}

static void digests_next(struct job *j, struct tx *tx, nsec_t now)
{
	if (add_digests(j, tx, now) == 0)
		tx_settle(tx, now);
	j->state = JOB_DIGESTS;
}

/* Everybody has the manifest. */
static void on_manifest(struct job *j, struct tx *tx, nsec_t now)
{
	uint64_t size = manifest_object_size(&j->pack->m);

	if (size == 0) {
		finish(j, tx, now);
	} else if (j->complete) {
		digests_next(j, tx, now);
	} else if (somebody_holds(tx)) {
		j->state = JOB_HASHING;
	} else {
		job_add(j, tx, now, JOBINFO_CONTENT, size);
		j->state = JOB_CONTENT;
	}
}

bool job_tree_feed(struct job *j, struct tx *tx, nsec_t now)
{
	if (j->broken && j->state != JOB_DONE)
		finish(j, tx, now);
	switch (j->state) {
	case JOB_BEGIN:
		begin(j, tx, now);
		break;
	case JOB_MANIFEST:
		if (tx_settled(tx))
			on_manifest(j, tx, now);
		break;
	case JOB_HASHING:
		if (j->complete)
			digests_next(j, tx, now);
		break;
	case JOB_DIGESTS:
		if (!tx_settled(tx))
			break;
		add_object(j, tx, now, JOBINFO_CONTENT, manifest_object_size(&j->pack->m),
			   all_hold(tx));
		finish(j, tx, now);
		break;
	case JOB_CONTENT:
		if (!j->complete)
			break;
		add_digests(j, tx, now);
		finish(j, tx, now);
		break;
	case JOB_DONE:
		break;
	}
	return false;
}
