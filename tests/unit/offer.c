/* offer.c - tests of receiver/offer. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "receiver/offer.h"
#include "receiver/reserved.h"

static void plain_names(void **state)
{
	static const struct {
		const char *info;
		size_t len;
		int r;
		const char *name;
	} cases[] = {
		{ "file", 4, 0, "file" },
		{ "file", 5, 0, "file" }, /* with its NUL */
		{ "a/./b//c", 8, 0, "a/b/c" },
		{ "", 0, 0, "object-7" },
		{ "\0\0", 2, 0, "object-7" },
		{ "a\0b", 3, 0, "object-7" },
		{ "a\nb\x7f\x1b[m", 7, 0, "a_b__[m" },
		{ "SOW", 3, 0, "SOW" },
		{ "SOW-1.txt", 9, 0, "SOW-1.txt" },
		{ "/etc/passwd", 11, -EINVAL, "/etc/passwd" },
		{ "../x", 4, -EINVAL, "../x" },
		{ "a/../../x", 9, -EINVAL, "a/../../x" },
		{ ".", 1, -EINVAL, "." },
		{ ".sow-" HEX64 "/tree/a", 76, RESERVED_NAME, ".sow-" HEX64 "/tree/a" },
		{ "d/.x.0123456789abcdef.reap-part", 31, RESERVED_NAME,
		  "d/.x.0123456789abcdef.reap-part" },
		{ "SOW\1", 4, -EBADMSG, "object-7" },
		{ "SOW\2abc", 7, -EPROTONOSUPPORT, "object-7" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct offer o;

		assert_int_equal(
			offer_read(&o, (const uint8_t *)cases[i].info, cases[i].len, 7),
			cases[i].r);
		assert_string_equal(o.name, cases[i].name);
		assert_false(o.has_meta || o.has_digest);
	}
}

static void long_names(void **state)
{
	uint8_t info[5000];
	struct offer o;

	memset(info, 'a', sizeof(info));
	assert_int_equal(offer_read(&o, info, 255, 7), 0);
	assert_int_equal(strlen(o.name), 255);
	assert_int_equal(offer_read(&o, info, 256, 7), -ENAMETOOLONG);
	assert_int_equal(offer_read(&o, info, 1025, 7), -ENAMETOOLONG);
	assert_int_equal(strlen(o.name), SAFEPATH_MAX);
	assert_int_equal(offer_read(&o, info, sizeof(info), 7), 0);
	assert_string_equal(o.name, "object-7");
}

static void our_own(void **state)
{
	struct jobinfo info = { .name = "d/f",
				.name_len = 3,
				.mode = 0640,
				.mtime_sec = -1,
				.mtime_nsec = 5,
				.has_digest = true,
				.digest = { 1, 2, 3 } };
	uint8_t buf[200];
	struct offer o;
	int len = jobinfo_encode(&info, buf, sizeof(buf));

	assert_int_equal(offer_read(&o, buf, (size_t)len, 7), 0);
	assert_true(o.ours && o.has_meta && o.has_digest);
	assert_string_equal(o.name, "d/f");
	assert_int_equal(o.mode, 0640);
	assert_int_equal(o.mtime_sec, -1);
	assert_int_equal(o.mtime_nsec, 5);
	assert_memory_equal(o.digest, info.digest, DIGEST_LEN);
	info.name = "../f";
	info.name_len = 4;
	info.has_digest = false;
	len = jobinfo_encode(&info, buf, sizeof(buf));
	assert_int_equal(offer_read(&o, buf, (size_t)len, 7), -EINVAL);
	assert_true(o.ours);
	assert_false(o.has_digest);
	assert_string_equal(o.name, "../f");
}

static void refusals_have_words(void **state)
{
	static const int errors[] = { -EBADMSG, -EPROTONOSUPPORT, -EINVAL, RESERVED_NAME,
				      -ELOOP,   -ENOTDIR,         -EISDIR };

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		assert_string_not_equal(offer_refusal(errors[i]), strerror(-errors[i]));
	assert_string_equal(offer_refusal(-ENOSPC), strerror(ENOSPC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names),
		cmocka_unit_test(long_names),
		cmocka_unit_test(our_own),
		cmocka_unit_test(refusals_have_words),
	};

	return cmocka_run_group_tests_name("offer", tests, NULL, NULL);
}
