/* roster.c - tests of proto/roster. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/nomem.h"

#include "proto/roster.h"

#define ACTIVE (1u << RECEIVER_ACTIVE)
#define ACKED  (1u << RECEIVER_ACKED)
#define ALL    (ACTIVE | ACKED | 1u << RECEIVER_FINISHED | 1u << RECEIVER_DROPPED)

/* Nodes 1 .. n at time 100. */
static struct roster roster_of(uint32_t cap, uint32_t n)
{
	struct roster r;

	assert_int_equal(roster_init(&r, cap), 0);
	for (uint32_t id = 1; id <= n; id++)
		assert_non_null(roster_add(&r, 100, id));
	return r;
}

/* Whom roster_ask() or, with `echo`, roster_take_echoes() names: "1 2 3 ". */
static const char *names(const uint8_t *ids, uint32_t n)
{
	static char text[256];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(ids[4 * i] | ids[4 * i + 1] | ids[4 * i + 2], 0);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u ", ids[4 * i + 3]);
	}
	return text;
}

static const char *asked(struct roster *r, nsec_t now, unsigned states, uint32_t cap)
{
	uint8_t ids[64 * 4] = { 0 };

	return names(ids, roster_ask(r, now, states, ids, cap));
}

static const char *echoes(struct roster *r, bool receipt, uint32_t cap)
{
	uint8_t ids[64 * 4] = { 0 };

	return names(ids, roster_take_echoes(r, receipt, ids, cap));
}

/* Nothing is noted, and the next list begins with the first again. */
static void a_list_of_a_state(void **state)
{
	struct roster r = roster_of(8, 5);
	uint8_t ids[8 * 4] = { 0 };

	assert_string_equal(names(ids, roster_list(&r, RECEIVER_BEHIND, ids, 8)), "");
	for (uint32_t id = 2; id <= 4; id++)
		roster_set_state(&r, roster_find(&r, id), RECEIVER_BEHIND);
	for (int i = 0; i < 2; i++)
		assert_string_equal(names(ids, roster_list(&r, RECEIVER_BEHIND, ids, 8)),
				    "2 3 4 ");
	assert_string_equal(names(ids, roster_list(&r, RECEIVER_BEHIND, ids, 2)), "2 3 ");
	assert_int_equal(roster_find(&r, 2)->asked_at, 0);
	roster_fini(&r);
}

static void init_refuses(void **state)
{
	struct roster r;

	assert_int_equal(roster_init(&r, 0), -EINVAL);
	assert_int_equal(roster_init(&r, ((uint32_t)1 << 24) + 1), -EINVAL);
	for (unsigned n = 1; n <= 2; n++) {
		nomem_in = n;
		assert_int_equal(roster_init(&r, 4), -ENOMEM);
	}
	nomem_in = 0;
}

static void nodes_are_found_until_it_is_full(void **state)
{
	struct roster r = roster_of(1000, 0);

	/* ids whose hashes crowd together: equal low bits */
	for (uint32_t i = 1; i <= 1000; i++)
		assert_non_null(roster_add(&r, i, i << 20));
	assert_null(roster_add(&r, 1, 7));
	assert_null(roster_find(&r, 7));
	for (uint32_t i = 1; i <= 1000; i++) {
		struct receiver *rc = roster_find(&r, i << 20);

		assert_non_null(rc);
		assert_int_equal(rc->node_id, i << 20);
		assert_int_equal(rc->heard_at, i);
		assert_ptr_equal(rc, &r.r[i - 1]);
		assert_ptr_equal(roster_add(&r, 5000, i << 20), rc);
		assert_int_equal(rc->heard_at, i);
	}
	assert_int_equal(r.n, 1000);
	assert_int_equal(r.count[RECEIVER_ACTIVE], 1000);
	roster_fini(&r);
}

static void states_are_counted(void **state)
{
	struct roster r = roster_of(4, 3);

	roster_set_state(&r, &r.r[0], RECEIVER_ACKED);
	roster_set_state(&r, &r.r[1], RECEIVER_FINISHED);
	assert_int_equal(r.count[RECEIVER_ACTIVE], 1);
	assert_int_equal(r.count[RECEIVER_ACKED], 1);
	assert_int_equal(r.count[RECEIVER_FINISHED], 1);
	roster_reopen(&r);
	assert_int_equal(r.r[0].state, RECEIVER_ACTIVE);
	assert_int_equal(r.r[1].state, RECEIVER_FINISHED);
	assert_int_equal(r.count[RECEIVER_ACTIVE], 2);
	assert_int_equal(r.count[RECEIVER_ACKED], 0);
	roster_fini(&r);
}

