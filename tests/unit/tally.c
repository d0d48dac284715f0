/* tally.c - tests of receiver/tally, and of the exit status in receiver/report. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/digest.h"
#include "common/log.h"
#include "receiver/tally.h"

#include <fcntl.h>
#include <unistd.h>

static const uint8_t one[DIGEST_LEN] = { 1 }, two[DIGEST_LEN] = { 2 };

static void add(struct tally *t, uint64_t object, enum file_status status, const uint8_t *d)
{
	tally_add(t, object,
		  &(struct file_result){ .status = status,
					 .name = "f",
					 .size = 10,
					 .reason = "why",
					 .digest = d });
}

static void the_worst_is_the_status(void **state)
{
	static const struct {
		enum file_status file;
		enum receipt_status want;
	} steps[] = {
		{ FILE_VERIFIED, RECEIPT_COMPLETE }, { FILE_UNVERIFIED, RECEIPT_COMPLETE },
		{ FILE_WITHDRAWN, RECEIPT_PARTIAL }, { FILE_INCOMPLETE, RECEIPT_PARTIAL },
		{ FILE_REFUSED, RECEIPT_REFUSED },   { FILE_FAILED, RECEIPT_IO },
		{ FILE_CORRUPT, RECEIPT_CORRUPT },   { FILE_FAILED, RECEIPT_CORRUPT },
		{ FILE_VERIFIED, RECEIPT_CORRUPT },
	};
	struct tally t = { 0 };

	assert_int_equal(tally_status(&t), RECEIPT_COMPLETE);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		add(&t, i, steps[i].file, one);
		assert_int_equal(tally_status(&t), steps[i].want);
		assert_int_equal(tally_count(&t), i + 1);
	}
	assert_int_equal(t.bytes, 30); /* of those stored */
	assert_string_equal(t.reason, "f: why");
	tally_fini(&t);
}

static void the_digest_is_in_the_order_of_objects(void **state)
{
	uint8_t both[2 * DIGEST_LEN], want[DIGEST_LEN], got[DIGEST_LEN];
	struct tally t = { 0 };

	assert_int_equal(digest_bytes(NULL, 0, want), 0);
	assert_int_equal(tally_digest(&t, got), 0);
	assert_memory_equal(got, want, DIGEST_LEN);
	add(&t, 9, FILE_VERIFIED, two);
	add(&t, 5, FILE_CORRUPT, NULL);
	add(&t, 3, FILE_VERIFIED, one);
	memcpy(both, one, DIGEST_LEN);
	memcpy(both + DIGEST_LEN, two, DIGEST_LEN);
	assert_int_equal(digest_bytes(both, sizeof(both), want), 0);
	assert_int_equal(tally_digest(&t, got), 0);
	assert_memory_equal(got, want, DIGEST_LEN);
	tally_fini(&t);
}

static void many_digests_fit(void **state)
{
	uint8_t got[DIGEST_LEN], again[DIGEST_LEN];
	struct tally up = { 0 }, down = { 0 };

	for (uint64_t i = 0; i < 1000; i++) {
		uint8_t d[DIGEST_LEN] = { (uint8_t)i, (uint8_t)(i >> 8) }, e[DIGEST_LEN];

		add(&up, i, FILE_VERIFIED, d);
		memset(e, 0, sizeof(e));
		e[0] = (uint8_t)(999 - i);
		e[1] = (uint8_t)((999 - i) >> 8);
		add(&down, 999 - i, FILE_VERIFIED, e);
	}
	assert_int_equal(tally_digest(&up, got), 0);
	assert_int_equal(tally_digest(&down, again), 0);
	assert_memory_equal(got, again, DIGEST_LEN);
	tally_fini(&up);
	tally_fini(&down);
}

static void one_status_counts_most(void **state)
{
	static const enum exit_status order[] = {
		STATUS_USAGE,  STATUS_SYSTEM,  STATUS_INTERRUPTED,
		STATUS_NOBODY, STATUS_PARTIAL, STATUS_OK,
	};
	unsigned all = 0;

	for (size_t i = ARRAY_LEN(order); i-- > 0;) {
		all |= status_bit(order[i]);
		assert_int_equal(status_worst(all), order[i]);
	}
}

static void each_file_leads_to_a_status(void **state)
{
	static const struct {
		enum file_status file;
		int error;
		bool allow;
		int want;
	} cases[] = {
		{ FILE_VERIFIED, 0, false, 0 },      { FILE_UNVERIFIED, 0, false, 4 },
		{ FILE_UNVERIFIED, 0, true, 0 },     { FILE_CORRUPT, 0, true, 4 },
		{ FILE_REFUSED, -EINVAL, false, 4 }, { FILE_REFUSED, -ENOSPC, false, 2 },
		{ FILE_REFUSED, -EFBIG, false, 2 },  { FILE_FAILED, -EIO, false, 2 },
		{ FILE_WITHDRAWN, 0, false, 4 },     { FILE_INCOMPLETE, 0, false, 4 },
	};
	const struct udp_in_counters net = { 0 };
	struct addr from = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct report r;

		report_init(&r, &(struct report_conf){ .quiet = true,
						       .net = &net,
						       .allow_unverified = cases[i].allow });
		report_file(&r, &from,
			    &(struct file_result){ .status = cases[i].file,
						   .name = "f",
						   .error = cases[i].error });
		assert_int_equal(report_end(&r), cases[i].want);
	}
}

/* What was said to a full device, or to a reader that went away, was not heard. */
static void a_lost_report_is_an_error(void **state)
{
	const struct udp_in_counters net = { 0 };
	const struct rx_counters counters = { 0 };
	struct addr from = { 0 };

	for (int json = 0; json <= 1; json++) {
		int kept = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
		struct report r;
		int status;

		report_init(&r, &(struct report_conf){ .json = json, .net = &net });
		fflush(stdout);
		assert_true(kept >= 0 && full >= 0 && dup2(full, STDOUT_FILENO) >= 0);
		report_session(&r, &from,
			       &(struct session_result){ .status = "complete",
							 .counters = &counters });
		status = report_end(&r);
		assert_true(dup2(kept, STDOUT_FILENO) >= 0);
		clearerr(stdout);
		close(kept);
		close(full);
		assert_int_equal(status, STATUS_SYSTEM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_is_the_status),
		cmocka_unit_test(the_digest_is_in_the_order_of_objects),
		cmocka_unit_test(many_digests_fit),
		cmocka_unit_test(one_status_counts_most),
		cmocka_unit_test(each_file_leads_to_a_status),
		cmocka_unit_test(a_lost_report_is_an_error),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
