/* treejob.c - the job of one session on its way to a tree: what to do next. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/treejob.h"
#include "receiver/treejob_internal.h"

#include "common/log.h"
#include "receiver/job.h"
#include "receiver/tree_out.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CATCH_UP   ((uint64_t)1 << 20) /* bytes that are hashed after each write, at most */
#define RETRY      (500 * NSEC_PER_MSEC)
#define SMALL_FILE 16384 /* bytes; to create a file costs more than to write so many */
#define ASK_MAX    2     /* times that a chunk is asked for again */

bool treejob_info(const struct rx_event *ev, struct jobinfo *ret)
{
	return jobinfo_decode(ret, ev->info, ev->info_len) == 0 && ret->role != JOBINFO_FILE;
}

/* --- the content --- */

static struct treejob *job_of_content(struct sink *s)
{
	return (struct treejob *)((char *)s - offsetof(struct treejob, content));
}

static int write_content(struct sink *s, uint64_t off, const void *data, size_t len,
			 uint64_t front)
{
	struct treejob *tj = job_of_content(s);
	int r = tree_write(tj->tree, off, data, len);

	atomic_fetch_add(&tj->written, len);
	return r < 0 ? r : tree_catch_up(tj->tree, front, CATCH_UP);
}

static int read_content(struct sink *s, uint64_t off, void *buf, size_t len)
{
	return tree_read(job_of_content(s)->tree, off, buf, len);
}

/* --- beginning and end --- */

int treejob_new(struct treejob **ret, const struct treejob_conf *conf)
{
	static const struct sink_ops ops = { .write = write_content, .read = read_content };
	struct treejob *tj = calloc(1, sizeof(*tj));

	if (!tj)
		return -ENOMEM;
	tj->conf = *conf;
	tj->content = (struct sink){ .ops = &ops, .closed = true };
	tj->device.fd = -1;
	tj->pour.at = NSEC_NEVER;
	tj->pour.finish.session = conf->session;
	tj->memory[JOBINFO_MANIFEST].sink.closed = true;
	tj->memory[JOBINFO_DIGESTS].sink.closed = true;
	tj->finish.session = tj->look.session = tj->save.session = conf->session;
	tj->expand.session = conf->session;
	tj->retry_at = tj->save_at = NSEC_NEVER;
	*ret = tj;
	return 0;
}

void treejob_free(struct treejob *tj)
{
	if (!tj)
		return;
	have_free(tj->have);
	free(tj->map.ranges);
	free(tj->saved.ranges);
	tree_free(tj->tree);
	device_close(&tj->device);
	manifest_fini(&tj->manifest);
	sink_memory_close(&tj->memory[JOBINFO_MANIFEST]);
	sink_memory_close(&tj->memory[JOBINFO_DIGESTS]);
	parts_fini(&tj->parts);
	free(tj->pour.buf);
	free(tj->asked);
	free(tj);
}

/*
 * It is not known yet what to ask for. Whoever refuses the job lets its receipt come first, so
 * that nothing is sent for it.
 */
void treejob_set_busy(struct treejob *tj, nsec_t now)
{
	bool busy = false;

	switch (tj->state) {
	case TREEJOB_CHECKING:
	case TREEJOB_WAITING:
		busy = true;
		break;
	case TREEJOB_OPEN:
		busy = tj->looking || ((tj->holds || tj->manifest.stored) && tj->out) ||
		       tj->parts.state == PARTS_COMPLETE;
		break;
	case TREEJOB_DONE:
		busy = tj->refused;
		break;
	case TREEJOB_MANIFEST:
	case TREEJOB_VERIFYING:
	case TREEJOB_SWITCHING:
		break;
	}
	rx_set_busy(tj->conf.rx, now, busy);
}

void treejob_submit(struct treejob *tj, void (*serve)(struct finish *f))
{
	tj->out = true;
	tj->finish.serve = serve;
	finisher_submit(tj->conf.finisher, &tj->finish);
}

/* --- its objects --- */

