/* stage.h - the hidden directory beside the target in which a job waits until it is complete.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_STAGE_H
#define RECEIVER_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAGE_MARK   ".sow-"
#define STAGE_ID     32             /* bytes of the job's id, all of them: jobs must not mix */
#define STAGE_DIGITS (2 * STAGE_ID) /* hexadecimal, after the mark */
#define STAGE_NAME   (sizeof(STAGE_MARK) - 1 + STAGE_DIGITS)
#define STAGE_DAYS   7 /* without a change, and it is swept away */

/* ".sow-JOB" in the output directory, for its owner only where the file system knows owners:
 * "tree" has the files, "map" tells which of their bytes are there. */
struct stage {
	int parent; /* the output directory, borrowed */
	int dir, tree;
	char name[STAGE_NAME + 1];
	bool resumed; /* it was there: an earlier run left it */
};

#define STAGE_INIT                                                                             \
	{                                                                                      \
		.parent = -1, .dir = -1, .tree = -1                                            \
	}

/* Whether something in an output directory is, or could be, a stage. */
bool stage_is_name(const char *name, size_t len);

/*
 * Makes it, or takes up the one that is there. -EBUSY: another session or process has it;
 * -EEXIST: something that is no stage of this user has its name; -errno. Closed, it is left
 * where it is.
 */
int stage_open(struct stage *ret, int parent, const uint8_t job[static STAGE_ID]);
void stage_close(struct stage *s);

/* Removes it with all that is in it, and closes it. 0 or -errno. */
int stage_remove(struct stage *s);

/* Removes stages in `parent` that nobody has and that did not change for STAGE_DAYS before
 * `wall`, in seconds since 1970. How many. */
unsigned stage_sweep(int parent, int64_t wall);
/* Removes all that nobody has, but that of `job`, which lacks so many bytes, or `files`; none
 * if they have less together. How many. */
unsigned stage_make_room(int parent, const uint8_t job[static STAGE_ID], uint64_t lacks,
			 bool files);

/*
 * Calls `fn` with the "tree" of each stage in `parent` but `except`, until it returns false.
 * The descriptor is closed afterwards.
 */
void stage_each(int parent, const char *except, bool (*fn)(void *arg, int tree), void *arg);

#endif
