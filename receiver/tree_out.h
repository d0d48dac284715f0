/* tree_out.h - chunks of a tree that go out again, to somebody who cannot give them back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TREE_OUT_H
#define RECEIVER_TREE_OUT_H

#include "receiver/tree.h"

/* Whether the bytes of a chunk may go out: they are right, or, as long as the digests are not
 * known, all there; and whether that was said. */
bool tree_let_out(struct tree *t, uint32_t chunk);
bool tree_is_out(struct tree *t, uint32_t chunk);

/* Instead of tree_switch(): all of it is there and right. */
void tree_deliver(struct tree *t);

#endif