static struct treejob_part *part_of(struct treejob *tj, uint64_t object)
{
	for (int role = JOBINFO_MANIFEST; role <= JOBINFO_CONTENT; role++)
		if (tj->part[role].offered && tj->part[role].object == object)
			return &tj->part[role];
	return NULL;
}

bool treejob_has(const struct treejob *tj, uint64_t object)
{
	return tj && (treejob_is_part(tj, object) || part_of((struct treejob *)tj, object));
}

struct sink *treejob_sink(struct treejob *tj, uint64_t object)
{
	const struct treejob_part *p = part_of(tj, object);

	if (treejob_is_part(tj, object))
		return &tj->parts.sink;
	if (!p || !p->accepted)
		return NULL;
	return p == &tj->part[JOBINFO_CONTENT] ? &tj->content : &tj->memory[p - tj->part].sink;
}

static void release(struct treejob *tj, enum jobinfo_role role)
{
	struct treejob_part *p = &tj->part[role];

	if (p->accepted && !p->released)
		rx_release(tj->conf.rx, p->object);
	p->released |= p->accepted;
}

static void accept_memory(struct treejob *tj, nsec_t now, enum jobinfo_role role)
{
	struct treejob_part *p = &tj->part[role];

	if (sink_memory_open(&tj->memory[role], p->size) < 0) {
		treejob_fail(tj, now, FILE_FAILED, -ENOMEM,
			     "no memory for what describes the job");
		return;
	}
	p->accepted = true;
	rx_accept(tj->conf.rx, now, p->object);
}

static void accept_content(struct treejob *tj, nsec_t now)
{
	struct treejob_part *p = &tj->part[JOBINFO_CONTENT];

	p->accepted = true;
	tj->content.size = p->size;
	tj->content.closed = false;
	tj->content.slow = p->size / SMALL_FILE < tj->manifest.n_entries;
	rx_accept(tj->conf.rx, now, p->object);
	treejob_hold_all(tj, now);
	tj->save_at = tree_device(tj->tree) ? NSEC_NEVER : now;
}

/* --- what to do next --- */

static uint64_t size_of(const struct treejob *tj, enum jobinfo_role role)
{
	return role == JOBINFO_CONTENT ? manifest_object_size(&tj->manifest)
				       : (uint64_t)tj->manifest.n_chunks * SHA256_LEN;
}

/* What was offered before the manifest told what it should be. */
static void accept_parts(struct treejob *tj, nsec_t now)
{
	for (int role = JOBINFO_DIGESTS; role <= JOBINFO_CONTENT; role++) {
		struct treejob_part *p = &tj->part[role];

		if (!p->offered || p->accepted || tj->state == TREEJOB_DONE)
			continue;
		if (p->size != size_of(tj, (enum jobinfo_role)role))
			treejob_fail(tj, now, FILE_REFUSED, -EBADMSG,
				     "its objects are not as large as the manifest says");
		else if (role == JOBINFO_DIGESTS)
			accept_memory(tj, now, JOBINFO_DIGESTS);
		else if (!tj->manifest.stored || tree_expects(tj->tree))
			accept_content(tj, now);
	}
}

/* A job without bytes has neither content nor digests. */
static bool is_here(const struct treejob *tj)
{
	if (tj->manifest.content_size == 0)
		return true;
	return tj->part[JOBINFO_CONTENT].complete && tree_expects(tj->tree);
}

/* Parts come when the size is not known, and only then. */
static bool fits_size(const struct treejob *tj)
{
	if (!treejob_is_open(tj))
		return tj->parts.state == PARTS_IDLE;
	return !tj->part[JOBINFO_DIGESTS].offered && !tj->part[JOBINFO_CONTENT].offered;
}

