/* tree_internal.h - a job on its way onto the disk, shared by the files tree*.c and by nobody
 * else.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TREE_INTERNAL_H
#define RECEIVER_TREE_INTERNAL_H

#include "receiver/dirs.h"
#include "receiver/stage.h"
#include "receiver/tree.h"

#include <pthread.h>

#define TREE_FDS 32 /* descriptors of files that are being written or read */
#define TREE_HOT 8  /* chunks that are hashed while they are written */

/* Of an entry. */
enum {
	ENTRY_STAGED = 1 << 0, /* it is in the stage, as long as it shall be */
	ENTRY_META = 1 << 1,   /* and has its mode and times */
	ENTRY_SAME = 1 << 2,   /* what is at the target is what shall be there */
	ENTRY_FAILED = 1 << 3,
	ENTRY_DELIVERED = 1 << 4,
	ENTRY_DIRECT = 1 << 5,  /* it is written where it stands; STAGED, too */
	ENTRY_WRITTEN = 1 << 6, /* and has been */
	ENTRY_SHARES = 1 << 7,  /* it may share blocks with what is at the target */
};

/*
 *	UNKNOWN --hashed, but the digests are not known--> SUMMED --tree_expect()--> GOOD or BAD
 *	   \__hashed, or put by whoever compared it--> GOOD or BAD --tree_discard()--> UNKNOWN
 */
enum chunk_state {
	CHUNK_UNKNOWN,
	CHUNK_SUMMED,
	CHUNK_GOOD,
	CHUNK_BAD,
};
#define CHUNK_STATE 3
#define CHUNK_HELD  4  /* it is there, whatever the state: not to be written */
#define CHUNK_WET   8  /* some of it was written in this run, and may be wrong */
#define CHUNK_DOUBT 16 /* it was wrong once: it is read back, whatever was written */
#define CHUNK_OUT   32 /* tree_let_out() */

struct tree_fd {
	int fd; /* -1: none */
	uint32_t entry;
	bool write;
	uint64_t used;
};

struct tree_hot {
	struct digest *digest;
	uint32_t chunk; /* UINT32_MAX: none */
	uint32_t pos;   /* so many of its bytes are in `digest` */
	uint64_t used;
};

struct tree {
	pthread_mutex_t lock; /* of all that changes */
	struct tree_conf conf;
	const struct manifest *m;
	struct stage stage;
	struct dirs in, out; /* of the stage and of the target */
	uint32_t *run_entry; /* of each run */
	uint32_t *primary;   /* runs that extend the content, in its order */
	uint32_t n_primary;
	uint8_t *entry;             /* ENTRY_* of each */
	uint8_t *chunk;             /* state and CHUNK_HELD of each */
	uint8_t (*sum)[SHA256_LEN]; /* of SUMMED chunks; once `expects`, what all shall have */
	int64_t *mark;              /* of the file of an entry: SAME: ctime; DIRECT: inode */
	bool expects, holds;
	bool asked_shares, shares; /* space_shares(), once it was asked */
	bool copies;               /* some file is written beside a large one that is there */
	int lock_fd;               /* of the output directory, for DIRECT entries; -1: none */
	struct tree_fd fds[TREE_FDS];
	struct tree_hot hot[TREE_HOT];
	uint64_t tick;
	uint32_t checked; /* chunks before it are not UNKNOWN, or were when it passed them */
	struct digest *digest;
	uint8_t *buf;             /* MANIFEST_CHUNK bytes */
	struct tree_spool *spool; /* NULL: the content comes as it is */
};

/* Where a byte of the content is. */
struct tree_spot {
	uint32_t entry;
	uint64_t off; /* in its file */
};

/* tree.c; the lock is held. */
struct tree_spot tree_spot(const struct tree *t, uint64_t content_off);
/* The chunks of a run: the first one and how many. */
uint32_t tree_run_chunks(const struct tree *t, uint32_t run, uint32_t *ret_first);
/* The file of an entry, to write or to read; -ENOENT: to read, and not there. Borrowed until
 * the next call. */
