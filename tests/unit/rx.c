/* rx.c - tests of proto/rx: objects, their symbols and the work they need. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/nomem.h"
#include "tests/unit/rx_rig.h"

static void conf_contradictions_are_refused(void **state)
{
	struct rx_conf bad[3] = { rig_conf(), rig_conf(), rig_conf() };
	struct rx *rx;

	bad[0].node_id = NORM_NODE_NONE;
	bad[1].node_id = NORM_NODE_ANY;
	bad[2].max_objects = 16385;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(rx_new(&rx, &bad[i], 0), -EINVAL);
	rx_free(NULL);
}

static void every_allocation_may_fail(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx *rx;
	unsigned n = 1;
	int r;

	for (;; n++) {
		nomem_in = n;
		r = rx_new(&rx, &conf, 0);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
	}
	assert_true(n > 4);
	nomem_in = 0;
	rx_free(rx);
}

/* The rest is allocated with the first object, and its failure is that object's. */
static void every_allocation_of_an_object_may_fail(void **state)
{
	struct rx_conf conf = rig_conf();

	for (unsigned n = 1;; n++) {
		struct rx_rig r;

		rig_init(&r, &conf);
		r.size[0] = RIG_BLOCK;
		nomem_in = n;
		rig_info(&r, 0, "info");
		if (nomem_in) { /* it was not reached */
			nomem_in = 0;
			assert_true(n > 8);
			rig_block_without(&r, 0, 0, 1);
			rig_data(&r, 0, 0, 8);
			assert_string_equal(rig_events(&r), "O0 C0 ");
			rig_fini(&r);
			break;
		}
		assert_string_equal(rig_events(&r), "O0 X0:12 ");
		rig_fini(&r);
	}
}

/* --- symbols --- */

static void sizes_arrive(void **state)
{
	static const uint64_t sizes[] = { 0,         1,         RIG_E - 1,     RIG_E,
					  RIG_E + 1, RIG_BLOCK, RIG_BLOCK + 1, 5 * RIG_BLOCK };
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	uint64_t sum = 0;

	rig_init(&r, &conf);
	for (uint16_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char expect[16];

		r.size[i] = sizes[i];
		sum += sizes[i];
		rig_blocks(&r, i, 0, (uint32_t)rig_layout(&r, i).n_blocks);
		snprintf(expect, sizeof(expect), "O%u C%u ", i, i);
		assert_string_equal(rig_events(&r), expect);
	}
	assert_int_equal(rx_status(r.rx).received, sum);
	assert_int_equal(rx_status(r.rx).total, sum);
	assert_int_equal(rx_status(r.rx).complete, ARRAY_LEN(sizes));
	rig_fini(&r);
}

static void any_k_symbols_make_a_block(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rng rng = rng_init(1);
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 300 * RIG_BLOCK + 5 * RIG_E + 1; /* blocks of 8 and of 7 */
	rig_info(&r, 0, "info");
	for (uint32_t sbn = 0; sbn < rig_layout(&r, 0).n_blocks; sbn++) {
		struct layout l = rig_layout(&r, 0);
		uint16_t esi[RIG_B + RIG_PARITY],
			n = (uint16_t)(layout_k(&l, sbn) + RIG_PARITY);

		for (uint16_t i = 0; i < n; i++)
			esi[i] = i;
		for (uint16_t i = 0; i < n; i++) {
			uint64_t j = i + rng_below(&rng, n - i);
			uint16_t e = esi[j];

			esi[j] = esi[i];
			esi[i] = e;
			rig_data(&r, 0, sbn, e); /* those after the k-th are of no use */
		}
	}
	assert_string_equal(rig_events(&r), "O0 C0 ");
	assert_int_equal(rx_counters(r.rx)->duplicate + rx_counters(r.rx)->not_wanted,
			 301 * RIG_PARITY);
	rig_fini(&r);
}

