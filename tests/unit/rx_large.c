/* rx_large.c - tests of proto/rx: objects in the large-block code. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/large_rig.h"
#include "tests/unit/nomem.h"

/* --- data --- */

static void blocks_sent_in_turns_are_received(void **state)
{
	struct rx_rig r;

	begin(&r, 3);
	r.size[0] = 3 * L_BLOCK;
	for (uint16_t i = 0; i < K; i++)
		for (uint32_t sbn = 0; sbn < 3; sbn++)
			rig_data(&r, 0, sbn, i);
	assert_string_equal(rig_see(&r), "");
	assert_string_equal(rig_events(&r), "C0 F ");
	assert_int_equal(rx_counters(r.rx)->source, 3 * K);
	assert_int_equal(rx_counters(r.rx)->recovered, 0);
	assert_int_equal(rx_status(r.rx).received, 3 * L_BLOCK);
	rig_fini(&r);
}

/* Blocks of two lengths, the last symbol short and lost. */
static void lost_symbols_are_decoded(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	struct layout l;

	for (unsigned lost = 1; lost <= PARITY; lost++) {
		rig_init_large(&r, &conf, K, PARITY);
		r.size[0] = 2 * L_BLOCK + 17 * RIG_E + 1;
		l = rig_layout(&r, 0);
		assert_int_equal(l.n_blocks, 3);
		rig_info(&r, 0, "info");
		for (uint32_t sbn = 0; sbn < 3; sbn++) {
			for (uint32_t i = 0; i < layout_k(&l, sbn) - lost; i++)
				rig_data(&r, 0, sbn, (uint16_t)i);
			for (uint32_t p = 0; p < lost; p++)
				rig_repair(&r, 0, sbn,
					   (uint16_t)(layout_k(&l, sbn) + PARITY - lost + p),
					   PARITY);
		}
		assert_string_equal(rig_events(&r), "O0 C0 ");
		assert_int_equal(rx_counters(r.rx)->recovered, 3 * lost);
		assert_int_equal(rx_counters(r.rx)->parity, 3 * lost);
		rig_fini(&r);
	}
}

static void the_front_is_what_is_stored(void **state)
{
	struct rx_rig r;

	begin(&r, 3);
	r.keep = true;
	assert_int_equal(rx_front(r.rx, 0), 0);
	assert_int_equal(rx_front(r.rx, 7), 0);
	block_without(&r, 0, 1);
	block_without(&r, 1, 0);
	assert_int_equal(rx_front(r.rx, 0), 0);
	r.hold = true;
	parity(&r, 0, 0, 1, 1);
	assert_int_equal(rx_front(r.rx, 0), 0);
	r.hold = false;
	rig_work(&r);
	assert_int_equal(rx_front(r.rx, 0), 2 * L_BLOCK);
	block_without(&r, 2, 0);
	assert_string_equal(rig_events(&r), "C0 F ");
	assert_int_equal(rx_front(r.rx, 0), 3 * L_BLOCK);
	rx_release(r.rx, 0);
	assert_int_equal(rx_front(r.rx, 0), 0);
	rig_fini(&r);
}

