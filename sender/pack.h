/* pack.h - plans the content of a job: which chunks, in which order, and the manifest of it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_PACK_H
#define SENDER_PACK_H

#include "sender/scan.h"
#include "sender/sums.h"

/* Where a stretch of the content comes from: a run of an entry. */
struct pack_piece {
	uint64_t content_off;
	uint32_t entry, run;
};

struct pack {
	const struct scan *scan;
	struct manifest m;         /* its entries are the scan's */
	struct pack_piece *pieces; /* in the order of the content, without gaps */
	uint32_t n_pieces;
};

/*
 * Plans: every chunk of every file, in order, but for those in holes. Sets the runs of the
 * scan's entries. -ENOMEM; -EFBIG: more chunks than a manifest can number.
 */
int pack_new(struct pack **ret, struct scan *scan);
void pack_free(struct pack *p); /* NULL is fine */

/*
 * Plans again, when all digests are known: equal chunks once, chunks of zeros not at all. The
 * digests are then those of the chunks that are left. -ENOMEM: nothing of the plan is of use
 * any more.
 */
int pack_dedup(struct pack *p, struct sums *sums);

/* The piece that holds this byte of the content. */
uint32_t pack_piece_at(const struct pack *p, uint64_t content_off);

/* A manifest as it is sent. */
struct pack_wire {
	uint8_t *data;
	size_t len, raw_len;    /* less than raw_len: it is compressed */
	uint8_t id[SHA256_LEN]; /* of the wire form before compression */
};

/* -ENOMEM, -EIO. The caller frees ret->data. */
int pack_encode(const struct pack *p, struct pack_wire *ret);

#endif
