/* orders.c - tests of sender/orders: a real session, receivers made by hand. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "sender/orders.h"

#define S NSEC_PER_SEC

struct office {
	struct tx_rig rig;
	struct orders o;
	struct listeners *who;
	char answer[JSON_LINE_MAX];
};

static void office_init(struct office *f)
{
	struct tx_conf conf = rig_conf(TX_SOW);

	*f = (struct office){ 0 };
	rig_init(&f->rig, &conf);
	rig_add(&f->rig, 2 * RIG_BLOCK);
	assert_int_equal(listeners_new(&f->who, 8), 0);
	f->o = (struct orders){ .tx = f->rig.tx, .who = f->who };
	gather_init(&f->o.gather, f->rig.now, 30 * S);
}

static void office_fini(struct office *f)
{
	listeners_free(f->who);
	rig_fini(&f->rig);
}

static void join(struct office *f, uint32_t node, const char *host, const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 9), 0);
	rig_announce(&f->rig, node);
	f->rig.event.announce.host = host;
	f->rig.event.announce.host_len = strlen(host);
	listeners_note(f->who, &f->rig.event, &addr);
	gather_count(&f->o.gather, f->rig.now, tx_n_receivers(f->rig.tx) - f->o.barred);
}

static void order(struct office *f, const char *line, int r, const char *part)
{
	struct command cmd;
	const char *error, *text;
	struct json answer;
	size_t len;

	assert_int_equal(command_parse(&cmd, line, strlen(line), &error), 0);
	assert_int_equal(orders_obey(&f->o, f->rig.now, &cmd, &answer), r);
	assert_int_equal(r < 0, f->o.error != NULL);
	assert_int_equal(json_end(&answer, &text, &len), 0);
	memcpy(f->answer, text, len);
	f->answer[len] = '\0';
	if (!strstr(f->answer, part) ||
	    !strstr(f->answer, r < 0 ? "\"ok\":false,\"error\":\"" : "\"ok\":true"))
		fail_msg("%s: %s", line, f->answer);
}

/* Forged feedback of nodes that never announced themselves takes no one's place. */
static void strangers_take_no_place(void **state)
{
	struct addr addr;
	struct office f;

	office_init(&f);
	assert_int_equal(addr_parse(&addr, "10.0.0.9", 9), 0);
	for (uint32_t node = 100; node < 120; node++) {
		assert_int_equal(rig_flush_ack(&f.rig, node, 0, 1, 7), 0);
		listeners_note(f.who, &f.rig.event, &addr);
		assert_null(listeners_find(f.who, node));
	}
	join(&f, 5, "a", "10.0.0.1");
	assert_non_null(listeners_find(f.who, 5));
	office_fini(&f);
}

static void it_starts_for_somebody_once(void **state)
{
	struct office f;
	nsec_t at;

	office_init(&f);
	order(&f, "start", -ENOENT, "nobody is there");
	join(&f, 5, "a", "10.0.0.1");
	f.o.gather.receivers = 2;
	order(&f, "start", 0, "");
	assert_true(gather_enough(&f.o.gather, f.rig.now, &at));
	f.o.started = true;
	order(&f, "start", -EALREADY, "it has begun");
	order(&f, "wait +1", -EALREADY, "it has begun");
	office_fini(&f);
}

static void it_waits_as_long_as_it_is_told(void **state)
{
	struct office f;

	office_init(&f);
	order(&f, "wait +60", 0, "\"wait_left\":90");
	order(&f, "wait -80", 0, "\"wait_left\":10");
	order(&f, "wait -80", 0, "\"wait_left\":0");
	office_fini(&f);
}

