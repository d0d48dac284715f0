/* treejob_task.c - what the finisher does for a job. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/treejob_internal.h"

#include "common/file.h"
#include "common/human.h"
#include "common/log.h"
#include "receiver/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_TRIES 8 /* half a second apart */

static struct treejob *job_of(struct finish *f)
{
	return (struct treejob *)((char *)f - offsetof(struct treejob, finish));
}

static int refuse(struct treejob *tj, int error, const char *path, const char *reason)
{
	snprintf(tj->text, sizeof(tj->text), "%.*s%s%s", path ? 100 : 0, path ? path : "",
		 path ? ": " : "", reason);
	return error;
}

/* --- the manifest --- */

static int decode_raw(struct treejob *tj, const uint8_t *raw, size_t len)
{
	/* For a chunk also: its digest as it comes, how often it was asked for, wanted.h. */
	static const struct manifest_limits limits = {
		.max_entries = TREEJOB_ENTRIES_MAX,
		.max_memory = TREEJOB_MEMORY_MAX,
		.per_entry = TREE_PER_ENTRY,
		.per_run = TREE_PER_RUN,
		.per_chunk = TREE_PER_CHUNK + SHA256_LEN + 1 + 4 * sizeof(uint32_t),
	};
	uint8_t sum[SHA256_LEN];
	int r = digest_bytes(raw, len, sum);

	if (r < 0)
		return refuse(tj, r, NULL, strerror(-r));
	if (memcmp(sum, tj->id, SHA256_LEN) != 0)
		return refuse(tj, -EBADMSG, NULL, "the manifest is not what its digest says");
	r = manifest_decode(&tj->manifest, raw, len, &limits);
	switch (r) {
	case 0:
		return 0;
	case -EPROTONOSUPPORT:
		return refuse(tj, r, NULL, "the manifest needs a newer reap");
	case -EBADMSG:
		return refuse(tj, r, NULL, "the manifest is malformed");
	case -EFBIG:
		return refuse(tj, r, NULL, "too many files, or bytes, for one job");
	default:
		return refuse(tj, r, NULL, strerror(-r));
	}
}

static int decode(struct treejob *tj)
{
	const struct treejob_part *p = &tj->part[JOBINFO_MANIFEST];
	const uint8_t *wire = tj->memory[JOBINFO_MANIFEST].data;
	uint8_t *raw;
	int r;

	if (!p->raw_size)
		return decode_raw(tj, wire, p->size);
	raw = malloc(p->raw_size);
	r = raw ? manifest_unpack(wire, p->size, raw, p->raw_size) : -ENOMEM;
	if (r < 0)
		refuse(tj, r, NULL,
		       r == -EBADMSG ? "the manifest cannot be unpacked" : strerror(-r));
	else
		r = decode_raw(tj, raw, p->raw_size);
	free(raw);
	return r;
}

/* A pattern that fits a directory fits all that is in it. */
static bool is_wanted(const struct limits *l, const char *path)
{
	char part[PATH_MAX];
	const char *end = path;

	do {
		end = strchrnul(end + 1, '/');
		if ((size_t)(end - path) >= sizeof(part))
			return false;
		memcpy(part, path, (size_t)(end - path));
		part[end - path] = '\0';
		if (limits_check(l, part, 0) == 0)
			return true;
	} while (*end);
	return false;
}

static int check_limits(struct treejob *tj)
{
	const struct manifest *m = &tj->manifest;
	const struct limits *l = tj->conf.limits;

	if (l->max_size && m->total_size > l->max_size)
		return refuse(tj, -EMSGSIZE, NULL, "larger than --max-size");
	for (uint32_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].type != MANIFEST_DIR && !is_wanted(l, m->entries[i].path))
			return refuse(tj, -EKEYREJECTED, m->entries[i].path,
				      "not a name that --allow-name has");
	return 0;
}

/* One file, which keeps its name. */
static int fit_stdout(struct treejob *tj)
{
	char reason[80];

	if (tj->manifest.n_entries == 1 && tj->manifest.entries->type == MANIFEST_FILE)
		return 0;
	snprintf(reason, sizeof(reason), "takes one file, and the job is a tree of %u",
		 tj->manifest.n_entries);
	return refuse(tj, -ENOTDIR, "standard output", reason);
}

