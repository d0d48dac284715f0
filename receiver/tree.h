/* tree.h - a job on its way onto the disk: where the bytes of its content go, and which of them
 * are good.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TREE_H
#define RECEIVER_TREE_H

#include "common/digest.h"
#include "proto/manifest.h"
#include "receiver/device.h"

#include <stdatomic.h>

/*
 * Until tree_switch() everything is in a stage (receiver/stage.h), and what is at the target is
 * what it was. Each byte of the content is written once, to the first file that has it; others
 * get a copy at the end. A file that is at the target already, with the very bytes, is left
 * there and only read.
 * Two kinds of entries are the exception, and written where they stand (DIRECT): a device,
 * which has no stage, and with `inplace` files of more than one chunk that are at the target.
 * Of these what stands in its place already is kept, and what is not delivered is mixed, old
 * and new.
 * A content in zlib form (manifest.h, `stored`) comes into a file of the stage, the spool, and
 * from there chunk by chunk into the files; what is written, read and discarded are bytes of
 * its object then.
 *
 * Every function may be called in any thread; it returns 0, or what it says, or -errno.
 */
struct tree;

/* Bytes of memory that it takes, at most, for each of these parts of a manifest. */
#define TREE_PER_ENTRY (1 + sizeof(int64_t))
#define TREE_PER_RUN   (2 * sizeof(uint32_t))
#define TREE_PER_CHUNK (1 + SHA256_LEN)

struct tree_conf {
	int dirfd;                       /* the output directory */
	const struct manifest *manifest; /* both borrowed */
	const uint8_t *job;              /* DIGEST_LEN bytes: its id */
	bool owner;                      /* see meta_set() */
	bool prune;   /* what the manifest does not name is removed where it says so */
	bool inplace; /* large files that are there are written directly */
	const struct device *device; /* borrowed; the only entry is written to it; or NULL */
};

/* Why a job cannot be stored. */
struct tree_refusal {
	int error;        /* -errno; see tree_refusal_text() */
	const char *path; /* the entry that stands for it; NULL: none; of the manifest */
	/* -ENOSPC, unless `needs` is 0: so many bytes, or files, and how many there is room
	 * for. */
	uint64_t needs, left;
	uint64_t spool; /* bytes of it, for the spool */
	bool files;
	bool inplace; /* with it there would be room */
};

/*
 * Looks whether all of it can be stored, and makes the stage, or takes up an earlier one, in
 * which nothing is written yet. -EBUSY: the stage is in use by another session or process; try
 * again.
 */
int tree_new(struct tree **ret, const struct tree_conf *conf, struct tree_refusal *why);
/* The stage is left for another run, unless tree_switch() or tree_drop() removed it. */
void tree_free(struct tree *t);
int tree_drop(struct tree *t);
const char *tree_refusal_text(int error);

/* Whether nothing of it is in the stage yet. */
bool tree_is_empty(struct tree *t);

/* The name of the stage's directory, and its descriptor; of a device "" and -1. */
const char *tree_stage_name(const struct tree *t);
int tree_stage_tree(const struct tree *t);
int tree_stage_dir(const struct tree *t);
bool tree_resumed(const struct tree *t);

/* Whether an entry is DIRECT, and the device, or NULL. */
bool tree_is_direct(const struct tree *t, uint32_t entry);
const struct device *tree_device(const struct tree *t);
/* Whether something was written into a DIRECT entry that is not delivered; which. */
bool tree_mixed(struct tree *t, uint32_t *ret_entry);
/* Whether `inplace` would have spared the room of a second copy. */
bool tree_copies(const struct tree *t);

/* Bytes of the content's object. What lies in a chunk that is good, or held, is not written
 * again. */
int tree_write(struct tree *t, uint64_t off, const void *data, size_t len);
/* What was not written may be anything. */
int tree_read(struct tree *t, uint64_t off, void *buf, size_t len);

/* Bytes of the file whose size is not known: the only one. What was not written reads as zeros.
 */
int tree_part_write(struct tree *t, uint64_t off, const void *data, size_t len);
int tree_part_read(struct tree *t, uint64_t off, void *buf, size_t len);

/* The digests of all chunks; they are copied. What was summed up by then is compared. */
int tree_expect(struct tree *t, const uint8_t (*digests)[SHA256_LEN]);
bool tree_expects(const struct tree *t);
/* These digests; borrowed. */
const uint8_t (*tree_expected(const struct tree *t))[SHA256_LEN];

/* Hashes chunks before `front`, up to which all bytes are there for good, but `max` bytes at
 * most: writes are hashed on the way where a chunk comes in one go. */