/* Requests come back late, the last first. */
static void slow_work_is_waited_for(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	r.hold = true;
	block_without(&r, 0, 3);
	parity(&r, 0, 0, 3, 3);
	block_without(&r, 1, 1);
	parity(&r, 1, 5, 6, 6);
	rig_data(&r, 0, 0, 1); /* too late to help */
	assert_int_equal(rx_counters(r.rx)->duplicate, 1);
	for (unsigned i = 0; i < 40; i++) {
		unsigned n = r.n_held;

		r.hold = false;
		rig_work(&r);
		r.hold = i < 20;
		if (!n && !r.n_held)
			break;
	}
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

/* --- what others may do to us --- */

static void nonsense_in_the_fti_is_refused(void **state)
{
	static const struct fti ftis[] = {
		{ 1000, 100, 32769, 20, FEC_INSTANCE_LARGE, 0, 0 },
		{ 1000, 99, 40, 20, FEC_INSTANCE_LARGE, 0, 0 },
		{ 1000, 100, 40, 0, FEC_INSTANCE_LARGE, 0, 0 },
		{ 1000, 100, 40, 32769, FEC_INSTANCE_LARGE, 0, 0 },
		{ 1000, 100, 40, 20, FEC_INSTANCE_LARGE + 1, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(ftis); i++) {
		struct msg m = { .type = NORM_INFO,
				 .flags = NORM_FLAG_INFO,
				 .fec_id = FEC_SB_SYST,
				 .ext = { .present = EXT_HAS_FTI, .fti = ftis[i] } };
		struct rx_conf conf = rig_conf();
		struct rx_rig r;

		rig_init(&r, &conf);
		assert_int_equal(rig_send(&r, &m), 0);
		assert_string_equal(rig_events(&r), "X0:93 ");
		rig_fini(&r);
	}
}

static int send_data(struct rx_rig *r, uint32_t sbn, uint16_t esi, size_t len, uint16_t target)
{
	static const uint8_t zeros[200];
	struct msg m = { .type = NORM_DATA,
			 .flags = NORM_FLAG_REPAIR | NORM_FLAG_INFO,
			 .fec_id = FEC_SB_SYST,
			 .fpi = { sbn, K, esi },
			 .ext = { .present = EXT_HAS_TARGET, .target = target },
			 .payload = zeros,
			 .payload_len = len };

	return rig_send(r, &m);
}

static void symbols_that_cannot_be_are_dropped(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	send_data(&r, 2, 0, RIG_E, 0);          /* no such block */
	send_data(&r, 0, K + PARITY, RIG_E, 0); /* nor symbol */
	send_data(&r, 0, UINT16_MAX, RIG_E, 0);
	send_data(&r, 0, 0, RIG_E - 1, 0); /* too short */
	send_data(&r, 0, K, RIG_E - 1, 0);
	send_data(&r, 0, K, RIG_E + 1, 0); /* too long */
	send_data(&r, UINT32_MAX, 0, RIG_E, 0);
	assert_int_equal(rx_counters(r.rx)->malformed, 7);
	assert_int_equal(rx_counters(r.rx)->source + rx_counters(r.rx)->parity, 0);
	rig_fini(&r);
}

/* More than there is was promised: what is asked for is what there is. */
static void an_impossible_target_is_cut(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	block_without(&r, 0, 3);
	parity(&r, 0, 0, 1, UINT16_MAX);
	in_phase(&r, PHASE_CATCHUP, 1, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "N(0.0+2) ");
	assert_non_null(strstr(rig_run(&r, NSEC_PER_SEC), "N(0.0.1 0.0.2) "));
	rig_fini(&r);

	begin(&r, 1);
	block_without(&r, 0, 3);
	send_poll(&r, 0, 1, UINT16_MAX);
	in_phase(&r, PHASE_CATCHUP, 1, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "N(0.0+3) ");
	assert_non_null(strstr(rig_run(&r, NSEC_PER_SEC), "N(0.0.0-2) "));
	rig_fini(&r);
}

static void polls_for_what_is_not_there_are_ignored(void **state)
{
	struct poll p = poll_of(2, 1, 0);
	struct rx_rig r;

	begin(&r, 2);
	block_without(&r, 0, 1);
	rig_poll(&r, &p);
	p = poll_of(0, 1, 0);
	p.object_id = 5;
	rig_poll(&r, &p);
	p.object_id = 0x9000;
	rig_poll(&r, &p);
	assert_string_equal(rig_see(&r), "");
	p = poll_of(0, UINT16_MAX, 0); /* more than there are */
	rig_poll(&r, &p);
	assert_string_equal(rig_see(&r), "N(0.0+1) ");
	rig_fini(&r);
}

static void after_the_end_nothing_is_asked_for(void **state)
{
	struct msg eot = rig_cmd(CMD_EOT);
	struct rx_rig r;

	begin(&r, 2);
	r.backoff = 4;
	block_without(&r, 0, 1);
	send_poll(&r, 0, 1, 0);
	assert_int_equal(rig_send(&r, &eot), 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	send_poll(&r, 0, 2, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_fini(&r);
}

/* --- objects that go away, memory that is not there --- */

static void a_failed_write_aborts_the_object(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	r.write_err = -ENOSPC;
	block_without(&r, 0, 0);
	assert_string_equal(rig_events(&r), "X0:28 F ");
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_fini(&r);

	begin(&r, 2);
	r.read_err = -EIO;
	block_without(&r, 0, 1);
	send_poll(&r, 0, 1, 0);
	parity(&r, 0, 0, 1, 1);
	assert_string_equal(rig_events(&r), "X0:5 F ");
	rig_fini(&r);
}

/* Its requests are still out when the object is withdrawn; then comes the next one. */
static void a_withdrawn_object_waits_for_its_work(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	block_without(&r, 1, 3);
	r.hold = true;
	block_without(&r, 0, 1);
	send_poll(&r, 0, 2, 0);
	parity(&r, 0, 0, 1, 1);
	assert_true(r.n_held > 0);
	rig_squelch(&r, 1, NULL, 0);
	assert_string_equal(rig_events(&r), "X0:116 F ");
	r.hold = false;
	rig_work(&r);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_probe(&r, (struct probe){ .phase = PHASE_RUN, .end_object = 2 }, true, false);
	rig_info(&r, 1, "info");
	for (uint32_t sbn = 0; sbn < 2; sbn++)
		for (uint16_t i = 0; i < K; i++)
			rig_data(&r, 1, sbn, i);
	assert_string_equal(rig_events(&r), "O1 C1 ");
	rig_fini(&r);
}

static void without_memory_the_object_is_refused(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	unsigned n;

	for (n = 1;; n++) {
		rig_init_large(&r, &conf, K, PARITY);
		r.size[0] = L_BLOCK;
		r.ignore = true;
		rig_info(&r, 0, "info");
		assert_string_equal(rig_events(&r), "O0 ");
		nomem_in = n;
		rx_accept(r.rx, r.now, 0);
		if (nomem_in)
			break;
		assert_string_equal(rig_events(&r), "X0:12 ");
		rig_fini(&r);
	}
	nomem_in = 0;
	assert_int_equal(n, 16);
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);

	conf.memory = 100;
	rig_init_large(&r, &conf, K, PARITY);
	r.size[0] = L_BLOCK;
	rig_info(&r, 0, "info");
	assert_string_equal(rig_events(&r), "O0 X0:27 ");
	rig_fini(&r);
}

/* Objects of other shapes: memory is taken anew when no block is in progress. */
static void another_shape_takes_memory_anew(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init_large(&r, &conf, RIG_LARGE, PARITY);
	r.block_len = 10;
	r.size[0] = 10 * RIG_E;
	r.size[1] = RIG_LARGE * RIG_E;
	rig_info(&r, 0, "info");
	rig_data(&r, 0, 0, 1);
	r.block_len = RIG_LARGE;
	rig_info(&r, 1, "info");
	assert_string_equal(rig_events(&r), "O0 O1 X1:27 "); /* not now */
	r.block_len = 10;
	for (uint16_t i = 0; i < 10; i++)
		rig_data(&r, 0, 0, i);
	assert_string_equal(rig_events(&r), "C0 ");
	r.block_len = RIG_LARGE;
	r.size[2] = r.size[1];
	rig_info(&r, 2, "info");
	for (uint16_t i = 0; i < RIG_LARGE; i++)
		rig_data(&r, 2, 0, i);
	assert_string_equal(rig_events(&r), "O2 C2 ");
	rig_fini(&r);
}

/* A receiver of a simulation: everything but symbols and work. */
static void counting_needs_no_memory_and_no_work(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	struct rx *rx;
	struct work w;

	conf.counting = true;
	conf.memory = 4096;
	conf.max_ranges = 16;
	conf.max_objects = 2;
	nomem_bytes = 0;
	assert_int_equal(rx_new(&rx, &conf, 1), 0);
	rx_free(rx);
	assert_true(nomem_bytes <= 8192);
	rig_init_large(&r, &conf, K, PARITY);
	r.size[0] = 2 * L_BLOCK;
	nomem_bytes = 0;
	rig_join(&r);
	rig_info(&r, 0, "info");
	assert_true(nomem_bytes > 0 && nomem_bytes <= 4096);
	assert_string_equal(rig_events(&r), "O0 ");
	r.asleep = true;
	block_without(&r, 0, 3);
	block_without(&r, 1, 0);
	send_poll(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.0+3) ");
	parity(&r, 0, 0, 3, 3);
	assert_false(rx_work(r.rx, &w));
	assert_true(rx_event(r.rx, &r.event));
	assert_int_equal(r.event.kind, RX_EV_COMPLETE);
	assert_int_equal(rx_counters(r.rx)->recovered, 3);
	assert_int_equal(rx_front(r.rx, 0), 2 * L_BLOCK);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_sent_in_turns_are_received),
		cmocka_unit_test(lost_symbols_are_decoded),
		cmocka_unit_test(the_front_is_what_is_stored),
		cmocka_unit_test(slow_work_is_waited_for),
		cmocka_unit_test(nonsense_in_the_fti_is_refused),
		cmocka_unit_test(symbols_that_cannot_be_are_dropped),
		cmocka_unit_test(an_impossible_target_is_cut),
		cmocka_unit_test(polls_for_what_is_not_there_are_ignored),
		cmocka_unit_test(after_the_end_nothing_is_asked_for),
		cmocka_unit_test(a_failed_write_aborts_the_object),
		cmocka_unit_test(a_withdrawn_object_waits_for_its_work),
		cmocka_unit_test(without_memory_the_object_is_refused),
		cmocka_unit_test(another_shape_takes_memory_anew),
		cmocka_unit_test(counting_needs_no_memory_and_no_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
