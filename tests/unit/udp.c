/* udp.c - tests of common/udp: sockets in their roles. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <limits.h>
#include <unistd.h>

#include "tests/unit/netns.h"
#include "tests/unit/pair.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void a_bad_conf_is_refused(void **state)
{
	static const struct {
		const char *group;
		bool broadcast;
		int ttl, dscp, rcvbuf, sndbuf, error;
	} cases[] = {
		{ "239.255.83.87", .error = -EINVAL },  /* no port */
		{ "192.0.2.1:8387", .error = -EINVAL }, /* no group */
		{ "[2001:db8::1]:8387", true, .error = -EINVAL },
		{ PAIR_V4, .ttl = -1, .error = -EINVAL },
		{ PAIR_V4, .ttl = 256, .error = -EINVAL },
		{ PAIR_V4, .dscp = -1, .error = -EINVAL },
		{ PAIR_V4, .dscp = 64, .error = -EINVAL },
		{ PAIR_V4, .rcvbuf = -1, .error = -EINVAL },
		{ PAIR_V4, .sndbuf = INT_MAX, .error = -EINVAL },
		{ PAIR_V6, .ttl = 256, .error = -EINVAL },
		{ PAIR_V4, .ttl = 255, .dscp = 63 },
		{ PAIR_V6, .ttl = 0, .dscp = 63 },
		{ "255.255.255.255:1", true },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct udp_conf c = pair_conf(UDP_SEND, cases[i].group, "lo");
		struct udp u = { .fd = -1 };

		c.broadcast = cases[i].broadcast;
		c.ttl = cases[i].ttl;
		c.dscp = cases[i].dscp;
		c.rcvbuf = cases[i].rcvbuf;
		c.sndbuf = cases[i].sndbuf;
		assert_int_equal(udp_open(&u, &c), cases[i].error);
		assert_true(cases[i].error ? u.fd == -1 : u.fd >= 0);
		udp_close(&u);
		udp_close(&u);
		assert_int_equal(u.fd, -1);
	}
}

static void an_unknown_interface_is_told(void **state)
{
	struct udp_conf c = pair_conf(UDP_SEND, PAIR_V4, "lo");
	struct udp u;

	c.ifindex = 9999;
	assert_int_equal(udp_open(&u, &c), -ENODEV);
	c.group = pair_address(PAIR_V6);
	assert_int_equal(udp_open(&u, &c), -ENODEV);
	c.group = pair_address("255.255.255.255:8387");
	c.broadcast = true;
	assert_int_equal(udp_open(&u, &c), -ENODEV);
}

/* In a namespace of its own a process has no right to exceed the system's limits. */
static void a_clamped_buffer_is_told(void **state)
{
	struct udp_conf c = pair_conf(UDP_SEND, PAIR_V4, "lo");
	struct udp u;

	assert_int_equal(udp_open(&u, &c), 0);
	assert_true(u.rcvbuf.got > 0 && u.sndbuf.got > 0);
	assert_false(udp_buffer_clamped(&u.rcvbuf) || udp_buffer_clamped(&u.sndbuf));
	udp_close(&u);

	c.rcvbuf = c.sndbuf = 10000;
	assert_int_equal(udp_open(&u, &c), 0);
	assert_int_equal(u.rcvbuf.got, 10000);
	assert_int_equal(u.sndbuf.got, 10000);
	assert_false(udp_buffer_clamped(&u.rcvbuf) || udp_buffer_clamped(&u.sndbuf));
	udp_close(&u);

	c.rcvbuf = c.sndbuf = INT_MAX / 2;
	assert_int_equal(udp_open(&u, &c), 0);
	assert_true(udp_buffer_clamped(&u.rcvbuf) && udp_buffer_clamped(&u.sndbuf));
	assert_true(u.rcvbuf.got > 10000 && u.rcvbuf.got < INT_MAX / 2);
	assert_string_equal(u.rcvbuf.sysctl, "net.core.rmem_max");
	assert_string_equal(u.sndbuf.sysctl, "net.core.wmem_max");
	udp_close(&u);
}

static void a_port_of_somebody_else_is_told(void **state)
{
	struct udp_conf c = pair_conf(UDP_LISTEN, PAIR_V4, "lo");
	struct addr any = addr_any(AF_INET, 8387);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct udp u;

	assert_int_equal(bind(fd, &any.sa, addr_len(&any)), 0);
	assert_int_equal(udp_open(&u, &c), -EADDRINUSE);
	close(fd);
}

static void listeners_share_a_port(void **state)
{
	struct udp_conf c = pair_conf(UDP_LISTEN, PAIR_V4, "lo");
	struct udp second;
	struct pair p;

	pair_open(&p, PAIR_V4, "lo", false);
	pair_listen(&second, &c);
	assert_int_equal(udp_send(&p.send, &p.listen.group, "x", 1), 0);
	assert_true(pair_readable(&p.listen, 2000) && pair_readable(&second, 2000));
	udp_close(&second);
	pair_close(&p);
}

