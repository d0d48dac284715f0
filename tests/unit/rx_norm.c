/* rx_norm.c - tests of proto/rx: a sender that is not ours, by the rules of RFC 5740. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rx_rig.h"

#include "proto/quant.h"

#define K   4
#define RTT 150 /* quantised, of the cc_node_list */

/* Object 0 of some blocks, FTI in its DATA as well. */
static void begin(struct rx_rig *r, uint64_t blocks)
{
	struct rx_conf conf = rig_conf();

	rig_init(r, &conf);
	r->fti_in_data = true;
	r->gsize = quant_gsize_encode(1000);
	for (size_t i = 0; i < RIG_OBJECTS; i++)
		r->size[i] = blocks * RIG_BLOCK;
	rig_info(r, 0, "name");
	assert_string_equal(rig_events(r), "O0 ");
}

static struct request segments(uint32_t sbn, uint16_t first, uint16_t last)
{
	return (struct request){ .form = first == last ? NACK_FORM_ITEMS : NACK_FORM_RANGES,
				 .flags = NACK_SEGMENT,
				 .first = { .sbn = sbn, .esi = first },
				 .last = { .sbn = sbn, .esi = last } };
}

static struct request blocks(uint32_t first, uint32_t last)
{
	struct request q = segments(first, 0, 1);

	q.flags = NACK_BLOCK;
	q.last.sbn = last;
	return q;
}

static struct request objects(uint16_t first, uint16_t last)
{
	struct request q = segments(0, 0, 1);

	q.flags = NACK_OBJECT;
	q.object_first = first;
	q.object_last = last;
	return q;
}

/* --- RFC 5740 §5.3 --- */

static void the_lowest_parity_is_asked_for(void **state)
{
	struct rx_rig r;

	begin(&r, 3);
	rig_block_without(&r, 0, 0, 1 << 3);
	rig_block_without(&r, 0, 1, 1 << 0 | 1 << 4 | 1 << 5);
	rig_data(&r, 0, 1, 9); /* one of the parity symbols came */
	rig_data(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8 0.1.8 0.1.10) ");
	/* though somebody's repair was heard the same set is asked for again */
	rig_repair(&r, 0, 1, 8, 4);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "");
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8 0.1.10 0.2.5-7 0.2.8-11) ");
	rig_fini(&r);
}

static void too_little_parity_takes_the_highest_source_symbols(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	rig_block_without(&r, 0, 0, 0x7e);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.5 0.0.6 0.0.8-11) ");
	rig_run(&r, 2 * r.grtt);
	rig_data(&r, 0, 0, 9); /* of the same set, what is still missing */
	rig_data(&r, 0, 0, 5);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0.6 0.0.8 0.0.10 0.0.11 0.1.5-7 0.1.8-11) ");
	rig_fini(&r);
}

static void objects_are_followed_without_probes(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	rig_block_without(&r, 0, 0, 0);
	rig_block_without(&r, 3, 0, 0);
	assert_string_equal(rig_see(&r), "N(o1-2) ");
	rig_run(&r, 2 * r.grtt);
	rig_flush(&r, 3, 0);
	assert_string_equal(rig_see(&r), "N(o1-2 i3) ");
	rig_fini(&r);
}

/* Low ids are taken for the session's begin, others for the place where we came in. */
static void where_a_session_begins(void **state)
{
	static const struct {
		uint16_t id;
		const char *nack;
	} v[] = {
		{ 0, "" }, { 3, "N(o0-2) " }, { 255, "N(o0-254) " }, { 256, "" }, { 65535, "" }
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct rx_conf conf = rig_conf();
		struct rx_rig r;

		rig_init(&r, &conf);
		r.size[v[i].id % RIG_OBJECTS] = 0;
		rig_info(&r, v[i].id, "name");
		assert_string_equal(rig_see(&r), v[i].nack);
		rig_fini(&r);
	}
}

