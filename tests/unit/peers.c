/* peers.c - tests of receiver/peers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "receiver/peers.h"

static struct report report;
static const struct udp_in_counters net;
static struct chores chores; /* all at once */
static const struct self self = { .host = "h", .version = "1" };
static const struct session_conf conf = {
	.node_id = 1, .report = &report, .chores = &chores, .self = &self
};

static struct addr host(unsigned n, uint16_t port)
{
	char text[ADDR_TEXT];
	struct addr a;

	snprintf(text, sizeof(text), "192.0.2.%u", n);
	assert_int_equal(addr_parse(&a, text, port), 0);
	return a;
}

static struct msg_session id_of(uint32_t sender, uint16_t instance)
{
	return (struct msg_session){ NORM_DATA, sender, sender, instance };
}

static int add(struct peers *p, unsigned n, uint32_t sender, uint16_t instance, nsec_t now)
{
	struct msg_session id = id_of(sender, instance);
	struct hook_origin origin = { .peer = host(n, 1000) };
	struct addr from = origin.peer;
	struct session *s;
	int r;

	assert_int_equal(session_new(&s, &conf, &origin, &id, 1, now), 0);
	r = peers_add(p, now, &from, &id, s);
	if (r < 0)
		session_free(s);
	return r;
}

static struct peer *find(struct peers *p, unsigned n, uint16_t port, uint32_t sender,
			 uint16_t instance)
{
	struct msg_session id = id_of(sender, instance);
	struct addr from = host(n, port);

	return peers_find(p, &from, &id);
}

static void all_of_the_key_counts(void **state)
{
	struct msg_session id = id_of(5, 8), none = id_of(6, 8);
	struct addr from = host(1, 1001), other = host(2, 1001);
	struct peers p = { 0 };

	assert_null(find(&p, 1, 1000, 5, 7));
	assert_int_equal(add(&p, 1, 5, 7, 0), 0);
	assert_int_equal(add(&p, 2, 5, 7, 0), 0);
	assert_ptr_equal(find(&p, 1, 1000, 5, 7), &p.list[0]);
	assert_ptr_equal(find(&p, 2, 1000, 5, 7), &p.list[1]);
	assert_null(find(&p, 1, 1001, 5, 7));
	assert_null(find(&p, 1, 1000, 6, 7));
	assert_null(find(&p, 1, 1000, 5, 8));
	/* A sender that starts anew has its host and its id. */
	assert_ptr_equal(peers_earlier(&p, &from, &id), &p.list[0]);
	assert_ptr_equal(peers_earlier(&p, &other, &id), &p.list[1]);
	assert_null(peers_earlier(&p, &from, &none));
	id.instance_id = 7;
	assert_null(peers_earlier(&p, &from, &id));
	assert_ptr_equal(peers_find_sender(&p, &id), &p.list[0]);
	assert_null(peers_find_sender(&p, &none));
	peers_fini(&p);
}

static void the_one_unheard_for_longest_makes_place(void **state)
{
	struct peers p = { 0 };

	for (unsigned i = 0; i < PEERS_LIVE; i++)
		assert_int_equal(add(&p, i, 5, 7, 100 + i), 0);
	p.list[0].heard_at = 1000;
	assert_int_equal(add(&p, 100, 5, 7, 1000), 0);
	assert_int_equal(p.n, PEERS_LIVE);
	assert_null(find(&p, 1, 1000, 5, 7));
	assert_non_null(find(&p, 0, 1000, 5, 7));
	assert_non_null(find(&p, 100, 1000, 5, 7));
	peers_fini(&p);
}

/* Says to the session that the sender has said good-bye. */
static void good_bye(struct peer *peer, nsec_t now)
{
	struct msg m = { .type = NORM_CMD,
			 .cmd = CMD_EOT,
			 .source_id = peer->sender_id,
			 .instance_id = peer->instance_id };
	uint8_t pkt[100];
	int len = msg_encode(&m, pkt, sizeof(pkt));

	assert_int_equal(
		session_input(peer->session, now,
			      &(struct udp_datagram){ .data = pkt, .len = (size_t)len }),
		0);
	assert_true(session_over(peer->session, now));
}

static void those_that_are_over_are_remembered(void **state)
{
	struct peers p = { 0 };

	for (unsigned i = 1; i <= 3 * PEERS_MAX; i++) {
		assert_int_equal(add(&p, i % 250, i, 7, i), 0);
		assert_false(session_over(p.list[p.n - 1].session, i));
		good_bye(find(&p, i % 250, 1000, i, 7), i);
		peers_end(&p, (unsigned)(find(&p, i % 250, 1000, i, 7) - p.list));
		assert_null(find(&p, i % 250, 1000, i, 7)->session);
		assert_in_range(p.n, 1, PEERS_MAX);
	}
	/* The last ones, and no longer the first. */
	assert_int_equal(p.n, PEERS_MAX);
	assert_null(find(&p, 1, 1000, 1, 7));
	assert_non_null(find(&p, 3 * PEERS_MAX, 1000, 3 * PEERS_MAX, 7));
	peers_fini(&p);
}

/* One that fell silent may come back; one that was replaced may not. */
static void silence_is_forgotten(void **state)
{
	struct peers p = { 0 };
	uint8_t buf[1500];

	assert_int_equal(add(&p, 1, 5, 7, 0), 0);
	assert_int_equal(add(&p, 2, 5, 7, 0), 0);
	session_replaced(p.list[0].session, 5);
	assert_true(session_over(p.list[0].session, 5));
	peers_end(&p, 0);
	assert_non_null(find(&p, 1, 1000, 5, 7));
	assert_int_equal(session_output(p.list[1].session, 3600 * NSEC_PER_SEC, buf, 1500), 0);
	assert_true(session_over(p.list[1].session, 3600 * NSEC_PER_SEC));
	peers_end(&p, 1);
	assert_null(find(&p, 2, 1000, 5, 7));
	assert_int_equal(p.n, 1);
	peers_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_the_key_counts),
		cmocka_unit_test(the_one_unheard_for_longest_makes_place),
		cmocka_unit_test(those_that_are_over_are_remembered),
		cmocka_unit_test(silence_is_forgotten),
	};

	report_init(&report, &(struct report_conf){ .quiet = true, .net = &net });
	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