/* A datagram to the group, and an answer by unicast to where it came from. */
static void an_answer_reaches_the_sender(void **state)
{
	static const char *const groups[] = { PAIR_V4, PAIR_V6 };

	for (int i = 0; i < 2; i++) {
		struct udp_conf c = pair_conf(UDP_ANSWER, groups[i], "veth0");
		struct udp_datagram d;
		struct udp_in *in;
		struct udp answer;
		struct pair p;

		pair_open(&p, groups[i], "veth0", false);
		assert_int_equal(udp_open(&answer, &c), 0);
		assert_int_equal(udp_in_new(&in, &p.send), 0);
		assert_int_equal(udp_send(&p.send, &p.listen.group, "question", 8), 0);
		assert_true(pair_next(p.in, &p.listen, &d));
		assert_int_equal(udp_send(&answer, &d.from, "answer", 6), 0);
		assert_true(pair_next(in, &p.send, &d));
		assert_int_equal(d.len, 6);
		assert_int_equal(addr_port(&d.from), addr_port(&answer.local));
		assert_int_equal(addr_port(&d.to), addr_port(&p.send.local));
		udp_in_free(in);
		udp_close(&answer);
		pair_close(&p);
	}
}

/*
 * "Port unreachable" for a unicast datagram would fail the next call, whichever it is, and
 * keep epoll awake.
 */
static void a_report_fails_nothing_else(void **state)
{
	struct addr closed = pair_address("127.0.0.1:9");
	struct udp_in *in;
	struct pair p;

	pair_open(&p, PAIR_V4, "lo", false);
	assert_int_equal(udp_in_new(&in, &p.send), 0);
	for (unsigned k = 0; k < 6; k++) {
		assert_int_equal(udp_send(&p.send, &closed, "x", 1), 0);
		if (k % 3 == 0)
			assert_int_equal(udp_send(&p.send, &p.listen.group, "x", 1), 0);
		if (k % 3 == 1) {
			pair_add(&p, k, 100);
			assert_int_equal(udp_out_flush(p.out, &p.send), 1);
		}
		assert_int_equal(udp_in_read(in), 0);
		assert_false(pair_has_error(&p.send));
	}
	udp_in_free(in);
	pair_close(&p);
}

static void a_silent_sender_is_not_heard_here(void **state)
{
	static const char *const groups[] = { PAIR_V4, PAIR_V6 };

	for (int i = 0; i < 2; i++) {
		struct udp_conf c = pair_conf(UDP_SEND, groups[i], "veth0");
		struct udp silent;
		struct udp_datagram d;
		struct pair p;

		pair_open(&p, groups[i], "veth0", false);
		c.no_loop = true;
		assert_int_equal(udp_open(&silent, &c), 0);
		assert_int_equal(udp_send(&silent, &c.group, "silent", 6), 0);
		assert_int_equal(udp_send(&p.send, &c.group, "loud", 4), 0);
		assert_true(pair_next(p.in, &p.listen, &d));
		assert_int_equal(d.len, 4);
		udp_close(&silent);
		pair_close(&p);
	}
}

static int option(const struct udp *u, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(u->fd, level, name, &v, &len), 0);
	return v;
}

static void options_are_set(void **state)
{
	struct udp_conf c = pair_conf(UDP_SEND, PAIR_V4, "veth0");
	struct udp u;

	c.ttl = 7;
	c.dscp = 46;
	assert_int_equal(udp_open(&u, &c), 0);
	assert_int_equal(option(&u, IPPROTO_IP, IP_TOS), 46 << 2);
	assert_int_equal(option(&u, IPPROTO_IP, IP_MULTICAST_TTL), 7);
	assert_int_equal(option(&u, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
	udp_close(&u);
	c.group = pair_address(PAIR_V6);
	assert_int_equal(udp_open(&u, &c), 0);
	assert_int_equal(option(&u, IPPROTO_IPV6, IPV6_TCLASS), 46 << 2);
	assert_int_equal(option(&u, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 7);
	udp_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_conf_is_refused),
		cmocka_unit_test(an_unknown_interface_is_told),
		cmocka_unit_test(a_clamped_buffer_is_told),
		cmocka_unit_test(a_port_of_somebody_else_is_told),
		cmocka_unit_test(listeners_share_a_port),
		cmocka_unit_test(an_answer_reaches_the_sender),
		cmocka_unit_test(a_report_fails_nothing_else),
		cmocka_unit_test(a_silent_sender_is_not_heard_here),
		cmocka_unit_test(options_are_set),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