static void what_was_decoded_is_counted(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 2 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 1 << 0 | 1 << 5);
	rig_data(&r, 0, 0, 8);
	rig_data(&r, 0, 0, 9);
	rig_data(&r, 0, 0, 9);
	rig_block_without(&r, 0, 1, 1 << 7);
	rig_data(&r, 0, 1, 3);
	rig_data(&r, 0, 1, 7);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	assert_int_equal(rx_counters(r.rx)->recovered, 2);
	assert_int_equal(rx_counters(r.rx)->parity, 2);
	assert_int_equal(rx_counters(r.rx)->source, 14);
	assert_int_equal(rx_counters(r.rx)->duplicate, 2);
	rig_fini(&r);
}

static void other_payload_ids(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.fec_id = FEC_SB_SYST;
	r.size[0] = RIG_BLOCK;
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 1);
	rig_data(&r, 0, 0, 8);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_fini(&r);
}

static void broken_symbols_are_refused(void **state)
{
	struct rx_conf conf = rig_conf();
	const uint8_t payload[RIG_E + 1] = { 0 };
	static const struct {
		uint32_t sbn;
		uint16_t esi;
		uint8_t fec_id;
		size_t len;
	} bad[] = {
		{ 2, 0, FEC_RS8, RIG_E },     { 0xffffff, 0, FEC_RS8, RIG_E },
		{ 0, 0, FEC_RS8, RIG_E + 1 }, { 0, 0, FEC_RS8, RIG_E - 1 },
		{ 1, 4, FEC_RS8, RIG_E },     { 0, 8, FEC_RS8, RIG_E + 1 },
		{ 0, 8, FEC_RS8, 0 },         { 0, 255, FEC_RS8, RIG_E },
		{ 1, 252, FEC_RS8, RIG_E },   { 0, 0, FEC_SB_SYST, RIG_E },
		{ 0, 8, FEC_SB_SYST, RIG_E },
	};
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 10 * RIG_E - 1; /* two blocks of five */
	rig_info(&r, 0, "info");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct msg m = { .type = NORM_DATA,
				 .flags = r.flags,
				 .fec_id = bad[i].fec_id,
				 .fpi = { .sbn = bad[i].sbn, .esi = bad[i].esi },
				 .payload = payload,
				 .payload_len = bad[i].len };

		assert_int_equal(rig_send(&r, &m), 0);
		assert_int_equal(rx_counters(r.rx)->malformed, i + 1);
	}
	rig_block_without(&r, 0, 0, 1 << 2);
	rig_data(&r, 0, 0, 5);
	rig_block_without(&r, 0, 1, 1 << 4);
	rig_data(&r, 0, 1, 5);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_fini(&r);
}

/* --- how an object becomes known --- */

static void data_before_info_is_of_no_use(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = RIG_BLOCK;
	rig_data(&r, 0, 0, 0);
	assert_string_equal(rig_events(&r), "");
	assert_int_equal(rx_counters(r.rx)->not_wanted, 1);
	r.ignore = true;
	rig_info(&r, 0, "info");
	assert_string_equal(rig_events(&r), "O0 ");
	assert_int_equal(r.event.size, RIG_BLOCK);
	assert_int_equal(r.event.info_len, 4);
	assert_memory_equal(r.event.info, "info", 4);
	assert_true(r.event.file);
	rig_data(&r, 0, 0, 1);
	assert_int_equal(rx_counters(r.rx)->not_wanted, 2);
	rx_accept(r.rx, r.now, 0);
	rx_accept(r.rx, r.now, 0);
	rx_accept(r.rx, r.now, 1);
	rig_block_without(&r, 0, 0, 3);
	assert_string_equal(rig_events(&r), "");
	rig_data(&r, 0, 0, 0);
	rig_data(&r, 0, 0, 1);
	assert_string_equal(rig_events(&r), "C0 ");
	rig_fini(&r);
}