/* Whatever has changed: the next step, if it can be taken. */
static void advance(struct treejob *tj, nsec_t now)
{
	const struct treejob_part *digests = &tj->part[JOBINFO_DIGESTS];

	if (tj->state != TREEJOB_OPEN || tj->out)
		return;
	if (!fits_size(tj)) {
		treejob_fail(tj, now, FILE_REFUSED, -EBADMSG,
			     "its objects are not those that the manifest says");
		return;
	}
	if (treejob_is_open(tj)) {
		treejob_advance_parts(tj, now);
		treejob_set_busy(tj, now);
		return;
	}
	accept_parts(tj, now);
	if (tj->state != TREEJOB_OPEN)
		return;
	if (digests->complete && !tree_expects(tj->tree)) {
		treejob_submit(tj, treejob_expect);
	} else if (is_here(tj) && tj->content.n_chores == 0 && !tj->looking && !tj->saving &&
		   !tj->expanding) {
		tj->state = TREEJOB_VERIFYING;
		treejob_submit(tj, treejob_verify);
	} else if (tj->stopping && !tj->looking) {
		treejob_fail(tj, now, FILE_INCOMPLETE, 0, tj->stopping);
		return;
	}
	treejob_set_busy(tj, now);
}

/* --- events --- */

static void check(struct treejob *tj, nsec_t now)
{
	tj->state = TREEJOB_CHECKING;
	treejob_set_busy(tj, now);
	treejob_submit(tj, treejob_check);
}

static const char *take_manifest(struct treejob *tj, const struct jobinfo *info, uint64_t size)
{
	struct treejob_part *p = &tj->part[JOBINFO_MANIFEST];

	if (!info->has_digest || memcmp(info->digest, info->job, SHA256_LEN) != 0)
		return "its manifest has no digest";
	if (size > TREEJOB_MANIFEST_MAX || info->raw_size > TREEJOB_MANIFEST_MAX)
		return "its manifest is too large";
	if (info->has_raw_size && info->raw_size == 0)
		return "its manifest is malformed";
	memcpy(tj->id, info->job, SHA256_LEN);
	memcpy(tj->name, info->name, info->name_len);
	p->raw_size = info->has_raw_size ? info->raw_size : 0;
	return NULL;
}

/* Why an object is none of this job. */
static const char *take_part(struct treejob *tj, const struct jobinfo *info, uint64_t size)
{
	if (info->role != JOBINFO_PART && tj->part[info->role].offered)
		return "a session has one job";
	if (info->role == JOBINFO_MANIFEST)
		return take_manifest(tj, info, size);
	if (!tj->part[JOBINFO_MANIFEST].offered)
		return NULL; /* heard before it */
	return memcmp(tj->id, info->job, SHA256_LEN) == 0 ? NULL : "a session has one job";
}

/* All that was wanted came: what comes now, from whomever, changes nothing. */
static bool is_over(const struct treejob *tj)
{
	return tj->state == TREEJOB_SWITCHING || tj->state == TREEJOB_DONE;
}

void treejob_on_object(struct treejob *tj, nsec_t now, const struct rx_event *ev)
{
	struct treejob_part *p;
	struct jobinfo info;
	const char *reason;

	if (!treejob_info(ev, &info))
		return;
	reason = take_part(tj, &info, ev->size);
	if (reason || is_over(tj)) {
		rx_refuse(tj->conf.rx, now, ev->object);
		if (!is_over(tj))
			treejob_fail(tj, now, FILE_REFUSED, -EBADMSG, reason);
		return;
	}
	if (info.role == JOBINFO_PART) {
		treejob_offer_part(tj, now, &info, ev);
		advance(tj, now);
		return;
	}
	p = &tj->part[info.role];
	*p = (struct treejob_part){
		.offered = true,
		.object = ev->object,
		.size = ev->size,
		.raw_size = p->raw_size,
	};
	memcpy(p->digest, info.digest, SHA256_LEN);
	if (info.role == JOBINFO_MANIFEST)
		accept_memory(tj, now, JOBINFO_MANIFEST);
	else
		advance(tj, now);
}