static void ids_go_round(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.fti_in_data = true;
	r.size[14] = r.size[15] = r.size[0] = r.size[1] = RIG_BLOCK;
	rig_blocks(&r, 65534, 0, 1);
	assert_string_equal(rig_see(&r), "");
	rig_blocks(&r, 1, 0, 1);
	assert_string_equal(rig_events(&r), "O65534 C65534 O65537 C65537 ");
	assert_string_equal(rig_see(&r), "N(o65535-0) ");
	rig_info(&r, 65533, "name"); /* before we came in */
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

/* --- suppression (RFC 5401 §3.2.2) --- */

/* Two symbols of block 0 and all of block 1 are missing, and a back-off runs. */
static void want_three_things(struct rx_rig *r)
{
	begin(r, 3);
	r->backoff = K;
	rig_block_without(r, 0, 0, 3);
	rig_data(r, 0, 2, 0);
	assert_string_equal(rig_see(r), "");
	assert_true(rx_deadline(r->rx, r->now) <= r->now + K * r->grtt);
}

static void what_others_ask_for_is_not_asked_again(void **state)
{
	const struct {
		struct request req[3];
		size_t n;
		const char *left;
	} v[] = {
		{ { blocks(0, 1) }, 1, "" },
		{ { objects(0, 0) }, 1, "" },
		{ { objects(0, 5) }, 1, "" },
		{ { objects(1, 1) }, 1, "N(0.0.8 0.0.9 b0.1) " },
		{ { segments(0, 8, 9) }, 1, "N(b0.1) " },
		{ { segments(0, 8, 11) }, 1, "N(b0.1) " },
		{ { segments(0, 8, 8), segments(0, 9, 9) }, 2, "N(b0.1) " },
		{ { segments(0, 8, 8), segments(0, 9, 9), blocks(1, 1) }, 3, "" },
		{ { segments(0, 8, 8) }, 1, "N(0.0.8 0.0.9 b0.1) " },
		{ { segments(2, 8, 8), segments(0, 8, 8) }, 2, "N(0.0.8 0.0.9 b0.1) " },
		{ { segments(0, 4, 7) }, 1, "N(0.0.8 0.0.9 b0.1) " },
		{ { segments(1, 8, 11) }, 1, "N(0.0.8 0.0.9 b0.1) " },
		{ { blocks(1, 1) }, 1, "N(0.0.8 0.0.9) " },
	};

	for (int adv = 0; adv < 2; adv++) {
		for (size_t i = 0; i < ARRAY_LEN(v); i++) {
			struct rx_rig r;

			want_three_things(&r);
			rig_heard(&r, adv, v[i].req, v[i].n);
			assert_string_equal(rig_run(&r, K * r.grtt), v[i].left);
			assert_int_equal(rx_counters(r.rx)->suppressed, !*v[i].left);
			/* in the next cycle it counts no more */
			rig_run(&r, (K + 2) * r.grtt);
			rig_data(&r, 0, 2, 0);
			rig_flush(&r, 0, 0);
			assert_string_equal(rig_run(&r, K * r.grtt),
					    "N(0.0.8 0.0.9 b0.1 0.2.5-7 0.2.8-11) ");
			rig_fini(&r);
		}
	}
}

static void what_was_heard_before_the_backoff_does_not_count(void **state)
{
	struct request q = objects(0, 0);
	struct rx_rig r;

	begin(&r, 3);
	r.backoff = K;
	rig_heard(&r, false, &q, 1);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_run(&r, K * r.grtt), "N(b0.0) ");
	rig_fini(&r);
}

