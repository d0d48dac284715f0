/* udp_out.c - tests of common/udp_out: what is queued arrives, whatever the way out. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <poll.h>

#include "tests/unit/netns.h"
#include "tests/unit/pair.h"

#define LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define BATCH   32 /* what the smallest default receive buffer holds, and some more */
#define LARGEST 1472

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int allocations_left = INT32_MAX;

void *__wrap_calloc(size_t n, size_t size)
{
	return allocations_left-- > 0 ? __real_calloc(n, size) : NULL;
}

static const struct path {
	const char *group, *ifname;
	bool plain;
} paths[] = {
	{ PAIR_V4, "lo", false },
	{ PAIR_V4, "lo", true },
	{ PAIR_V4, "veth0", false },
	{ PAIR_V6, "lo", false },
	{ PAIR_V6, "lo", true },
	{ PAIR_V6, "veth0", true },
	{ "[ff02::8387]:8387", "veth0", false },
};

/* Sends packets of these sizes in batches; each must come out as it went in. */
static void send_and_expect(struct pair *p, const size_t *size, unsigned n)
{
	for (unsigned at = 0; at < n; at += BATCH) {
		unsigned m = n - at < BATCH ? n - at : BATCH;

		for (unsigned i = 0; i < m; i++)
			pair_add(p, at + i, size[at + i]);
		assert_int_equal(udp_out_len(p->out), m);
		assert_int_equal(udp_out_flush(p->out, &p->send), m);
		assert_int_equal(udp_out_len(p->out), 0);
		for (unsigned i = 0; i < m; i++)
			pair_expect(p, at + i, size[at + i]);
	}
}

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

/* The limits of one segmented packet: 64 datagrams; 65507 bytes. */
static void long_runs_leave_and_arrive_in_one_call(void **state)
{
	static const struct {
		unsigned n;
		size_t len;
	} cases[] = { { 200, 16 }, { 65, 16 }, { 64, 16 }, { 46, 1424 }, { 48, 1424 } };
	struct pair p;

	for (size_t i = 0; i < LEN(cases); i++) {
		pair_open(&p, i % 2 ? PAIR_V6 : PAIR_V4, "lo", false);
		if (!p.send.gso || !p.listen.gro) {
			pair_close(&p);
			skip();
		}
		for (unsigned k = 0; k < cases[i].n; k++)
			pair_add(&p, k, cases[i].len);
		assert_int_equal(udp_out_flush(p.out, &p.send), cases[i].n);
		assert_int_equal(udp_out_counters(p.out)->calls, 1);
		for (unsigned k = 0; k < cases[i].n; k++)
			pair_expect(&p, k, cases[i].len);
		assert_int_equal(udp_in_counters(p.in)->calls, 1);
		assert_true(p.send.gso);
		pair_close(&p);
	}
}

/* A socket that does not checksum can not segment either: the kernel's EINVAL. */
static void what_can_not_be_segmented_leaves_plainly(void **state)
{
	struct pair p;
	int one = 1;

	pair_open(&p, PAIR_V4, "lo", false);
	if (!p.send.gso) {
		pair_close(&p);
		skip();
	}
	assert_int_equal(setsockopt(p.send.fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)), 0);
	for (unsigned k = 0; k < BATCH; k++)
		pair_add(&p, k, 1000);
	assert_int_equal(udp_out_flush(p.out, &p.send), BATCH);
	assert_false(p.send.gso);
	for (unsigned k = 0; k < BATCH; k++)
		pair_expect(&p, k, 1000);
	pair_close(&p);
}

static void a_packet_larger_than_the_path_is_told(void **state)
{
	struct pair p;

	for (int i = 0; i < 4; i++) {
		bool v6 = i / 2;
		size_t fits = v6 ? 1452 : 1472;

		pair_open(&p, v6 ? PAIR_V6 : PAIR_V4, "veth0", i % 2);
		pair_add(&p, 0, fits);
		pair_add(&p, 1, fits + 1);
		pair_add(&p, 2, fits + 1);
		pair_add(&p, 3, fits);
		assert_int_equal(udp_out_flush(p.out, &p.send), 1);
		assert_int_equal(udp_out_flush(p.out, &p.send), -EMSGSIZE);
		assert_int_equal(udp_out_len(p.out), 3);
		assert_false(pair_has_error(&p.send));
		assert_int_equal(p.send.gso, i % 2 == 0);
		udp_out_clear(p.out);
		assert_int_equal(udp_out_len(p.out), 0);
		pair_add(&p, 4, fits);
		assert_int_equal(udp_out_flush(p.out, &p.send), 1);
		pair_expect(&p, 0, fits);
		pair_expect(&p, 4, fits);
		pair_close(&p);
	}
}

static void traffic_control(const char *how)
{
	char command[200];

	snprintf(command, sizeof(command), "tc qdisc %s", how);
	if (netns_run(command) != 0)
		skip();
}

/* Opens a pair whose sender does not hear itself: a retry would otherwise come back twice. */
static void open_silent(struct pair *p, int sndbuf)
{
	struct udp_conf c = pair_conf(UDP_SEND, PAIR_V4, "veth0");

	pair_open(p, PAIR_V4, "veth0", false);
	udp_close(&p->send);
	c.no_loop = true;
	c.sndbuf = sndbuf;
	assert_int_equal(udp_open(&p->send, &c), 0);
}

