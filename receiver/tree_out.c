/* tree_out.c - chunks of a tree that go out again, to somebody who cannot give them back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_out.h"
#include "receiver/tree_internal.h"

bool tree_let_out(struct tree *t, uint32_t chunk)
{
	enum chunk_state state;
	bool may;

	pthread_mutex_lock(&t->lock);
	state = tree_chunk_state(t, chunk);
	may = state == CHUNK_GOOD || (state == CHUNK_SUMMED && !t->expects);
	if (may)
		t->chunk[chunk] |= CHUNK_OUT;
	pthread_mutex_unlock(&t->lock);
	return may;
}

bool tree_is_out(struct tree *t, uint32_t chunk)
{
	bool out;

	pthread_mutex_lock(&t->lock);
	out = t->chunk[chunk] & CHUNK_OUT;
	pthread_mutex_unlock(&t->lock);
	return out;
}

void tree_deliver(struct tree *t)
{
	pthread_mutex_lock(&t->lock);
	t->entry[0] |= ENTRY_DELIVERED;
	pthread_mutex_unlock(&t->lock);
}