static void requests_of_other_sessions_do_not_count(void **state)
{
	struct rx_rig r;
	struct msg m = { .type = NORM_NACK, .source_id = 99, .server_id = RIG_SENDER };
	struct request_writer w;
	struct request q = objects(0, 0);
	uint8_t body[64], buf[128];
	int len;

	want_three_things(&r);
	request_writer_init(&w, body, sizeof(body), FEC_RS8, false);
	assert_int_equal(request_put(&w, &q), 0);
	m.payload = body;
	m.payload_len = request_writer_len(&w);
	m.instance_id = 8;
	len = msg_encode(&m, buf, sizeof(buf));
	assert_int_equal(rx_input(r.rx, r.now, buf, (size_t)len), -ENOENT);
	m.instance_id = 7;
	m.server_id = 9;
	len = msg_encode(&m, buf, sizeof(buf));
	assert_int_equal(rx_input(r.rx, r.now, buf, (size_t)len), -ENOENT);
	assert_int_equal(rx_counters(r.rx)->foreign, 2);
	assert_string_equal(rig_run(&r, K * r.grtt), "N(0.0.8 0.0.9 b0.1) ");
	rig_fini(&r);
}

/* --- CMD(CC) --- */

static void send_cc(struct rx_rig *r, uint16_t sequence, uint32_t sec, uint32_t usec, bool ask,
		    uint32_t node, uint8_t flags)
{
	struct msg m = rig_cmd(CMD_CC);
	struct cc_node item = { .node_id = node, .flags = flags, .rtt = RTT };
	uint8_t list[16];
	struct wr w = wr_init(list, sizeof(list));

	m.cc_sequence = sequence;
	m.send_time = (struct norm_time){ sec, usec };
	if (ask)
		m.ext = (struct exts){ .present = EXT_HAS_RATE, .send_rate = 0x19a6 };
	if (node) {
		cc_node_encode(&item, &w);
		m.payload = list;
		m.payload_len = wr_len(&w);
	}
	assert_int_equal(rig_send(r, &m), 0);
}

static void the_senders_time_is_returned(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	send_cc(&r, 5, 7000, 999990, false, 0, 0);
	r.now += 1234567 * NSEC_PER_USEC + 999;
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(b0.0) ");
	assert_int_equal(r.m.grtt_response.sec, 7002);
	assert_int_equal(r.m.grtt_response.usec, 234557);
	assert_int_equal(r.m.ext.cc.cc_sequence, 5);
	assert_int_equal(r.m.ext.cc.cc_flags, CC_FLAG_START);
	assert_int_equal(quant_rtt_decode(r.m.ext.cc.cc_rtt), r.grtt);
	rig_fini(&r);
}

static void without_a_time_none_is_returned(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(b0.0) ");
	assert_int_equal(r.m.grtt_response.sec, 0);
	assert_int_equal(r.m.grtt_response.usec, 0);
	rig_fini(&r);
}

static void cc_is_answered_when_asked(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	r.backoff = K;
	send_cc(&r, 1, 7000, 1, false, 0, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC / 2), "");
	send_cc(&r, 2, 7000, 1, true, 0, 0);
	assert_string_equal(rig_run(&r, K * r.grtt), "AC ");
	assert_string_equal(rig_run(&r, K * r.grtt), "");
	send_cc(&r, 3, 7000, 1, true, 99, CC_FLAG_CLR);
	send_cc(&r, 4, 7000, 1, true, RIG_NODE, CC_FLAG_RTT);
	assert_string_equal(rig_run(&r, K * r.grtt), "AC ");
	send_cc(&r, 5, 7000, 1, true, RIG_NODE,
		CC_FLAG_CLR); /* no waiting for whom it is about */
	assert_string_equal(rig_see(&r), "AC ");
	assert_int_equal(r.m.ext.cc.cc_sequence, 5);

	send_cc(&r, 6, 7000, 1, true, 0, 0);
	r.backoff = 0;
	rig_data(&r, 0, 1, 0); /* the NACK answers as well */
	assert_string_equal(rig_run(&r, K * r.grtt), "N(b0.0) ");
	rig_fini(&r);
}