static void fti_may_come_with_data(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	struct msg m = { .type = NORM_INFO, .fec_id = FEC_RS8, .object_id = 1 };

	rig_init(&r, &conf);
	r.fti_in_data = true;
	r.flags = 0; /* no INFO, not a file */
	r.size[0] = r.size[1] = RIG_BLOCK;
	rig_block_without(&r, 0, 0, 0);
	assert_string_equal(rig_events(&r), "O0 ");
	rig_data(&r, 0, 0, 0); /* the first one offered it */
	assert_string_equal(rig_events(&r), "C0 ");

	r.flags = NORM_FLAG_INFO;
	rig_data(&r, 1, 0, 0);
	assert_string_equal(rig_events(&r), ""); /* INFO is to come, with or without FTI */
	m.payload = (const uint8_t *)"name";
	m.payload_len = 4;
	rig_send(&r, &m);
	assert_string_equal(rig_events(&r), "O1 ");
	assert_int_equal(r.event.info_len, 4);
	assert_false(r.event.file);
	rig_fini(&r);
}

static void new_info_is_an_event(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.keep = true;
	r.size[0] = RIG_BLOCK;
	rig_info(&r, 0, "info");
	rig_info(&r, 0, "info");
	assert_string_equal(rig_events(&r), "O0 ");
	rig_info(&r, 0, "info2");
	assert_string_equal(rig_events(&r), "I0 ");
	assert_int_equal(r.event.info_len, 5);
	assert_memory_equal(r.event.info, "info2", 5);
	rig_blocks(&r, 0, 0, 1); /* with the old one again */
	assert_string_equal(rig_events(&r), "I0 C0 ");
	rig_info(&r, 0, "info3"); /* a digest may come late */
	assert_string_equal(rig_events(&r), "I0 ");
	rx_release(r.rx, 0);
	rig_info(&r, 0, "info4");
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

static void long_info_is_cut(void **state)
{
	struct rx_conf conf = rig_conf();
	char info[1900];
	struct rx_rig r;

	memset(info, 'x', sizeof(info) - 1);
	info[sizeof(info) - 1] = '\0';
	rig_init(&r, &conf);
	r.size[0] = RIG_BLOCK;
	rig_info(&r, 0, info);
	assert_string_equal(rig_events(&r), "O0 ");
	assert_int_equal(r.event.info_len, 1600);
	rig_info(&r, 0, info); /* still the same */
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

static void streams_are_refused(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.flags = NORM_FLAG_STREAM;
	r.fti_in_data = true;
	r.size[0] = RIG_BLOCK;
	rig_data(&r, 0, 0, 0);
	rig_data(&r, 0, 0, 1);
	assert_string_equal(rig_events(&r), "X0:93 ");
	assert_int_equal(r.event.error, -EPROTONOSUPPORT);
	rig_data(&r, 0, 0, 2);
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

static void shapes_that_we_cannot_decode_are_refused(void **state)
{
	static const struct {
		uint8_t fec_id;
		struct fti fti;
		int err;
	} v[] = {
		{ FEC_RS8, { 1000, 100, 8, 4 }, 0 },
		{ FEC_RS8, { 1000, 100, 128, 127 }, 0 },
		{ FEC_RS8, { 1000, 100, 128, 128 }, EPROTONOSUPPORT },
		{ FEC_SB_SYST, { 1000, 100, 65535, 1 }, EPROTONOSUPPORT },
		{ FEC_SB_SYST, { 1000, 100, 32768, 0 }, 0 }, /* no code at all */
		{ FEC_SB_SYST, { 1000, 100, 32769, 0 }, EPROTONOSUPPORT },
		{ FEC_RS8, { ((uint64_t)1 << 48) - 1, 1, 1, 4 }, EPROTONOSUPPORT },
		{ FEC_RS8, { 1000, 65000, 128, 4 }, EFBIG }, /* memory for two blocks */
		{ FEC_SB_SYST, { 1000, 100, 8, 4, 0 }, 0 },
		{ FEC_SB_SYST, { 1000, 100, 8, 4, 1 }, EPROTONOSUPPORT },
		{ FEC_SB_SYST, { 1000, 100, 8, 0, 1 }, 0 },
		{ FEC_RS, { 1000, 100, 8, 4, 0, 8, 1 }, EPROTONOSUPPORT },
		{ FEC_RS, { 1000, 100, 300, 20, 0, 16, 1 }, EPROTONOSUPPORT },
	};
	struct rx_conf conf = rig_conf();

	conf.memory = 8000000;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct msg m = { .type = NORM_INFO,
				 .fec_id = v[i].fec_id,
				 .ext = { .present = EXT_HAS_FTI, .fti = v[i].fti } };
		char expect[32];
		struct rx_rig r;

		rig_init(&r, &conf);
		assert_int_equal(rig_send(&r, &m), 0);
		if (v[i].err == EPROTONOSUPPORT)
			snprintf(expect, sizeof(expect), "X0:%d ", v[i].err);
		else if (v[i].err)
			snprintf(expect, sizeof(expect), "O0 X0:%d ", v[i].err);
		else
			snprintf(expect, sizeof(expect), "O0 ");
		assert_string_equal(rig_events(&r), expect);
		rig_fini(&r);
	}
}

static void an_fti_without_segments_is_malformed(void **state)
{
	/* E = 0, then B = 0 */
	uint8_t pkt[] = { 0x11, 7, 0,  0, 0, 0, 0, 1, 0, 7, 0x60, 0, 4, 5,
			  0,    0, 64, 3, 0, 0, 0, 0, 3, 0, 0,    0, 8, 4 };
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	assert_int_equal(rx_input(r.rx, r.now, pkt, sizeof(pkt)), -EBADMSG);
	pkt[25] = 100;
	pkt[26] = 0;
	assert_int_equal(rx_input(r.rx, r.now, pkt, sizeof(pkt)), -EBADMSG);
	assert_int_equal(rx_counters(r.rx)->malformed, 2);
	pkt[26] = 8;
	assert_int_equal(rx_input(r.rx, r.now, pkt, sizeof(pkt)), 0);
	assert_string_equal(rig_events(&r), "O0 ");
	rig_fini(&r);
}

/* Memory that was taken for the first shape must not be used for a larger one. */
static void objects_of_different_shape(void **state)
{
	struct rx_conf conf = rig_conf();
	struct msg m = { .type = NORM_INFO,
			 .fec_id = FEC_RS8,
			 .object_id = 1,
			 .ext = { .present = EXT_HAS_FTI, .fti = { 200, 10, 20, 4 } } };
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = r.size[2] = 2 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	assert_int_equal(rig_send(&r, &m), 0);
	assert_string_equal(rig_events(&r), "O0 O1 ");
	rig_blocks(&r, 0, 0, 2);
	rig_blocks(&r, 2, 0, 2);
	assert_string_equal(rig_events(&r), "C0 O2 C2 ");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_contradictions_are_refused),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(every_allocation_of_an_object_may_fail),
		cmocka_unit_test(sizes_arrive),
		cmocka_unit_test(any_k_symbols_make_a_block),
		cmocka_unit_test(what_was_decoded_is_counted),
		cmocka_unit_test(other_payload_ids),
		cmocka_unit_test(broken_symbols_are_refused),
		cmocka_unit_test(data_before_info_is_of_no_use),
		cmocka_unit_test(fti_may_come_with_data),
		cmocka_unit_test(new_info_is_an_event),
		cmocka_unit_test(long_info_is_cut),
		cmocka_unit_test(streams_are_refused),
		cmocka_unit_test(shapes_that_we_cannot_decode_are_refused),
		cmocka_unit_test(an_fti_without_segments_is_malformed),
		cmocka_unit_test(objects_of_different_shape),
	};

	return cmocka_run_group_tests_name("rx", tests, NULL, NULL);
}