/* A queue of 6 kB that drains at 1.25 MB/s: nothing is lost, all leaves in time. */
static void a_full_device_queue_keeps_the_rest(void **state)
{
	struct pair p;
	int r, sent = 0;

	traffic_control("add dev veth0 root tbf rate 10mbit burst 3000 limit 6000");
	open_silent(&p, 0);
	for (unsigned k = 0; k < BATCH; k++)
		pair_add(&p, k, k % 2 ? 1400 : 1000);
	for (int tries = 0; udp_out_len(p.out) && tries < 2000; tries++) {
		r = udp_out_flush(p.out, &p.send);
		assert_true(r > 0 || r == -ENOBUFS);
		sent += r > 0 ? r : 0;
		assert_int_equal(udp_out_len(p.out), BATCH - sent);
		poll(NULL, 0, 1);
	}
	assert_int_equal(sent, BATCH);
	assert_true(udp_out_counters(p.out)->full > 0);
	assert_int_equal(udp_out_counters(p.out)->packets, BATCH);
	pair_close(&p);
	traffic_control("del dev veth0 root");
}

/* The queue takes 1 MB, the socket's buffer next to nothing, and nothing drains. */
static void a_full_socket_buffer_keeps_the_rest(void **state)
{
	struct pair p;
	int r;

	traffic_control("add dev veth0 root tbf rate 8bit burst 1500 limit 1000000");
	open_silent(&p, 1);
	for (unsigned k = 0; k < BATCH; k++)
		pair_add(&p, k, k % 2 ? 1400 : 1000);
	r = udp_out_flush(p.out, &p.send);
	assert_true(r > 0 && r < BATCH);
	assert_int_equal(udp_out_flush(p.out, &p.send), -EAGAIN);
	assert_int_equal(udp_send(&p.send, &p.listen.group, "x", 1), -EAGAIN);
	assert_int_equal(udp_out_len(p.out), BATCH - r);
	traffic_control("del dev veth0 root");
	assert_int_equal(udp_out_flush(p.out, &p.send), BATCH - r);
	pair_close(&p);
}

/* Packets of 90 bytes may leave and those of 200 not; by GSO they may not share a run. */
static void a_firewall_is_loss(void **state)
{
	struct pair p;

	if (netns_run("nft add table ip t && "
		      "nft add chain ip t o '{ type filter hook output priority 0; }' && "
		      "nft add rule ip t o udp dport 8387 udp length 208 drop") != 0)
		skip();
	for (int plain = 0; plain <= 1; plain++) {
		unsigned bad = plain ? 3 : 7;

		pair_open(&p, PAIR_V4, "lo", plain);
		for (unsigned k = 0; k < 8; k++)
			pair_add(&p, k, k == bad ? 200 : 90);
		assert_int_equal(udp_out_flush(p.out, &p.send), 8);
		assert_int_equal(udp_out_counters(p.out)->refused, 1);
		assert_int_equal(udp_out_counters(p.out)->packets, 7);
		assert_int_equal(udp_out_counters(p.out)->bytes, 7 * 90);
		for (unsigned k = 0; k < 8; k++)
			if (k != bad)
				pair_expect(&p, k, 90);
		pair_close(&p);
	}
	assert_int_equal(netns_run("nft delete table ip t"), 0);
}

static void bounds_are_kept(void **state)
{
	struct addr to = pair_address(PAIR_V4);
	uint8_t hdr[UDP_HDR_MAX + 1] = { 0 };
	struct udp_packet packet = { .to = &to, .hdr = hdr, .hdr_len = sizeof(hdr) };
	struct udp_out *o;

	assert_int_equal(udp_out_new(&o, 0), -EINVAL);
	assert_int_equal(udp_out_new(&o, 4097), -EINVAL);
	assert_int_equal(udp_out_new(&o, 2), 0);
	assert_int_equal(udp_out_add(o, &packet), -EMSGSIZE);
	packet.hdr_len--;
	assert_int_equal(udp_out_add(o, &packet), 0);
	assert_int_equal(udp_out_add(o, &packet), 0);
	assert_int_equal(udp_out_add(o, &packet), -ENOSPC);
	assert_int_equal(udp_out_len(o), 2);
	udp_out_free(o);
	udp_out_free(NULL);
}

static void a_failed_allocation_is_an_error(void **state)
{
	struct udp_out *o = NULL;

	for (int i = 0; i < 3; i++) {
		allocations_left = i;
		assert_int_equal(udp_out_new(&o, 16), -ENOMEM);
		assert_null(o);
	}
	allocations_left = INT32_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_arrives_as_sent),
		cmocka_unit_test(mixed_sizes_arrive_as_sent),
		cmocka_unit_test(long_runs_leave_and_arrive_in_one_call),
		cmocka_unit_test(what_can_not_be_segmented_leaves_plainly),
		cmocka_unit_test(a_packet_larger_than_the_path_is_told),
		cmocka_unit_test(a_full_device_queue_keeps_the_rest),
		cmocka_unit_test(a_full_socket_buffer_keeps_the_rest),
		cmocka_unit_test(a_firewall_is_loss),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(a_failed_allocation_is_an_error),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("udp_out", tests, NULL, NULL);
}