static void questions_take_turns(void **state)
{
	struct roster r = roster_of(8, 5);

	roster_set_state(&r, &r.r[1], RECEIVER_FINISHED);
	assert_string_equal(asked(&r, 200, ACTIVE, 2), "1 3 ");
	assert_string_equal(asked(&r, 300, ACTIVE, 2), "4 5 ");
	assert_string_equal(asked(&r, 400, ACTIVE, 3), "1 3 4 ");
	assert_string_equal(asked(&r, 500, ACTIVE, 64), "5 1 3 4 "); /* each once */
	assert_string_equal(asked(&r, 500, ACKED, 64), "");
	assert_string_equal(asked(&r, 500, ACTIVE, 0), "");
	assert_int_equal(r.r[0].asked_at, 200); /* the first one that is open */
	assert_int_equal(r.r[1].asked_at, 0);
	assert_int_equal(r.r[4].asked_at, 300);
	roster_fini(&r);
}

static void an_empty_one_asks_nobody(void **state)
{
	struct roster r = roster_of(8, 0);

	assert_string_equal(asked(&r, 200, ALL, 64), "");
	assert_int_equal(roster_drop_silent(&r, 200, ALL, 0), 0);
	assert_int_equal(roster_acked_through(&r), UINT64_MAX);
	roster_fini(&r);
}

static void the_silent_are_dropped_and_come_back(void **state)
{
	struct roster r = roster_of(8, 4);

	asked(&r, 1000, ACTIVE, 3);
	roster_heard(&r, &r.r[0], 1500);
	roster_set_state(&r, &r.r[2], RECEIVER_FINISHED);
	assert_int_equal(roster_drop_silent(&r, 1999, ACTIVE | ACKED, 1000), 0);
	assert_int_equal(roster_drop_silent(&r, 2000, ACTIVE | ACKED, 1000), 1);
	assert_int_equal(r.r[0].state, RECEIVER_ACTIVE); /* answered */
	assert_int_equal(r.r[1].state, RECEIVER_DROPPED);
	assert_int_equal(r.r[2].state, RECEIVER_FINISHED); /* final */
	assert_int_equal(r.r[3].state, RECEIVER_ACTIVE);   /* never asked */
	assert_string_equal(asked(&r, 2000, ACTIVE, 64), "4 1 ");

	roster_heard(&r, &r.r[1], 2500);
	assert_int_equal(r.r[1].state, RECEIVER_ACTIVE);
	assert_int_equal(r.r[1].heard_at, 2500);
	assert_int_equal(r.count[RECEIVER_DROPPED], 0);
	assert_int_equal(roster_drop_silent(&r, 2999, ACTIVE | ACKED, 1000), 0);
	roster_fini(&r);
}

static void the_barred_do_not_come_back(void **state)
{
	struct roster r = roster_of(8, 3);

	roster_bar(&r, &r.r[0]);
	roster_heard(&r, &r.r[0], 1500);
	assert_int_equal(r.r[0].state, RECEIVER_DROPPED);
	assert_int_equal(r.r[0].heard_at, 1500);
	assert_int_equal(r.count[RECEIVER_DROPPED], 1);
	assert_string_equal(asked(&r, 2000, ALL & ~(1u << RECEIVER_DROPPED), 64), "2 3 ");
	roster_set_state(&r, &r.r[1], RECEIVER_FINISHED);
	roster_bar(&r, &r.r[1]);
	assert_int_equal(r.r[1].state, RECEIVER_FINISHED);
	roster_fini(&r);
}

static void the_forgiven_are_asked_anew(void **state)
{
	struct roster r = roster_of(8, 2);

	asked(&r, 1000, ACTIVE, 2);
	roster_forgive(&r);
	assert_int_equal(roster_drop_silent(&r, 9000, ACTIVE, 1000), 0);
	asked(&r, 9000, ACTIVE, 2);
	assert_int_equal(roster_drop_silent(&r, 9999, ACTIVE, 1000), 0);
	assert_int_equal(roster_drop_silent(&r, 10000, ACTIVE, 1000), 2);
	roster_fini(&r);
}