/* A message of another receiver, or of the sender. */
static void hear(struct rx_rig *r, struct msg *m)
{
	uint8_t buf[200];
	int len;

	if (m->type == NORM_CMD) {
		rig_send(r, m);
		return;
	}
	len = msg_encode(m, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(rx_input(r->rx, r->now, buf, (size_t)len), 0);
}

/* RFC 5740 §5.5.2.2, rule 4: feedback of others tells enough. */
static void a_rate_as_low_as_ours_will_do(void **state)
{
	static const struct {
		uint8_t type;
		double rate;       /* of theirs for one of ours */
		bool ours, theirs; /* know their round trips */
		bool named, silent;
	} v[] = {
		{ NORM_NACK, 1.0, false, false, false, true },
		{ NORM_ACK, 0.1, false, false, false, true },
		{ NORM_CMD, 1.0, false, false, false, true },
		{ NORM_ACK, 1.3, false, false, false, false },
		{ NORM_ACK, 1.0, false, true, false, false },
		{ NORM_ACK, 1.0, true, true, false, true },
		{ NORM_ACK, 1.0, true, false, false, true },
		{ NORM_ACK, 0.1, false, false, true, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct msg m = rig_cmd(CMD_REPAIR_ADV);
		struct rx_rig r;
		double rate;

		begin(&r, 200);
		r.backoff = K;
		send_cc(&r, 1, 7000, 1, false, 0, 0);
		for (uint32_t sbn = 0; sbn < 100; sbn++)
			rig_block_without(&r, 0, sbn, 0);
		r.now += NSEC_PER_SEC;
		send_cc(&r, 2, 7000, 1, true, RIG_NODE,
			v[i].ours ? CC_FLAG_CLR | CC_FLAG_RTT : CC_FLAG_CLR);
		assert_string_equal(rig_see(&r), "AC ");
		rate = quant_rate_decode(r.m.ext.cc.cc_rate);
		assert_true(rate > 1000);
		send_cc(&r, 3, 7000, 1, true, v[i].named ? RIG_NODE : 0, CC_FLAG_CLR);
		if (v[i].type != NORM_CMD)
			m = (struct msg){ .type = v[i].type,
					  .source_id = 77,
					  .server_id = RIG_SENDER,
					  .instance_id = 7,
					  .ack_type = ACK_CC };
		m.ext.present = EXT_HAS_CC;
		m.ext.cc.cc_flags = v[i].theirs ? CC_FLAG_RTT : 0;
		m.ext.cc.cc_rate = quant_rate_encode(v[i].rate * rate);
		hear(&r, &m);
		assert_string_equal(rig_run(&r, K * r.grtt), v[i].silent ? "" : "AC ");
		rig_fini(&r);
	}
}

/* What the sender measured goes before the group's; nobody else's does. */
static void the_round_trip_is_our_own(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	send_cc(&r, 1, 7000, 1, true, 99, CC_FLAG_CLR | CC_FLAG_RTT);
	send_cc(&r, 2, 7000, 1, true, RIG_NODE, CC_FLAG_PLR);
	assert_string_equal(rig_see(&r), "AC ");
	assert_int_equal(r.m.ext.cc.cc_flags, CC_FLAG_START);
	send_cc(&r, 3, 7000, 1, true, RIG_NODE, CC_FLAG_PLR | CC_FLAG_RTT);
	assert_string_equal(rig_see(&r), "AC ");
	assert_int_equal(r.m.ext.cc.cc_flags, CC_FLAG_START | CC_FLAG_RTT);
	assert_int_equal(r.m.ext.cc.cc_rtt, RTT);
	rig_fini(&r);
}

/* One of ours is told of congestion control only if it wants to know. */
static void ours_gets_it_when_it_asks(void **state)
{
	for (int ask = 0; ask < 2; ask++) {
		struct rx_rig r;

		begin(&r, 2);
		rig_join(&r);
		r.cc_asked = ask;
		send_cc(&r, 1, 7000, 1, ask, RIG_NODE, CC_FLAG_CLR);
		assert_string_equal(rig_see(&r), ask ? "AC " : "");
		rig_data(&r, 0, 1, 0);
		assert_string_equal(rig_see(&r), "N(b0.0) ");
		assert_int_equal(!!(r.m.ext.present & EXT_HAS_CC), ask);
		rig_fini(&r);
	}
}

static void losses_are_reported(void **state)
{
	struct rx_rig r;

	begin(&r, 100);
	send_cc(&r, 1, 7000, 1, false, 0, 0);
	for (uint32_t sbn = 0; sbn < 99; sbn++) {
		rig_block_without(&r, 0, sbn, 0);
		r.sequence += sbn % 10 == 9; /* one in 80 is lost */
		r.now += r.grtt;
	}
	send_cc(&r, 2, 7000, 1, true, RIG_NODE, CC_FLAG_CLR);
	assert_string_equal(rig_see(&r), "AC ");
	assert_int_equal(rx_counters(r.rx)->missed, 9);
	assert_int_equal(r.m.ext.cc.cc_flags, 0);
	assert_true(quant_loss_decode(r.m.ext.cc.cc_loss) > 0.008);
	assert_true(quant_loss_decode(r.m.ext.cc.cc_loss) < 0.02);
	assert_true(quant_rate_decode(r.m.ext.cc.cc_rate) > 1000);
	rig_fini(&r);
}

/* --- the end of a session that nobody announces --- */

static void it_is_finished_when_flushed_and_quiet(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	rig_block_without(&r, 0, 0, 0);
	assert_string_equal(rig_events(&r), "C0 ");
	rig_run(&r, 4 * NSEC_PER_SEC);
	assert_string_equal(rig_events(&r), ""); /* more may come */
	rig_flush(&r, 0, 0);
	rig_run(&r, 1500 * MS);
	assert_string_equal(rig_events(&r), "F ");
	rig_fini(&r);

	begin(&r, 1);
	rig_block_without(&r, 0, 0, 1);
	rig_flush(&r, 0, 0);
	rig_run(&r, 4 * NSEC_PER_SEC);
	assert_string_equal(rig_events(&r), ""); /* something is missing */
	rig_data(&r, 0, 0, 0);
	rig_run(&r, 1 * NSEC_PER_SEC);
	assert_string_equal(rig_events(&r), "C0 ");
	rig_run(&r, 2 * NSEC_PER_SEC);
	assert_string_equal(rig_events(&r), "F ");
	rig_fini(&r);
}

static void receipts_are_for_senders_of_ours(void **state)
{
	const struct receipt rc = { .status = RECEIPT_COMPLETE };
	struct rx_rig r;

	begin(&r, 1);
	rig_block_without(&r, 0, 0, 0);
	rx_set_receipt(r.rx, r.now, &rc);
	assert_string_equal(rig_run(&r, 5 * NSEC_PER_SEC), "");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_parity_is_asked_for),
		cmocka_unit_test(too_little_parity_takes_the_highest_source_symbols),
		cmocka_unit_test(objects_are_followed_without_probes),
		cmocka_unit_test(where_a_session_begins),
		cmocka_unit_test(ids_go_round),
		cmocka_unit_test(what_others_ask_for_is_not_asked_again),
		cmocka_unit_test(what_was_heard_before_the_backoff_does_not_count),
		cmocka_unit_test(requests_of_other_sessions_do_not_count),
		cmocka_unit_test(the_senders_time_is_returned),
		cmocka_unit_test(a_rate_as_low_as_ours_will_do),
		cmocka_unit_test(without_a_time_none_is_returned),
		cmocka_unit_test(cc_is_answered_when_asked),
		cmocka_unit_test(the_round_trip_is_our_own),
		cmocka_unit_test(ours_gets_it_when_it_asks),
		cmocka_unit_test(losses_are_reported),
		cmocka_unit_test(it_is_finished_when_flushed_and_quiet),
		cmocka_unit_test(receipts_are_for_senders_of_ours),
	};

	return cmocka_run_group_tests_name("rx_norm", tests, NULL, NULL);
}
