/* udp.c - tests of common/udp, udp_out and udp_in over a loopback device of their own. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <limits.h>
#include <unistd.h>

#include "common/mcast.h"
#include "common/sockopt.h"
#include "common/udp_in.h"
#include "common/udp_out.h"
#include "tests/unit/netns.h"

#define LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define PACKETS 32 /* what the smallest default receive buffer holds, and then some */
#define LARGEST 1472

/* A listener that is a member, and a sender to it. */
struct pair {
	struct udp listen, send;
	struct udp_in *in;
	struct udp_out *out;
};

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, 0), 0);
	return a;
}

static struct udp_conf conf(enum udp_role role, const char *group, const char *ifname)
{
	return (struct udp_conf){
		.role = role,
		.group = address(group),
		.ifindex = if_nametoindex(ifname),
		.ttl = 1,
	};
}

static void join(const struct udp *u)
{
	const struct mcast_membership m = { .group = u->group, .ifindex = u->ifindex };

	assert_int_equal(mcast_join(u->fd, &m), 0);
}

static void pair_open(struct pair *p, const char *group, const char *ifname, bool plain)
{
	struct udp_conf c = conf(UDP_LISTEN, group, ifname);

	c.plain = plain;
	assert_int_equal(udp_open(&p->listen, &c), 0);
	join(&p->listen);
	c.role = UDP_SEND;
	assert_int_equal(udp_open(&p->send, &c), 0);
	assert_int_equal(udp_in_new(&p->in, &p->listen), 0);
	assert_int_equal(udp_out_new(&p->out, PACKETS), 0);
}

static void pair_close(struct pair *p)
{
	udp_in_free(p->in);
	udp_out_free(p->out);
	udp_close(&p->listen);
	udp_close(&p->send);
}

/* Whether something arrives within a time that is long for a loopback device. */
static bool readable(const struct udp *u)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	return poll(&p, 1, 2000) == 1;
}

static bool next(struct udp_in *in, const struct udp *u, struct udp_datagram *ret)
{
	while (!udp_in_next(in, ret)) {
		if (!readable(u))
			return false;
		assert_true(udp_in_read(in) >= 0);
	}
	return true;
}

/* Byte k of the n-th packet. */
static uint8_t pattern(unsigned n, size_t k)
{
	return (uint8_t)(n * 31 + k * 7 + k / 251);
}

static uint8_t payload[PACKETS][LARGEST];

static void add(struct pair *p, unsigned n, size_t len)
{
	uint8_t all[LARGEST];
	size_t hdr_len = len < 20 ? len : 20;

	for (size_t k = 0; k < len; k++)
		all[k] = pattern(n, k);
	memcpy(payload[n % PACKETS], all + hdr_len, len - hdr_len);
	assert_int_equal(udp_out_add(p->out,
				     &(struct udp_packet){
					     .to = &p->listen.group,
					     .hdr = all,
					     .hdr_len = hdr_len,
					     .payload = payload[n % PACKETS],
					     .payload_len = len - hdr_len,
				     }),
			 0);
}

static void expect(struct pair *p, unsigned n, size_t len)
{
	struct udp_datagram d;

	assert_true(next(p->in, &p->listen, &d));
	assert_int_equal(d.len, len);
	for (size_t k = 0; k < len; k++)
		if (d.data[k] != pattern(n, k))
			fail_msg("packet %u byte %zu", n, k);
	assert_true(addr_equal(&d.to, &p->listen.group));
	assert_int_equal(d.ifindex, p->listen.ifindex);
	assert_int_equal(addr_port(&d.from), addr_port(&p->send.local));
}

/* Sends packets of these sizes in full batches; each must come out as it went in. */
static void send_and_expect(struct pair *p, const size_t *size, unsigned n)
{
	for (unsigned at = 0; at < n; at += PACKETS) {
		unsigned m = n - at < PACKETS ? n - at : PACKETS;

		for (unsigned i = 0; i < m; i++)
			add(p, at + i, size[at + i]);
		assert_int_equal(udp_out_len(p->out), m);
		assert_int_equal(udp_out_flush(p->out, &p->send), m);
		assert_int_equal(udp_out_len(p->out), 0);
		for (unsigned i = 0; i < m; i++)
			expect(p, at + i, size[at + i]);
	}
}

static const struct path {
	const char *group, *ifname;
	bool plain;
} paths[] = {
	{ "239.255.83.87:8387", "lo", false },    { "239.255.83.87:8387", "lo", true },
	{ "239.255.83.87:8387", "veth0", false }, { "[ff15::8387]:8387", "lo", false },
	{ "[ff15::8387]:8387", "lo", true },      { "[ff15::8387]:8387", "veth0", true },
	{ "[ff02::8387]:8387", "veth0", false },
};

static void every_size_arrives_as_sent(void **state)
{
	size_t size[LARGEST + 1];
	struct pair p;

	for (size_t i = 0; i < LEN(paths); i++) {
		/* an IPv6 header is 20 bytes longer, and veth0 carries 1500 */
		unsigned n = strchr(paths[i].group, '[') ? LARGEST - 20 : LARGEST;

		for (unsigned k = 0; k <= n; k++)
			size[k] = k;
		pair_open(&p, paths[i].group, paths[i].ifname, paths[i].plain);
		send_and_expect(&p, size, n + 1);
		pair_close(&p);
	}
}

/* Runs of every length, ended by a shorter, a longer or an empty packet. */
static void mixed_sizes_arrive_as_sent(void **state)
{
	size_t size[2000];
	unsigned n = 0, run = 1;
	struct pair p;

	while (n < LEN(size)) {
		for (unsigned k = 0; k < run && n < LEN(size); k++)
			size[n++] = 1400;
		if (n < LEN(size))
			size[n++] = run % 3 == 0 ? 0 : run % 3 == 1 ? 700 : 1450;
		run = run % 70 + 1;
	}
	for (size_t i = 0; i < LEN(paths); i++) {
		pair_open(&p, paths[i].group, paths[i].ifname, paths[i].plain);
		send_and_expect(&p, size, LEN(size));
		assert_int_equal(udp_out_counters(p.out)->packets, LEN(size));
		assert_int_equal(udp_in_counters(p.in)->datagrams, LEN(size));
		assert_int_equal(udp_out_counters(p.out)->bytes, udp_in_counters(p.in)->bytes);
		assert_int_equal(udp_in_counters(p.in)->damaged, 0);
		pair_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_arrives_as_sent),
		cmocka_unit_test(mixed_sizes_arrive_as_sent),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