/* An output that is one file gives its name to the one of the job. */
static int fit_output(struct treejob *tj)
{
	const struct output *o = tj->conf.output;
	struct manifest_entry *e = tj->manifest.entries;
	char reason[80];

	if (o->kind == OUTPUT_DIR)
		return 0;
	if (o->kind == OUTPUT_STDOUT)
		return fit_stdout(tj);
	if (tj->manifest.n_entries == 1 && e->type == MANIFEST_FILE) {
		e->path = o->name;
		e->path_len = (uint16_t)strlen(o->name);
		return 0;
	}
	snprintf(reason, sizeof(reason), "is no directory, and the job is a tree of %u: %s",
		 tj->manifest.n_entries,
		 faccessat(o->dirfd, o->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0
			 ? "mkdir it"
			 : "give reap a directory");
	return refuse(tj, -ENOTDIR, o->path, reason);
}

/* -EBUSY: again in a moment; an earlier session may still have it, or a program that looks. */
static int open_device(struct treejob *tj)
{
	const struct output *o = tj->conf.output;
	uint64_t size = tj->manifest.total_size;
	char why[DEVICE_TEXT];
	int r;

	if (tj->manifest.stored)
		return refuse(tj, -EOPNOTSUPP, o->path,
			      "has no room for what is compressed: sow it without --compress");
	r = device_open(&tj->device, o->dirfd, o->name, why);
	if (r == -EBUSY && tj->tries++ < DEVICE_TRIES)
		return r;
	if (r < 0)
		return refuse(tj, r == -EBUSY ? -ETXTBSY : r, o->path, why);
	if (size <= tj->device.size)
		return 0;
	snprintf(why, sizeof(why), "is too small: it has %" PRIu64 " bytes, the image %" PRIu64,
		 tj->device.size, size);
	return refuse(tj, -EFBIG, o->path, why);
}

static int refuse_tree(struct treejob *tj, const struct tree_refusal *why)
{
	const char *dir = tj->conf.output->dir;
	char needs[16], spool[16], left[16];

	if (why->error != -ENOSPC || !why->needs)
		return refuse(tj, why->error, why->path, tree_refusal_text(why->error));
	if (why->inplace)
		return refuse(tj, why->error, NULL, TREEJOB_INPLACE);
	human_number(needs, sizeof(needs), (double)why->needs, "B");
	human_number(spool, sizeof(spool), (double)why->spool, "B");
	human_number(left, sizeof(left), (double)why->left, "B");
	if (why->files)
		snprintf(tj->text, sizeof(tj->text),
			 "no space in %.100s: %" PRIu64 " files to come, inodes for %" PRIu64,
			 dir, why->needs, why->left);
	else if (why->spool)
		snprintf(tj->text, sizeof(tj->text),
			 "no space in %.60s: %s to come, %s of it compressed, which is "
			 "kept until all is there; room for %s",
			 dir, needs, spool, left);
	else
		snprintf(tj->text, sizeof(tj->text),
			 "no space in %.100s: %s to come, room for %s", dir, needs, left);
	return why->error;
}

/* What is kept of jobs that may never come again gives way to one that is here, if that helps
 * it. */
static bool make_room(const struct treejob *tj, const struct tree_refusal *why)
{
	uint64_t lacks = why->needs ? why->needs - why->left : 0;
	unsigned n = stage_make_room(tj->conf.output->dirfd, tj->id, lacks, why->files);

	if (n)
		log_info("removed what was kept of %u jobs in %s, to make room for %s", n,
			 tj->conf.output->dir, tj->name);
	return n > 0;
}

/* What it has got of one job can be followed by nothing else. */
static int open_spool(struct treejob *tj)
{
	const struct output *o = tj->conf.output;
	int fd;

	if (tj->manifest.stored)
		return refuse(tj, -EOPNOTSUPP, "standard output",
			      "takes nothing compressed: sow it without --compress");
	if (*o->taken)
		return refuse(tj, -EALREADY, "standard output", "has another job already");
	fd = file_unnamed(o->dir);
	if (fd < 0)
		return refuse(tj, fd, o->dir, strerror(-fd));
	tj->device = (struct device){ .fd = fd, .size = INT64_MAX };
	return 0;
}

static int open_tree(struct treejob *tj)
{
	enum output_kind kind = tj->conf.output->kind;
	struct tree_conf tc = {
		.dirfd = tj->conf.output->dirfd,
		.manifest = &tj->manifest,
		.job = tj->id,
		.owner = tj->conf.limits->owner,
		.prune = tj->conf.limits->delete,
		.inplace = tj->conf.output->inplace,
		.device = kind >= OUTPUT_DEVICE ? &tj->device : NULL,
	};
	struct tree_refusal why;
	int r = kind == OUTPUT_DEVICE   ? open_device(tj)
		: kind == OUTPUT_STDOUT ? open_spool(tj)
					: 0;

	if (r < 0)
		return r;
	r = tree_new(&tj->tree, &tc, &why);
	if (r == -ENOSPC && make_room(tj, &why))
		r = tree_new(&tj->tree, &tc, &why);
	if (r < 0)
		return refuse_tree(tj, &why);
	tj->tells =
		tree_holds(tj->tree) || have_elsewhere(tj->conf.from, tj->conf.output->dirfd,
						       tree_stage_name(tj->tree));
	tj->holds = tj->tells || kind == OUTPUT_DEVICE;
	if (kind == OUTPUT_STDOUT)
		*tj->conf.output->taken = true;
	if (tree_resumed(tj->tree))
		treejob_load_map(tj);
	return 0;
}

void treejob_check(struct finish *f)
{
	struct treejob *tj = job_of(f);
	int r = 0;

	if (!tj->decoded) { /* else the stage was in use, and is tried again */
		r = decode(tj);
		tj->decoded = r == 0;
		sink_memory_close(&tj->memory[JOBINFO_MANIFEST]);
		if (r == 0)
			r = check_limits(tj);
		if (r == 0)
			r = fit_output(tj);
	}
	tj->error = r < 0 ? r : open_tree(tj);
}

/* --- the digests --- */

void treejob_expect(struct finish *f)
{
	struct treejob *tj = job_of(f);
	const struct treejob_part *p = &tj->part[JOBINFO_DIGESTS];
	const uint8_t *data = tj->memory[JOBINFO_DIGESTS].data;
	uint8_t sum[SHA256_LEN];

	tj->error = digest_bytes(data, p->size, sum);
	if (tj->error == 0 && memcmp(sum, p->digest, SHA256_LEN) != 0)
		tj->error = -EBADMSG;
	if (tj->error == 0)
		tj->error = tree_expect(tj->tree, (const uint8_t(*)[SHA256_LEN])data);
	sink_memory_close(&tj->memory[JOBINFO_DIGESTS]);
}

/* --- the end --- */

void treejob_verify(struct finish *f)
{
	struct treejob *tj = job_of(f);

	tj->error = tree_verify(tj->tree, &tj->stop);
}

void treejob_switch(struct finish *f)
{
	struct treejob *tj = job_of(f);

	tj->error = tree_switch(tj->tree, &tj->result);
}

void treejob_drop(struct finish *f)
{
	struct treejob *tj = job_of(f);

	tree_drop(tj->tree);
}
