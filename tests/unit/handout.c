/* handout.c - tests of receiver/handout: what is served at once, and what threads get. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/handout.h"
#include "tests/unit/rx_rig.h"
#include "tests/unit/unit.h"

#include <pthread.h>

struct store {
	struct sink sink;
	pthread_t by; /* who wrote last */
	unsigned n;
};

static int write_store(struct sink *s, uint64_t off, const void *data, size_t len,
		       uint64_t front)
{
	struct store *st = (struct store *)s;

	st->by = pthread_self();
	st->n++;
	return 0;
}

static struct sink *find(void *session, uint64_t object)
{
	return session;
}

/* One block is written to the store; whether another thread did it. */
static bool by_another(bool slow)
{
	static const struct sink_ops ops = { .write = write_store };
	struct store st = { .sink = { .ops = &ops, .size = 1000000, .slow = slow } };
	struct chores chores;
	struct handout h = { .chores = &chores, .find = find, .session = &st };
	struct rx_conf conf = rig_conf();
	struct loop *loop;
	struct rx_rig r;
	struct chore c;

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(chores_init(&chores, 1, loop), 0);
	rig_init(&r, &conf);
	r.size[0] = 2 * RIG_BLOCK;
	rig_join(&r);
	rig_info(&r, 0, "info");
	rig_work(&r);
	r.asleep = true;
	h.rx = r.rx;
	rig_block_without(&r, 0, 0, 0);
	assert_true(handout_work(&h, r.now));
	if (slow) {
		assert_int_equal(h.n_chores, 1);
		assert_true(chores.bytes > 0);
		chores_wait(&chores);
		assert_true(chores_take(&chores, &c));
		assert_null(handout_served(&h, r.now, &c));
	}
	assert_int_equal(h.n_chores, 0);
	assert_int_equal(chores.bytes, 0);
	assert_int_equal(st.n, 1);
	assert_false(handout_work(&h, r.now));
	chores_fini(&chores);
	loop_free(loop);
	rig_fini(&r);
	return !pthread_equal(st.by, pthread_self());
}

/* Packets, and the questions among them, do not wait for what takes long. */
static void slow_sinks_are_for_threads(void **state)
{
	assert_false(by_another(false));
	assert_true(by_another(true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_sinks_are_for_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