int tree_fd(struct tree *t, uint32_t entry, bool write);
void tree_close_fd(struct tree *t, uint32_t entry);
void tree_close_all(struct tree *t);
/* The directory in the stage for a path, which is made if need be; borrowed. */
int tree_stage_parent(struct tree *t, const char *path, const char **ret_base);
/* An entry that was SAME gets a file of its own in the stage, with what is there. */
int tree_unshare(struct tree *t, uint32_t entry);
int tree_put_bytes(struct tree *t, uint64_t off, const uint8_t *data, size_t len);
int tree_get_bytes(struct tree *t, uint64_t off, uint8_t *buf, size_t len);

/* tree_check.c: fills in which entries may be stored; no stage yet. */
int tree_check_names(struct tree *t, struct tree_refusal *why);
/* The stage is open: what is in it, and whether there is room for the rest. */
int tree_check_room(struct tree *t, struct tree_refusal *why);

/* tree_switch.c: whether a path is that of a directory, or below it. */
bool tree_lies_in(const char *path, const char *dir, size_t len);

/* tree_prune.c: all was delivered and written out. */
void tree_prune(struct tree *t, struct tree_result *res);

/* tree_direct.c; whether an entry may be DIRECT, by what is at the target, and by its rights
 * there. */
struct stat;
bool tree_direct_may(const struct manifest_entry *e, const struct stat *st);
bool tree_direct_can(int dir, const char *base);
/* -EBUSY: another job writes in place. */
int tree_direct_lock(struct tree *t);
/* A descriptor of its own of a DIRECT entry. */
int tree_direct_open(struct tree *t, uint32_t entry, bool write);
/* Whether what is at the target is the file that was written: 0, or TREE_REPLACED. */
int tree_direct_check(struct tree *t, uint32_t entry);
/* All chunks are in their places: zeros between them, the size, and mode and times of a file.
 */
int tree_direct_finish(struct tree *t, uint32_t entry);

/* tree_spool.c; all but take, write and read do nothing without a spool */
int tree_spool_init(struct tree *t);
void tree_spool_fini(struct tree *t);
/* Once the stage is open: bytes that it needs in there, and makes it, or takes it up. */
uint64_t tree_spool_room(struct tree *t);
int tree_spool_open(struct tree *t);
/* Nothing more will come: it goes, so that it need not be written out. */
void tree_spool_drop(struct tree *t);
bool tree_spool_used(const struct tree *t);
bool tree_spool_resumed(const struct tree *t);
int tree_spool_write(struct tree *t, uint64_t off, const uint8_t *data, size_t len);
int tree_spool_read(struct tree *t, uint64_t off, uint8_t *buf, size_t len);
/* Puts a chunk into its place: 1; 0: what the spool has of it is wrong, or not there. */
int tree_spool_take(struct tree *t, uint32_t chunk);
void tree_spool_forget(struct tree *t, uint32_t chunk);
/* Whether it was taken from there, or need not be there. */
bool tree_spool_has(const struct tree *t, uint32_t chunk);

/* tree_chunk.c */
int tree_chunk_init(struct tree *t);
void tree_chunk_fini(struct tree *t);
void tree_chunk_hot(struct tree *t, uint32_t chunk, uint32_t pos, const uint8_t *data,
		    size_t len);
enum chunk_state tree_chunk_state(const struct tree *t, uint32_t chunk);
bool tree_chunk_here(const struct tree *t, uint32_t chunk);
/* Whether these are the bytes of a chunk; the digests are known. */
bool tree_chunk_fits(struct tree *t, uint32_t chunk, const uint8_t *data);
/* The status of a file that is SAME: what it has now, and whether it is what was noted. */
void tree_note_same(struct tree *t, uint32_t entry, const struct stat *st);
bool tree_is_same(const struct tree *t, uint32_t entry, const struct stat *st);
/* All chunks that an entry is the first to have. */
void tree_chunk_set(struct tree *t, uint32_t entry, uint8_t value);

#endif
