/* tree_spool.h - what is particular about a tree whose content comes in zlib form. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TREE_SPOOL_H
#define RECEIVER_TREE_SPOOL_H

#include "receiver/tree.h"

/* All but the questions are for trees that have a spool. */

/* Takes chunks from what an earlier run left there, some ten MB; false: all were tried. */
bool tree_spool_look(struct tree *t);

/* Whether chunks came that can go to their places; and takes some ten MB of them there, while
 * more is written. */
bool tree_spool_ready(const struct tree *t);
void tree_spool_step(struct tree *t);

/* When all chunks are here none of the object's bytes is needed. Then they are taken to be
 * there, until a chunk is discarded. */
void tree_skip(struct tree *t);
bool tree_skipped(struct tree *t);

#endif
