/* udp_in.c - tests of common/udp_in: what is refused, what the kernel dropped. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <net/if.h>

#include "common/clock.h"
#include "tests/unit/netns.h"
#include "tests/unit/pair.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int allocations_left = INT32_MAX;

void *__wrap_calloc(size_t n, size_t size)
{
	return allocations_left-- > 0 ? __real_calloc(n, size) : NULL;
}

static void nothing_is_no_error(void **state)
{
	struct udp_datagram d;
	struct pair p;

	pair_open(&p, PAIR_V4, "lo", false);
	assert_false(udp_in_next(p.in, &d));
	assert_int_equal(udp_in_read(p.in), 0);
	assert_false(udp_in_next(p.in, &d));
	pair_close(&p);
}

static void the_time_is_that_of_the_arrival(void **state)
{
	int64_t before = clock_now(), after;
	struct udp_datagram d;
	struct pair p;

	pair_open(&p, PAIR_V4, "lo", false);
	assert_int_equal(udp_send(&p.send, &p.listen.group, "x", 1), 0);
	after = clock_now();
	while (clock_now() < after + 2000000) /* it waits for two milliseconds */
		;
	assert_true(pair_next(p.in, &p.listen, &d));
	assert_in_range(d.at, before - 1000000, after + 1000000);
	pair_close(&p);
}

/* Reads all that waits: how many. */
static unsigned drain(struct udp_in *in)
{
	struct udp_datagram d;
	unsigned n = 0;

	while (udp_in_read(in) > 0)
		while (udp_in_next(in, &d))
			n++;
	return n;
}

static void what_the_kernel_dropped_is_counted(void **state)
{
	struct udp_conf c = pair_conf(UDP_LISTEN, PAIR_V4, "lo");
	struct udp_datagram d;
	struct pair p;
	unsigned n;

	pair_open(&p, PAIR_V4, "lo", true);
	udp_in_free(p.in);
	udp_close(&p.listen);
	c.plain = true;
	c.rcvbuf = 5000;
	pair_listen(&p.listen, &c);
	assert_int_equal(udp_in_new(&p.in, &p.listen), 0);
	for (int round = 1; round <= 2; round++) {
		for (unsigned k = 0; k < 100; k++)
			pair_add(&p, k, 1000);
		assert_int_equal(udp_out_flush(p.out, &p.send), 100);
		n = drain(p.in);
		assert_true(n > 0 && n < 100);
		/* the next one tells */
		pair_add(&p, 100, 1000);
		assert_int_equal(udp_out_flush(p.out, &p.send), 1);
		assert_true(pair_next(p.in, &p.listen, &d));
		assert_int_equal(udp_in_counters(p.in)->datagrams +
					 udp_in_counters(p.in)->dropped,
				 round * 101);
	}
	pair_close(&p);
}

/* The socket of a broadcast session gets all that comes to its port. */
static void another_destination_is_refused(void **state)
{
	struct udp_conf c = pair_conf(UDP_LISTEN, "10.83.0.255:8387", "veth0");
	struct addr broadcast = c.group, own = pair_address("10.83.0.1:8387");
	struct udp listen, send;
	struct udp_datagram d;
	struct udp_in *in;

	c.broadcast = true;
	assert_int_equal(udp_open(&listen, &c), 0);
	assert_int_equal(udp_in_new(&in, &listen), 0);
	c.role = UDP_SEND;
	assert_int_equal(udp_open(&send, &c), 0);
	assert_int_equal(udp_send(&send, &own, "unicast", 7), 0);
	assert_int_equal(udp_send(&send, &broadcast, "broadcast", 9), 0);
	assert_true(pair_next(in, &listen, &d));
	assert_int_equal(d.len, 9);
	assert_true(addr_equal(&d.to, &broadcast));
	assert_int_equal(udp_in_counters(in)->foreign, 1);
	assert_int_equal(udp_in_counters(in)->datagrams, 1);
	udp_in_free(in);
	udp_close(&listen);
	udp_close(&send);
}

/*
 * Two programs, one group, two interfaces: each hears its own. The kernel sees to that in IPv4;
 * in IPv6 it gives a datagram to every member, whatever interface it joined on.
 */
static void another_interface_is_refused(void **state)
{
	static const char *const groups[] = { PAIR_V4, PAIR_V6 };

	for (int i = 0; i < 2; i++) {
		struct pair lo, veth;
		struct udp_datagram d;

		pair_open(&lo, groups[i], "lo", false);
		pair_open(&veth, groups[i], "veth0", false);
		assert_int_equal(udp_send(&veth.send, &veth.listen.group, "veth", 4), 0);
		assert_int_equal(udp_send(&lo.send, &lo.listen.group, "l", 1), 0);
		assert_true(pair_next(lo.in, &lo.listen, &d));
		assert_int_equal(d.len, 1);
		assert_int_equal(d.ifindex, if_nametoindex("lo"));
		assert_true(pair_next(veth.in, &veth.listen, &d));
		assert_int_equal(d.len, 4);
		assert_int_equal(d.ifindex, if_nametoindex("veth0"));
		assert_int_equal(drain(lo.in) + drain(veth.in), 0);
		pair_close(&lo);
		pair_close(&veth);
	}
}

static void a_failed_allocation_is_an_error(void **state)
{
	const struct udp u = { .fd = -1 };
	struct udp_in *in = NULL;

	for (int i = 0; i < 6; i++) {
		allocations_left = i;
		assert_int_equal(udp_in_new(&in, &u), -ENOMEM);
		assert_null(in);
	}
	allocations_left = INT32_MAX;
	udp_in_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_no_error),
		cmocka_unit_test(the_time_is_that_of_the_arrival),
		cmocka_unit_test(what_the_kernel_dropped_is_counted),
		cmocka_unit_test(another_destination_is_refused),
		cmocka_unit_test(another_interface_is_refused),
		cmocka_unit_test(a_failed_allocation_is_an_error),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("udp_in", tests, NULL, NULL);
}
