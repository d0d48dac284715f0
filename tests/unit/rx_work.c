/* rx_work.c - tests of proto/rx: short memory, slow and failing work, objects that go away. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rx_rig.h"

#include "proto/rs.h"

#define N_BLOCKS 6

/* Room for two blocks. */
static struct rx_conf tiny_conf(void)
{
	struct rx_conf conf = rig_conf();

	conf.memory = 2 * RIG_BLOCK;
	return conf;
}

/* The same symbol of every block, then the next one: the order that memory likes least. */
static void symbols_across_blocks_are_spilled_and_read_back(void **state)
{
	struct rx_conf conf = tiny_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = N_BLOCKS * RIG_BLOCK - 1;
	rig_info(&r, 0, "info");
	for (uint16_t esi = 0; esi < RIG_B; esi++)
		for (uint32_t sbn = 0; sbn < N_BLOCKS; sbn++)
			rig_data(&r, 0, sbn, esi);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	assert_int_equal(rx_counters(r.rx)->no_room, 0);
	assert_int_equal(rx_counters(r.rx)->recovered, 0);
	rig_fini(&r);
}

/* Parity is given up by a spilled block, what stands for the last short symbol too. */
static void spilled_blocks_are_decoded(void **state)
{
	struct rx_conf conf = tiny_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = N_BLOCKS * RIG_BLOCK - 1;
	rig_info(&r, 0, "info");
	for (uint32_t sbn = 0; sbn < N_BLOCKS; sbn++) {
		rig_data(&r, 0, sbn, 8);
		for (uint16_t esi = 2; esi < RIG_B; esi++)
			rig_data(&r, 0, sbn, esi);
	}
	assert_string_equal(rig_events(&r), "O0 ");
	for (uint32_t sbn = 0; sbn < N_BLOCKS; sbn++) {
		rig_data(&r, 0, sbn, 9);
		rig_data(&r, 0, sbn, 10);
	}
	assert_string_equal(rig_events(&r), "C0 ");
	assert_int_equal(rx_counters(r.rx)->recovered, 2 * N_BLOCKS);
	rig_fini(&r);
}

static void random_symbols_with_little_memory(void **state)
{
	struct rx_conf conf = tiny_conf();

	for (unsigned seed = 0; seed < 20; seed++) {
		struct rng rng = rng_init(seed);
		struct rx_rig r;

		rig_init(&r, &conf);
		r.size[0] = N_BLOCKS * RIG_BLOCK + 1;
		rig_info(&r, 0, "info");
		for (unsigned i = 0; i < 2000 && !rx_status(r.rx).complete; i++)
			rig_data(&r, 0, (uint32_t)rng_below(&rng, N_BLOCKS + 1),
				 (uint16_t)rng_below(&rng, RIG_B));
		assert_string_equal(rig_events(&r), "O0 C0 ");
		rig_fini(&r);
	}
}

static void without_room_symbols_are_dropped(void **state)
{
	struct rx_conf conf = tiny_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 20 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	for (uint32_t sbn = 0; sbn < 20; sbn++)
		rig_data(&r, 0, sbn, 0);
	assert_int_equal(rx_counters(r.rx)->source, 8); /* two in memory, six spilled */
	assert_int_equal(rx_counters(r.rx)->no_room, 12);
	for (uint32_t sbn = 0; sbn < 20; sbn++)
		for (uint16_t esi = 0; esi < RIG_B; esi++)
			rig_data(&r, 0, sbn, esi);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_fini(&r);
}

/* A block that has only parity to give up is forgotten, and the others' work goes on. */
static void parity_alone_is_not_spilled(void **state)
{
	struct rx_conf conf = tiny_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 20 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	for (uint32_t sbn = 0; sbn < 20; sbn++)
		rig_data(&r, 0, sbn, 8);
	assert_int_equal(rx_counters(r.rx)->parity, 20);
	assert_int_equal(rx_counters(r.rx)->no_room, 0);
	rig_fini(&r);

	rig_init(&r, &conf);
	r.size[0] = 2 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	r.asleep = true;
	rig_data(&r, 0, 0, 8);
	rig_block_without(&r, 0, 1, 0); /* the first has to go, this one is to be written */
	r.asleep = false;
	rig_work(&r);
	assert_int_equal(rx_status(r.rx).received, RIG_BLOCK);
	rig_fini(&r);
}

/* While nothing is written symbols have to wait for the next time. */
static void slow_work_loses_nothing(void **state)
{
	struct rx_conf conf = tiny_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = N_BLOCKS * RIG_BLOCK;
	rig_info(&r, 0, "info");
	r.hold = true;
	for (int i = 0; i < 3; i++)
		for (uint16_t esi = 0; esi < RIG_B; esi++)
			for (uint32_t sbn = 0; sbn < N_BLOCKS; sbn++)
				rig_data(&r, 0, sbn, esi);
	assert_string_equal(rig_events(&r), "O0 ");
	assert_in_range(r.n_held, 1, 2);
	r.hold = false;
	for (int i = 0; i < 4; i++)
		for (uint16_t esi = 0; esi < RIG_B; esi++)
			for (uint32_t sbn = 0; sbn < N_BLOCKS; sbn++)
				rig_data(&r, 0, sbn, esi);
	assert_string_equal(rig_events(&r), "C0 ");
	rig_fini(&r);
}