void treejob_on_complete(struct treejob *tj, nsec_t now, uint64_t object)
{
	struct treejob_part *p = part_of(tj, object);

	if (treejob_is_part(tj, object))
		tj->parts.state = PARTS_COMPLETE;
	else
		p->complete = true;
	if (tj->state == TREEJOB_DONE)
		return;
	if (p == &tj->part[JOBINFO_MANIFEST])
		check(tj, now);
	else
		advance(tj, now);
}

void treejob_on_aborted(struct treejob *tj, nsec_t now, const struct rx_event *ev)
{
	struct treejob_part *p = part_of(tj, ev->object);

	if (p)
		p->released = true;
	if (!is_over(tj))
		treejob_fail(tj, now, job_abort_status(ev->error), ev->error,
			     job_abort_reason(ev->error));
}

static bool in_use(const struct treejob *tj)
{
	return tj->out || tj->looking || tj->saving || tj->expanding || tj->hooking ||
	       tj->content.n_chores || tj->parts.sink.n_chores ||
	       tj->memory[JOBINFO_MANIFEST].sink.n_chores ||
	       tj->memory[JOBINFO_DIGESTS].sink.n_chores;
}

/* --- back from the finisher --- */

static void checked(struct treejob *tj, nsec_t now)
{
	release(tj, JOBINFO_MANIFEST);
	if (tj->error == -EBUSY && !tj->stopping) {
		tj->state = TREEJOB_WAITING;
		tj->retry_at = now + RETRY;
		return;
	}
	if (tj->error < 0) {
		treejob_fail(tj, now, FILE_REFUSED, tj->error, tj->text);
		return;
	}
	tj->state = TREEJOB_OPEN;
	tj->pour.at = treejob_is_pour(tj) ? now : NSEC_NEVER;
	tj->hopeless |= treejob_is_pour(tj);
	rx_set_holds(tj->conf.rx, tj->manifest.stored ? tj->map.n > 0 : tj->tells);
}

static void expected(struct treejob *tj, nsec_t now)
{
	release(tj, JOBINFO_DIGESTS);
	if (tj->error == -EBADMSG)
		treejob_fail(tj, now, FILE_REFUSED, tj->error,
			     "its digests are not what they should be");
	else if (tj->error < 0)
		treejob_fail(tj, now, FILE_FAILED, tj->error, strerror(-tj->error));
	else
		treejob_look(tj);
}

/* Asks for a chunk once more. False: that was done often enough, or is of no use. */
static bool ask_again(struct treejob *tj, nsec_t now, uint32_t chunk)
{
	uint64_t off, len;

	if (!tj->asked)
		tj->asked = calloc(tj->manifest.n_chunks, 1);
	if (!tj->asked || tj->asked[chunk] == ASK_MAX || tj->stopping ||
	    manifest_lost(tree_expected(tj->tree)[chunk]) || tree_is_out(tj->tree, chunk))
		return false;
	tj->asked[chunk]++;
	off = tree_object_range(tj->tree, chunk, &len);
	tree_discard(tj->tree, chunk);
	rx_discard(tj->conf.rx, now, tj->part[JOBINFO_CONTENT].object, off, len);
	return true;
}

static void verified(struct treejob *tj, nsec_t now)
{
	uint32_t again = 0, bad = 0;

	if (tj->error < 0) {
		tj->error == -ECANCELED
			? treejob_fail(tj, now, FILE_INCOMPLETE, 0, tj->stopping)
			: treejob_fail(tj, now, FILE_FAILED, tj->error, strerror(-tj->error));
		return;
	}
	for (uint32_t c = 0; tree_bad(tj->tree, &c); c++, bad++)
		again += ask_again(tj, now, c);
	if (treejob_is_pour(tj) && again < bad) {
		treejob_fail(tj, now, FILE_CORRUPT, -EBADMSG, "a digest does not match");
		return;
	}
	if (again) {
		log_info("%s: %u chunks did not match their digests: asked for again", tj->name,
			 again);
		tj->part[JOBINFO_CONTENT].complete = false;
		tj->state = TREEJOB_OPEN;
		return;
	}
	tj->state = TREEJOB_SWITCHING;
	if (treejob_is_pour(tj))
		treejob_deliver_out(tj, now);
	else
		treejob_submit(tj, treejob_switch);
}

