/* limits.c - tests of receiver/limits: what is taken and what is not. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/digest.h"
#include "proto/census.h"
#include "proto/wire.h"
#include "receiver/limits.h"

static void without_limits_all_may_come(void **state)
{
	const struct opt_list none = { 0 };
	const struct limits any = { 0 }, empty = { .names = &none };

	assert_int_equal(limits_check(&any, "x", UINT64_MAX), 0);
	assert_int_equal(limits_check(&empty, "x", UINT64_MAX), 0);
}

static void size_is_bounded(void **state)
{
	const struct limits l = { .max_size = 1000 };

	assert_int_equal(limits_check(&l, "x", 0), 0);
	assert_int_equal(limits_check(&l, "x", 1000), 0);
	assert_int_equal(limits_check(&l, "x", 1001), -EMSGSIZE);
	assert_int_equal(limits_check(&l, "x", UINT64_MAX), -EMSGSIZE);
}

static void some_pattern_must_fit(void **state)
{
	const struct opt_list names = { 3, { "*.img", "feed/?", "[a-c]" } };
	const struct limits l = { .names = &names, .max_size = 5 };
	static const struct {
		const char *name;
		int result;
	} cases[] = {
		{ "a.img", 0 },
		{ "deep/down/a.img", 0 },
		{ ".img", 0 },
		{ "feed/1", 0 },
		{ "b", 0 },
		{ "a.img.sh", -EKEYREJECTED },
		{ "feed/12", -EKEYREJECTED },
		{ "d", -EKEYREJECTED },
		{ "", -EKEYREJECTED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(limits_check(&l, cases[i].name, 5), cases[i].result);
	assert_int_equal(limits_check(&l, "b", 6), -EMSGSIZE);
	assert_int_equal(limits_check(&l, "d", 6), -EKEYREJECTED);
}

/* What a sender says first. */
static struct msg probe_of(uint32_t job, bool census, uint8_t buf[static 64])
{
	struct probe p = { .phase = PHASE_WAIT, .job = job, .census = census };
	struct msg m = { .type = NORM_CMD, .cmd = CMD_APPLICATION, .payload = buf };

	m.payload_len = (size_t)probe_encode(&p, buf, 64);
	return m;
}

static void one_job_may_be_heard(void **state)
{
	const struct limits any = { 0 }, one = { .job = digest_tag("feed", 4) };
	struct msg data = { .type = NORM_DATA }, m;
	uint8_t buf[64];

	assert_int_not_equal(one.job, 0);
	assert_true(limits_hear(&any, &data));
	assert_false(limits_hear(&one, &data));
	m = probe_of(one.job, false, buf);
	assert_true(limits_hear(&one, &m));
	m = probe_of(digest_tag("food", 4), false, buf);
	assert_true(limits_hear(&any, &m));
	assert_false(limits_hear(&one, &m));
	m = probe_of(0, false, buf);
	assert_false(limits_hear(&one, &m));
	m = probe_of(0, true, buf); /* who is there? */
	assert_true(limits_hear(&one, &m));
	m.payload_len--;
	assert_false(limits_hear(&one, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_limits_all_may_come),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(some_pattern_must_fit),
		cmocka_unit_test(one_job_may_be_heard),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