int tree_catch_up(struct tree *t, uint64_t front, uint64_t max);

/*
 * All bytes are there, and tree_expect() was called: compares what is left. -ECANCELED when
 * `stop` became true. Then tree_bad() tells the chunks that are not good, from *pos on, and
 * tree_discard() forgets that one was there.
 */
int tree_verify(struct tree *t, const atomic_bool *stop);
bool tree_bad(struct tree *t, uint32_t *pos);
void tree_discard(struct tree *t, uint32_t chunk);
/* Before that: which bytes of the object are to be asked for. */
uint64_t tree_object_range(struct tree *t, uint32_t chunk, uint64_t *ret_len);

/* --- what is here already --- */

/* Whether files of these names are at the target, or a stage was: something may fit. */
bool tree_holds(const struct tree *t);

/* A chunk that is good already, or held; all of them. */
bool tree_has(struct tree *t, uint32_t chunk);
bool tree_has_all(struct tree *t);

/* A chunk was found, and is as its digest says: puts it into the stage. */
int tree_put(struct tree *t, uint32_t chunk, const uint8_t *data);
/* It was found in a file, at this place: shares the blocks, to be verified later. -EOPNOTSUPP
 * and others: it cannot be done here, put it. */
int tree_clone(struct tree *t, uint32_t chunk, int fd, uint64_t off);
/* It stands in the stage, or a DIRECT file, where it shall be, at `off` in the file of `entry`;
 * -EINVAL: that is not its place; -EAGAIN: its place is behind that one in the same file. */
int tree_adopt(struct tree *t, uint32_t chunk, uint32_t entry, uint64_t off);
/* Where a chunk shall be, in the file that has it first. */
uint64_t tree_place(const struct tree *t, uint32_t chunk);
/* Whether the bytes of a run are where others get their copy from. */
bool tree_is_home(const struct tree *t, uint32_t run);
/* Whether tree_keep() may succeed: nothing of the entry is in the stage. */
bool tree_may_keep(struct tree *t, uint32_t entry);
/*
 * The file at the target has the very bytes of the entry, holes included, as long as its status
 * is `st`. -EBUSY: some of it is in the stage already.
 */
struct stat;
int tree_keep(struct tree *t, uint32_t entry, const struct stat *st);
/* Some bytes are in the stage from an earlier run: those of files that are there and whole. */
bool tree_in_stage(struct tree *t, uint64_t off, uint64_t *ret_len);

/* Walks the maximal ranges of the object, from *pos on, that are here: chunks that tree_has();
 * with a spool those that are in there, or that were skipped. */
bool tree_held_next(struct tree *t, uint64_t *pos, uint64_t *ret_len);

/* --- the end --- */

struct tree_failure {
	uint32_t entry;
	int error; /* -EBADMSG: a digest does not match; TREE_REPLACED */
};

#define TREE_FAILURES   16 /* that are told one by one */
#define TREE_STUCK_PATH 400
#define TREE_SPELLING   (-ENOTUNIQ) /* see tree_stuck_text() */
#define TREE_REPLACED   (-EREMCHG)  /* what was left, or written, at the target was moved */

/* What cannot be removed from a directory that shall be whole. */
struct tree_stuck {
	char path[TREE_STUCK_PATH]; /* the beginning of it, if it is longer */
	int error;
};

/* Entries that are no directories count as files. */
struct tree_result {
	uint32_t files, delivered;
	uint32_t kept;  /* of those delivered: they were there and did not change */
	uint64_t bytes; /* of those delivered */
	uint32_t n_failures;
	struct tree_failure failures[TREE_FAILURES]; /* the first of them */
	uint64_t removed;                            /* names that the job does not have */
	uint32_t n_stuck;
	struct tree_stuck stuck[TREE_FAILURES]; /* the first of them */
	bool full;                              /* some failed for lack of space */
	int unsynced; /* -errno: it could not be written out, and may be lost with the power */
};

/*
 * Puts all files whose chunks are good into their places, with mode and times, and removes the
 * stage. Whatever stops it, each file is the old one or the new one. Then, with `prune`, if
 * nothing failed, what shall not be in directories that are whole is removed. 0, also when some
 * files failed, or it is unsynced or full, when the stage is left, too: the result tells;
 * -errno: nothing was put in its place, the stage is left.
 */
int tree_switch(struct tree *t, struct tree_result *ret);

const char *tree_stuck_text(int error);

/* After tree_switch(), or tree_deliver(). */
bool tree_delivered(const struct tree *t, uint32_t entry);

#endif