/* Object 1 has another B than the rig's, and lacks its first symbol. */
static void other_code(struct rx_rig *r)
{
	struct msg info = { .type = NORM_INFO,
			    .fec_id = FEC_RS8,
			    .object_id = 1,
			    .ext = { .present = EXT_HAS_FTI,
				     .fti = { 4 * RIG_E, RIG_E, 4, 4 } } };
	uint8_t source[4 * RIG_E], parity[RIG_E];
	struct rs *rs;

	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = rig_byte(1, i);
	assert_int_equal(rs_new(&rs, 4, 4), 0);
	assert_int_equal(rs_encode(rs, 4, source, RIG_E, 0, 1, parity), 0);
	rs_free(rs);
	assert_int_equal(rig_send(r, &info), 0);
	rig_work(r);
	for (uint16_t esi = 1; esi <= 4; esi++) {
		struct msg m = { .type = NORM_DATA,
				 .fec_id = FEC_RS8,
				 .object_id = 1,
				 .fpi = { .esi = esi },
				 .payload = esi < 4 ? source + esi * RIG_E : parity,
				 .payload_len = RIG_E };

		assert_int_equal(rig_send(r, &m), 0);
	}
}

static void one_code_at_a_time(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = RIG_BLOCK;
	r.size[1] = 4 * RIG_E;
	rig_info(&r, 0, "info");
	r.hold = true;
	rig_block_without(&r, 0, 0, 1);
	rig_data(&r, 0, 0, 8);
	other_code(&r);
	rig_work(&r);
	assert_int_equal(r.n_held, 1); /* the tables of the first are in use */
	r.hold = false;
	assert_string_equal(rig_events(&r), "O0 O1 C0 C1 ");
	assert_int_equal(rx_counters(r.rx)->recovered, 2);
	rig_fini(&r);
}

/* --- failures --- */

static void a_write_error_aborts(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 2 * RIG_BLOCK;
	r.size[1] = RIG_BLOCK;
	r.write_err = -ENOSPC;
	rig_blocks(&r, 0, 0, 2);
	assert_string_equal(rig_events(&r), "O0 X0:28 ");
	assert_int_equal(rx_status(r.rx).received, 0);
	r.write_err = 0;
	rig_blocks(&r, 0, 0, 2); /* nobody wants it any more */
	rig_blocks(&r, 1, 0, 1);
	assert_string_equal(rig_events(&r), "O1 C1 ");
	assert_int_equal(rx_status(r.rx).complete, 1);
	rig_fini(&r);
}

static void an_error_of_a_spilled_block_aborts(void **state)
{
	struct rx_conf conf = tiny_conf();

	for (int reading = 0; reading < 2; reading++) {
		struct rx_rig r;

		rig_init(&r, &conf);
		r.size[0] = N_BLOCKS * RIG_BLOCK;
		rig_info(&r, 0, "info");
		r.write_err = reading ? 0 : -EIO;
		r.read_err = reading ? -EIO : 0;
		for (uint16_t esi = 1; esi <= RIG_B; esi++) /* to be decoded */
			for (uint32_t sbn = 0; sbn < N_BLOCKS; sbn++)
				rig_data(&r, 0, sbn, esi);
		assert_string_equal(rig_events(&r), "O0 X0:5 ");
		rig_fini(&r);
	}
}

static void work_may_return_after_its_object_went(void **state)
{
	struct rx_conf conf = tiny_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = r.size[1] = r.size[2] = N_BLOCKS * RIG_BLOCK;
	rig_info(&r, 0, "info");
	r.hold = true;
	rig_data(&r, 0, 0, 0);
	rig_data(&r, 0, 1, 0); /* spills the first */
	rig_block_without(&r, 0, 2, 0);
	assert_in_range(r.n_held, 1, 2);
	rig_squelch(&r, 1, NULL, 0);
	assert_string_equal(rig_events(&r), "O0 X0:116 ");
	assert_int_equal(r.event.error, -ESTALE);
	r.hold = false;
	rig_blocks(&r, 1, 0, N_BLOCKS);
	assert_string_equal(rig_events(&r), "O1 C1 ");
	rig_fini(&r);
}

/* --- objects --- */

