/* who.c - tests of sender/who. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/netns.h"

#include "common/udp_in.h"
#include "sender/report.h"
#include "sender/who.h"

#define READS_MAX 1000000 /* no flood is longer, so that the test ends */

/* The linker sends udp_in_read() here: there is always more. */
static unsigned n_reads;
int __wrap_udp_in_read(struct udp_in *in);
bool __wrap_udp_in_next(struct udp_in *in, struct udp_datagram *ret);

int __wrap_udp_in_read(struct udp_in *in)
{
	return n_reads < READS_MAX && ++n_reads;
}

bool __wrap_udp_in_next(struct udp_in *in, struct udp_datagram *ret)
{
	return false;
}

static void a_flood_does_not_keep_it_from_ending(void **state)
{
	char words[][12] = { "sow", "--who", "--interface", "veth0" };
	char *argv[] = { words[0], words[1], words[2], words[3], NULL };
	char error[NETOPT_TEXT];
	struct netplan plan;
	struct conf conf;

	assert_int_equal(conf_read(&conf, 4, argv), 0);
	conf.wait = 50 * NSEC_PER_MSEC;
	conf.segment = 1400;
	assert_int_equal(netopt_resolve(&conf.net, NETOPT_SENDER, &plan, error), 0);
	assert_int_equal(who_run(&conf, &plan), EXIT_NOBODY);
	assert_in_range(n_reads, 1, READS_MAX - 1);
	conf_fini(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_does_not_keep_it_from_ending),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("who", tests, NULL, NULL);
}
