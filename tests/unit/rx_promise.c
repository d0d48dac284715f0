/* rx_promise.c - tests of proto/rx: what is promised, and does not come. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/large_rig.h"

#include "proto/rxtimer.h"

/* Somebody forges POLLs, each of which would put the request off. */
static void repeated_polls_do_not_silence(void **state)
{
	struct poll p = poll_of(0, 1, 0);
	struct rx_rig r;
	nsec_t begun;

	begin(&r, 1);
	r.backoff = 4;
	block_without(&r, 0, 1);
	p.threshold = 9;
	begun = r.now;
	do {
		assert_true(r.now - begun <= 7 * 4 * r.grtt);
		rig_poll(&r, &p);
	} while (!*rig_run(&r, 4 * r.grtt));
	assert_true(r.now - begun >= 6 * 4 * r.grtt);
	rig_fini(&r);
}

/* ... or promises, or packets that bring nothing: they are believed for a second. */
static void promises_that_are_not_kept_do_not_silence(void **state)
{
	for (int data = 0; data < 2; data++) {
		struct rx_rig r;
		nsec_t begun;

		begin(&r, 1);
		block_without(&r, 0, 3);
		begun = r.now;
		do {
			assert_true(r.now - begun <= RXTIMER_BELIEF + 3 * r.grtt);
			if (data)
				rig_repair(&r, 0, 0, 5, PARITY);
			else
				send_poll(&r, 0, 1, PARITY);
		} while (!*rig_run(&r, r.grtt));
		assert_true(r.now - begun > RXTIMER_BELIEF);
		parity(&r, 0, 0, 3, PARITY);
		assert_string_equal(rig_events(&r), "C0 F ");
		rig_fini(&r);
	}
}

/* Repair that does come is waited for as long as it takes. */
static void promises_that_are_kept_slowly_silence(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	block_without(&r, 0, 10);
	send_poll(&r, 0, 1, 10);
	for (uint32_t p = 0; p < 10; p++) {
		for (nsec_t t = 0; t < RXTIMER_BELIEF / 2; t += r.grtt) {
			rig_repair(&r, 0, 0, 12, 10);
			assert_string_equal(rig_run(&r, r.grtt), "");
		}
		parity(&r, 0, p, p + 1, 10);
	}
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

static void of_small_blocks_neither(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	nsec_t begun;

	rig_init(&r, &conf);
	r.size[0] = RIG_BLOCK;
	rig_join(&r);
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 1 << 0 | 1 << 5);
	begun = r.now;
	do {
		assert_true(r.now - begun <= RXTIMER_BELIEF + 4 * r.grtt);
		rig_repair(&r, 0, 0, 3, RIG_PARITY);
		rig_flush(&r, 0, 0);
	} while (!*rig_run(&r, r.grtt));
	assert_true(r.now - begun > RXTIMER_BELIEF);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeated_polls_do_not_silence),
		cmocka_unit_test(promises_that_are_not_kept_do_not_silence),
		cmocka_unit_test(of_small_blocks_neither),
		cmocka_unit_test(promises_that_are_kept_slowly_silence),
	};

	return cmocka_run_group_tests_name("rx_promise", tests, NULL, NULL);
}