static void a_refused_object_is_done(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	rig_join(&r);
	r.size[0] = r.size[1] = RIG_BLOCK;
	r.refuse = true;
	rig_blocks(&r, 0, 0, 1);
	assert_string_equal(rig_events(&r), "O0 X0:0 ");
	assert_int_equal(rx_counters(r.rx)->not_wanted, RIG_B);
	r.refuse = false;
	rig_info(&r, 1, "info");
	rig_block_without(&r, 1, 0, 1);
	/* in the middle of it, too */
	rx_refuse(r.rx, r.now, 1);
	rx_refuse(r.rx, r.now, 1);
	rx_refuse(r.rx, r.now, 5);
	assert_string_equal(rig_events(&r), "O1 X1:0 ");
	rig_probe(&r,
		  (struct probe){ .phase = PHASE_CATCHUP, .end_known = true, .end_object = 2 },
		  true, false);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	assert_string_equal(rig_events(&r), "F ");
	rig_fini(&r);
}

static void a_complete_object_stays_complete(void **state)
{
	static const uint16_t list[] = { 0 };
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.keep = true;
	r.size[0] = RIG_BLOCK;
	rig_blocks(&r, 0, 0, 1);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_squelch(&r, 0, list, 1);
	rig_squelch(&r, 1, NULL, 0);
	rx_refuse(r.rx, r.now, 0);
	assert_string_equal(rig_events(&r), "");
	assert_false(rx_status(r.rx).lost);
	rx_release(r.rx, 0);
	rx_release(r.rx, 0);
	rig_fini(&r);
}

static void too_many_objects_wait_for_a_place(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.max_objects = 2;
	rig_init(&r, &conf);
	r.keep = true;
	for (uint16_t i = 0; i < 3; i++)
		r.size[i] = RIG_BLOCK;
	rig_blocks(&r, 0, 0, 1);
	rig_info(&r, 1, "info");
	rig_info(&r, 2, "info");
	assert_string_equal(rig_events(&r), "O0 C0 O1 ");
	assert_true(rx_counters(r.rx)->no_room > 0);
	rx_release(r.rx, 0);
	rig_info(&r, 2, "info");
	assert_string_equal(rig_events(&r), "O2 ");
	rig_fini(&r);
}

/* --- SQUELCH --- */

static void a_squelch_ends_what_lies_before_it_and_what_it_lists(void **state)
{
	static const uint16_t list[] = { 3, 4 };
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	for (uint16_t i = 0; i < 6; i++)
		r.size[i] = RIG_BLOCK;
	rig_blocks(&r, 0, 0, 1);
	rig_info(&r, 1, "info");
	rig_info(&r, 2, "info");
	rig_info(&r, 3, "info");
	assert_string_equal(rig_events(&r), "O0 C0 O1 O2 O3 ");
	assert_false(rx_status(r.rx).lost);
	rig_squelch(&r, 2, list, 2);
	assert_string_equal(rig_events(&r), "X1:116 X3:116 X4:116 ");
	assert_false(rx_status(r.rx).lost); /* each of them was an event */
	rig_info(&r, 4, "info");
	rig_blocks(&r, 1, 0, 1);
	rig_blocks(&r, 2, 0, 1);
	assert_string_equal(rig_events(&r), "C2 ");
	rig_fini(&r);
}

static void what_is_given_up_before_it_was_offered(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = RIG_BLOCK;
	r.asleep = true;
	rig_info(&r, 0, "info");
	rig_squelch(&r, 1, NULL, 0);
	r.asleep = false;
	assert_string_equal(rig_events(&r), "X0:116 ");
	rig_fini(&r);
}

static void objects_that_were_never_heard_of_are_lost(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[5] = RIG_BLOCK;
	rig_squelch(&r, 0, NULL, 0);
	assert_false(rx_status(r.rx).lost);
	rig_squelch(&r, 5, NULL, 0);
	assert_true(rx_status(r.rx).lost);
	rig_blocks(&r, 5, 0, 1);
	assert_string_equal(rig_events(&r), "O5 C5 ");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_across_blocks_are_spilled_and_read_back),
		cmocka_unit_test(spilled_blocks_are_decoded),
		cmocka_unit_test(random_symbols_with_little_memory),
		cmocka_unit_test(without_room_symbols_are_dropped),
		cmocka_unit_test(parity_alone_is_not_spilled),
		cmocka_unit_test(slow_work_loses_nothing),
		cmocka_unit_test(one_code_at_a_time),
		cmocka_unit_test(a_write_error_aborts),
		cmocka_unit_test(an_error_of_a_spilled_block_aborts),
		cmocka_unit_test(work_may_return_after_its_object_went),
		cmocka_unit_test(a_refused_object_is_done),
		cmocka_unit_test(a_complete_object_stays_complete),
		cmocka_unit_test(too_many_objects_wait_for_a_place),
		cmocka_unit_test(a_squelch_ends_what_lies_before_it_and_what_it_lists),
		cmocka_unit_test(what_is_given_up_before_it_was_offered),
		cmocka_unit_test(objects_that_were_never_heard_of_are_lost),
	};

	return cmocka_run_group_tests_name("rx_work", tests, NULL, NULL);
}