static void echoes_are_used_up(void **state)
{
	struct roster r = roster_of(8, 3);

	roster_echo(&r, &r.r[0], false, 2);
	roster_echo(&r, &r.r[2], false, 1);
	roster_echo(&r, &r.r[2], true, 1);
	assert_int_equal(r.n_echo, 2);
	assert_string_equal(echoes(&r, true, 64), "3 ");
	assert_int_equal(r.n_echo, 2);
	assert_string_equal(echoes(&r, false, 1), "1 ");
	assert_string_equal(echoes(&r, false, 64), "1 3 ");
	assert_int_equal(r.n_echo, 0);
	assert_string_equal(echoes(&r, false, 64), "");

	roster_echo(&r, &r.r[1], false, 1);
	roster_echo(&r, &r.r[1], false, 2); /* heard again: the count starts anew */
	assert_int_equal(r.n_echo, 1);
	assert_string_equal(echoes(&r, false, 64), "2 ");
	assert_string_equal(echoes(&r, false, 64), "2 ");
	assert_string_equal(echoes(&r, false, 64), "");
	roster_fini(&r);
}

static void the_busy_alone_are_not_waited_for(void **state)
{
	struct roster r = roster_of(8, 3);

	assert_true(roster_waits(&r));
	roster_busy(&r, &r.r[0], 100, true);
	roster_set_state(&r, &r.r[1], RECEIVER_ACKED);
	assert_true(roster_waits(&r));
	roster_set_state(&r, &r.r[2], RECEIVER_DROPPED);
	assert_false(roster_waits(&r));
	roster_busy(&r, &r.r[0], 100, false);
	assert_true(roster_waits(&r));
	roster_set_state(&r, &r.r[0], RECEIVER_FINISHED);
	assert_false(roster_waits(&r));
	roster_fini(&r);
}

static void say_busy(struct roster *r, nsec_t now, uint16_t lacks)
{
	roster_heard(r, &r->r[0], now);
	r->r[0].lacks = lacks;
	roster_busy(r, &r->r[0], now, true);
}

/* However much it has to look through. */
static void the_busy_are_waited_for_while_they_get_on(void **state)
{
	const unsigned active = 1u << RECEIVER_ACTIVE;
	struct roster r = roster_of(8, 2);
	uint16_t lacks = 1000;

	for (nsec_t at = 1; at < 10 * ROSTER_BUSY_MAX; at += ROSTER_BUSY_MAX / 2) {
		say_busy(&r, at, lacks--);
		assert_int_equal(roster_drop_silent(&r, at, active, NSEC_PER_SEC), 0);
	}
	say_busy(&r, 10 * ROSTER_BUSY_MAX,
		 1000); /* more is no progress, nor is as little as before */
	say_busy(&r, 10 * ROSTER_BUSY_MAX + 1, lacks + 1);
	assert_int_equal(roster_drop_silent(&r, 11 * ROSTER_BUSY_MAX, active, NSEC_PER_SEC), 1);
	assert_int_equal(r.r[0].state, RECEIVER_DROPPED);
	roster_fini(&r);
}

static void the_slowest_that_counts_decides(void **state)
{
	struct roster r = roster_of(8, 3);

	r.r[0].acked_through = 7;
	r.r[1].acked_through = 3;
	r.r[2].acked_through = 9;
	assert_int_equal(roster_acked_through(&r), 3);
	roster_set_state(&r, &r.r[1], RECEIVER_DROPPED);
	assert_int_equal(roster_acked_through(&r), 7);
	roster_heard(&r, &r.r[1], 200);
	assert_int_equal(roster_acked_through(&r), 3);
	roster_set_state(&r, &r.r[1], RECEIVER_BEHIND);
	assert_int_equal(roster_acked_through(&r), 7);
	roster_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_refuses),
		cmocka_unit_test(a_list_of_a_state),
		cmocka_unit_test(nodes_are_found_until_it_is_full),
		cmocka_unit_test(states_are_counted),
		cmocka_unit_test(questions_take_turns),
		cmocka_unit_test(an_empty_one_asks_nobody),
		cmocka_unit_test(the_silent_are_dropped_and_come_back),
		cmocka_unit_test(the_barred_do_not_come_back),
		cmocka_unit_test(the_forgiven_are_asked_anew),
		cmocka_unit_test(echoes_are_used_up),
		cmocka_unit_test(the_busy_alone_are_not_waited_for),
		cmocka_unit_test(the_busy_are_waited_for_while_they_get_on),
		cmocka_unit_test(the_slowest_that_counts_decides),
	};

	return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
