/* tx_asked.c - tests of proto/tx: objects of which only what is lacking is sent, and that once.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#define NODE  5
#define OTHER 6

static uint64_t add_asked(struct tx_rig *r, uint64_t size)
{
	uint64_t object;

	assert_int_equal(tx_add_asked(r->tx, r->now, size, (const uint8_t *)"i", 1, &object),
			 0);
	r->size[object % ARRAY_LEN(r->size)] = size;
	return object;
}

/* An object of that many blocks that two receivers are to ask for, in phase CATCHUP. */
static void begin(struct tx_rig *r, uint64_t blocks)
{
	struct tx_conf conf = rig_conf(TX_SOW);

	rig_init(r, &conf);
	add_asked(r, blocks * RIG_BLOCK);
	rig_announce(r, NODE);
	rig_announce(r, OTHER);
	tx_start(r->tx, r->now);
	assert_string_equal(rig_see(r, SHOW_OBJECT | SHOW_FLUSH), "I0 I0 F0.2.7[5,6] ");
	assert_int_equal(tx_status(r->tx).phase, PHASE_CATCHUP);
	r->show = SHOW_OBJECT;
}

/* The next n symbols. */
static const char *next(struct tx_rig *r, unsigned n)
{
	static char text[1024];

	size_t len = 0;

	text[0] = '\0';
	while (n && rig_next(r)) {
		if (r->m.type != NORM_DATA)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u.%u ", r->m.fpi.sbn,
					r->m.fpi.esi);
		assert_true(len < sizeof(text));
		n--;
	}
	return text;
}

static void nothing_is_sent_unasked(void **state)
{
	struct request q[] = { rig_segments(0, 0, 6, 7), rig_segments(0, 1, 0, 0) };
	struct tx_rig r;

	begin(&r, 3);
	assert_int_equal(tx_status(r.tx).total, 0);
	assert_string_equal(rig_run(&r, 100 * MS), "");
	rig_nack(&r, NODE, q, 2);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "R0.0.6!/0 R0.0.7!/0 R0.1.0!/0 ");
	rig_nack(&r, OTHER, &q[1], 1); /* on its way */
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "");
	assert_int_equal(tx_counters(r.tx)->source, 0);
	assert_int_equal(tx_counters(r.tx)->again, 3);

	/* the next object goes as usual */
	rig_add(&r, 2 * RIG_E);
	assert_int_equal(tx_status(r.tx).total, 2 * RIG_E);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I1 I1 D1.0.0 D1.0.1 ");
	rig_fini(&r);
}

/* Who lost its INFO cannot know what it lacks. */
static void a_request_for_the_object_brings_its_info(void **state)
{
	struct request q = rig_objects(0, 0);
	struct tx_rig r;

	begin(&r, 3);
	rig_run(&r, 100 * MS);
	rig_nack(&r, NODE, &q, 1);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I0 ");
	rig_fini(&r);
}

static void it_may_be_the_first_or_in_the_middle(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_announce(&r, NODE);
	add_asked(&r, 3 * RIG_BLOCK);
	rig_add(&r, RIG_E);
	add_asked(&r, 0);
	add_asked(&r, RIG_E);
	rig_add(&r, RIG_E);
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_FLUSH),
			    "I0 I0 I1 I1 D1.0.0 I2 I2 I3 I3 I4 I4 D4.0.0 F4.0.0[5] ");
	rig_fini(&r);
}

/* A second receiver asks for what the first was served a moment ago, and for more. */
static void the_union_is_sent_once(void **state)
{
	struct request q = rig_segments(0, 0, 0, 5), more = rig_segments(0, 0, 1, 7);
	struct tx_rig r;

	begin(&r, 3);
	rig_nack(&r, NODE, &q, 1);
	assert_string_equal(next(&r, 3), "0.0 0.1 0.2 ");
	rig_nack(&r, OTHER, &more, 1);
	assert_string_equal(next(&r, 9), "0.3 0.4 0.5 0.6 0.7 ");
	r.now += 2 * r.grtt; /* then it was lost */
	rig_nack(&r, OTHER, &more, 1);
	assert_string_equal(next(&r, 9), "0.1 0.2 0.3 0.4 0.5 0.6 0.7 ");
	rig_fini(&r);
}

static void whole_blocks_and_names_are_one(void **state)
{
	struct request names = rig_segments(0, 1, 2, 4), blocks = rig_blocks(0, 0, 2);
	struct tx_rig r;

	begin(&r, 3);
	rig_nack(&r, NODE, &names, 1);
	assert_string_equal(next(&r, 1), "1.2 ");
	rig_nack(&r, OTHER, &blocks, 1);
	assert_string_equal(next(&r, 99), "1.0 1.1 1.3 1.4 1.5 1.6 1.7 "
					  "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 "
					  "2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 ");
	rig_fini(&r);

	begin(&r, 3);
	r.by_hand = true; /* nothing is loaded before both have asked */
	rig_nack(&r, OTHER, &blocks, 1);
	rig_nack(&r, NODE, &names, 1);
	r.by_hand = false;
	assert_string_equal(next(&r, 99), "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 "
					  "1.0 1.1 1.2 1.3 1.4 1.5 1.6 1.7 "
					  "2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 ");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_sent_unasked),
		cmocka_unit_test(a_request_for_the_object_brings_its_info),
		cmocka_unit_test(it_may_be_the_first_or_in_the_middle),
		cmocka_unit_test(the_union_is_sent_once),
		cmocka_unit_test(whole_blocks_and_names_are_one),
	};

	return cmocka_run_group_tests_name("tx_asked", tests, NULL, NULL);
}