static void one_is_dropped_by_name_node_or_address(void **state)
{
	struct office f;

	office_init(&f);
	join(&f, 0xa, "pc1", "10.0.0.1");
	join(&f, 0xb, "pc2.example.org", "10.0.0.2");
	join(&f, 0xc, "clone", "10.0.0.3");
	join(&f, 0xd, "clone", "10.0.0.4");
	order(&f, "drop pc3", -ENOENT, "no such receiver");
	order(&f, "drop 10.0.0.9", -ENOENT, "no such receiver");
	order(&f, "drop clone", -ENOTUNIQ, "\"receivers\":2");
	order(&f, "drop 0000000C", 0,
	      "\"node\":\"0000000c\",\"host\":\"clone\",\"address\":\"10.0.0.3\"");
	order(&f, "drop clone", 0, "10.0.0.4"); /* the only one left */
	order(&f, "drop PC2", 0, "pc2.example.org");
	order(&f, "drop pc2", -ENOENT, "no such receiver");
	assert_int_equal(f.o.gather.n, 1);
	assert_int_equal(f.o.barred, 3);
	rig_receipt(&f.rig, 0xa, RECEIPT_COMPLETE);
	order(&f, "drop 10.0.0.1", -EALREADY, "receipt");
	assert_int_equal(f.o.barred, 3);
	office_fini(&f);
}

static void a_pause_ends_where_it_began(void **state)
{
	struct office f;

	office_init(&f);
	order(&f, "resume", -EALREADY, "not paused");
	order(&f, "pause", 0, "");
	order(&f, "pause", -EALREADY, "it is paused");
	order(&f, "status", 0, "\"paused\":true");
	order(&f, "resume", 0, "");
	order(&f, "status", 0, "\"paused\":false");
	office_fini(&f);
}

static void the_status_counts(void **state)
{
	struct office f;

	office_init(&f);
	join(&f, 11, "a", "10.0.0.1");
	join(&f, 12, "b", "10.0.0.2");
	join(&f, 13, "c", "10.0.0.3");
	order(&f, "drop c", 0, "");
	order(&f, "status", 0,
	      "\"phase\":\"waiting\",\"paused\":false,\"wait_left\":30,\"receivers\":2,"
	      "\"complete\":0,\"ended_otherwise\":0,\"behind\":0,\"dropped\":1,\"absent\":0,"
	      "\"sent\":0,"
	      "\"bytes\":1600,");
	tx_start(f.rig.tx, f.rig.now);
	f.o.started = true;
	order(&f, "status", 0, "\"phase\":\"sending\",\"paused\":false,\"receivers\":2,");
	rig_see(&f.rig, 0);
	order(&f, "status", 0, "\"phase\":\"repairing\"");
	rig_receipt(&f.rig, 11, RECEIPT_COMPLETE);
	rig_receipt(&f.rig, 12, RECEIPT_IO);
	order(&f, "status", 0,
	      "\"complete\":1,\"ended_otherwise\":1,\"behind\":0,\"dropped\":1");
	order(&f, "quit", 0, "");
	assert_true(f.o.quit);
	tx_abort(f.rig.tx, f.rig.now);
	order(&f, "status", 0, "\"phase\":\"ending\"");
	office_fini(&f);
}

static void what_is_no_command_is_answered(void **state)
{
	struct orders o = { 0 };
	struct json answer;
	const char *text;
	size_t len;

	orders_refuse(&o, &answer, "what?");
	assert_int_equal(json_end(&answer, &text, &len), 0);
	assert_int_equal(strncmp(text,
				 "{\"event\":\"answer\",\"ok\":false,\"error\":\"what?\"}",
				 len - 1),
			 0);
	assert_string_equal(o.error, "what?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_take_no_place),
		cmocka_unit_test(it_starts_for_somebody_once),
		cmocka_unit_test(it_waits_as_long_as_it_is_told),
		cmocka_unit_test(one_is_dropped_by_name_node_or_address),
		cmocka_unit_test(a_pause_ends_where_it_began),
		cmocka_unit_test(the_status_counts),
		cmocka_unit_test(what_is_no_command_is_answered),
	};

	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
