/* parts.c - a file of unknown size on its way into a tree, one verified part after the other.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/parts.h"

#include "proto/types.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define CATCH_UP ((uint64_t)1 << 20) /* bytes that are hashed after each write, at most */
#define PIECE    65536

static struct parts *parts_of(struct sink *s)
{
	return (struct parts *)((char *)s - offsetof(struct parts, sink));
}

/* Bytes that are there for good are read back. */
static int hash_to(struct parts *p, uint64_t end)
{
	uint8_t piece[PIECE];
	int r = 0;

	while (p->hashed < end && r == 0) {
		size_t n = (size_t)MIN(end - p->hashed, (uint64_t)PIECE);

		r = tree_part_read(p->tree, p->offset + p->hashed, piece, n);
		if (r == 0)
			digest_update(p->digest, piece, n);
		p->hashed += r == 0 ? n : 0;
	}
	return r;
}

/* What comes next to what is hashed is hashed from memory (see job.c). */
static int write_part(struct sink *s, uint64_t off, const void *data, size_t len,
		      uint64_t front)
{
	struct parts *p = parts_of(s);
	int r = tree_part_write(p->tree, p->offset + off, data, len);

	if (r == 0 && front > p->hashed)
		r = hash_to(p, MIN(front, p->hashed + CATCH_UP));
	if (r == 0 && off == p->hashed) {
		digest_update(p->digest, data, len);
		p->hashed += len;
	}
	return r;
}

static int read_part(struct sink *s, uint64_t off, void *buf, size_t len)
{
	struct parts *p = parts_of(s);

	return tree_part_read(p->tree, p->offset + off, buf, len);
}

void parts_fini(struct parts *p)
{
	digest_free(p->digest);
	p->digest = NULL;
}

int parts_offer(struct parts *p, uint64_t object, const struct jobinfo *info, uint64_t size)
{
	if (p->state == PARTS_ENDED || (size == 0 && !info->has_size) ||
	    size > (uint64_t)INT64_MAX - info->offset ||
	    (info->has_size && info->size != info->offset + size))
		return -EBADMSG;
	if (p->state != PARTS_IDLE || info->offset != p->end)
		return -ESTALE;
	p->state = PARTS_OFFERED;
	p->object = object;
	p->offset = info->offset;
	p->last = info->has_size;
	p->asked = 0;
	memcpy(p->expected, info->digest, SHA256_LEN);
	p->sink = (struct sink){ .size = size, .closed = true };
	return 0;
}

int parts_open(struct parts *p, struct tree *tree)
{
	static const struct sink_ops ops = { .write = write_part, .read = read_part };
	int r = p->digest ? 0 : digest_new(&p->digest);

	if (r < 0)
		return r;
	p->tree = tree;
	p->sink.ops = &ops;
	p->sink.closed = false;
	p->hashed = 0;
	p->state = PARTS_COMING;
	return 0;
}

int parts_verify(struct parts *p)
{
	uint8_t sum[SHA256_LEN];
	int r = hash_to(p, p->sink.size), e;

	e = digest_final(p->digest, sum);
	p->hashed = 0;
	if (r < 0 || e < 0)
		return r < 0 ? r : e;
	return memcmp(sum, p->expected, SHA256_LEN) == 0 ? 0 : -EBADMSG;
}

bool parts_again(struct parts *p)
{
	if (p->asked == PARTS_ASK_MAX)
		return false;
	p->asked++;
	p->state = PARTS_COMING;
	return true;
}

void parts_next(struct parts *p)
{
	p->end += p->sink.size;
	p->sink.closed = true;
	p->state = p->last ? PARTS_ENDED : PARTS_IDLE;
}