static void switched(struct treejob *tj, nsec_t now)
{
	if (tj->error < 0)
		treejob_fail(tj, now, FILE_FAILED, tj->error, strerror(-tj->error));
	else
		treejob_delivered(tj, now);
}

/* What nobody will go on with makes room, as soon as no thread works on it. */
static void drop(struct treejob *tj)
{
	if (!tj->drop || in_use(tj))
		return;
	tj->drop = false;
	treejob_submit(tj, treejob_drop);
}

static void back(struct treejob *tj, nsec_t now)
{
	tj->out = false;
	switch (tj->state) {
	case TREEJOB_CHECKING:
		checked(tj, now);
		break;
	case TREEJOB_OPEN:
		if (treejob_is_open(tj))
			treejob_part_verified(tj, now);
		else
			expected(tj, now);
		break;
	case TREEJOB_VERIFYING:
		verified(tj, now);
		break;
	case TREEJOB_SWITCHING:
		switched(tj, now);
		break;
	case TREEJOB_DONE: /* it failed while the request was out, which may have made a stage
			    */
		tj->drop |= tj->finish.serve == treejob_check && tj->tree &&
			    tree_is_empty(tj->tree);
		break;
	case TREEJOB_MANIFEST:
	case TREEJOB_WAITING:
		break;
	}
}

bool treejob_finished(struct treejob *tj, nsec_t now, struct finish *finish)
{
	if (!tj || (finish != &tj->finish && finish != &tj->look && finish != &tj->save &&
		    finish != &tj->pour.finish && finish != &tj->expand))
		return false;
	if (finish == &tj->pour.finish)
		treejob_poured(tj, now);
	else if (finish == &tj->finish)
		back(tj, now);
	else if (finish == &tj->look)
		treejob_looked(tj, now);
	else if (finish == &tj->expand)
		tj->expanding = false;
	else
		treejob_saved(tj);
	advance(tj, now);
	drop(tj);
	return true;
}

/* --- time --- */

void treejob_tick(struct treejob *tj, nsec_t now)
{
	drop(tj);
	treejob_save(tj, now);
	treejob_expand(tj);
	treejob_pour(tj, now);
	if (tj->state == TREEJOB_WAITING && now >= tj->retry_at) {
		tj->retry_at = NSEC_NEVER;
		check(tj, now);
	}
}

nsec_t treejob_deadline(const struct treejob *tj)
{
	if (tj->drop && !in_use(tj))
		return 0;
	return MIN(tj->pour.at, tj->saving ? tj->retry_at : MIN(tj->retry_at, tj->save_at));
}

void treejob_stop(struct treejob *tj, nsec_t now, const char *reason, bool at_once)
{
	if (at_once)
		atomic_store(&tj->stop, true);
	if (tj->state == TREEJOB_DONE || tj->stopping)
		return;
	tj->stopping = reason;
	if (tj->state == TREEJOB_MANIFEST || tj->state == TREEJOB_WAITING)
		treejob_fail(tj, now, FILE_INCOMPLETE, 0, reason);
	else
		advance(tj, now);
}

/* --- questions --- */

bool treejob_done(const struct treejob *tj)
{
	return tj->state == TREEJOB_DONE;
}

bool treejob_refused(const struct treejob *tj)
{
	return tj->refused;
}

bool treejob_busy(const struct treejob *tj)
{
	return in_use(tj) || tj->drop;
}

uint64_t treejob_held(const struct treejob *tj)
{
	return tj->held;
}

int treejob_digest(const struct treejob *tj, uint8_t status, uint8_t ret[static SHA256_LEN])
{
	uint8_t both[SHA256_LEN + 1];

	memcpy(both, tj->id, SHA256_LEN);
	both[SHA256_LEN] = status;
	return digest_bytes(both, sizeof(both), ret);
}
