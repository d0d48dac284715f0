/* reaping_parts.c - tests of receiver/parts and treejob_parts: a file whose size is not known
 * at the beginning.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/parts.h"
#include "tests/unit/field.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART 200000
#define SIZE (3 * PART + 777)

static char dir[sizeof("/tmp/sow-parts-XXXXXX")];
static int out;
static uint8_t all[SIZE];
static unsigned threads; /* every test is run without and with some */
static struct crop crop;

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static int make_dir(void **state)
{
	umask(022);
	memcpy(dir, "/tmp/sow-parts-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(all, sizeof(all), 1);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static int begin(void **state)
{
	crop_init(&crop);
	crop_add(&crop, MANIFEST_FILE, "f")->open = true;
	crop_seal(&crop);
	return 0;
}

static int end(void **state)
{
	crop_fini(&crop);
	crop_clear(out);
	return 0;
}

/* The whole file: three parts, and what is left. */
static const struct field_part whole[] = {
	{ .data = all, .len = PART },
	{ .data = all + PART, .offset = PART, .len = PART },
	{ .data = all + 2 * PART, .offset = 2 * PART, .len = PART },
	{ .data = all + 3 * PART, .offset = 3 * PART, .len = 777, .last = true, .size = SIZE },
};

static struct field_conf sending(const struct field_part *parts, unsigned n)
{
	return (struct field_conf){
		.dirfd = out, .threads = threads, .output = dir, .parts = parts, .n_parts = n
	};
}

static int run(struct field *f, const struct field_conf *conf)
{
	field_init(f, &crop, conf);
	field_run(f);
	return field_fini(f);
}

static void it_arrives(void **state)
{
	for (unsigned way = 0; way < 8; way++) {
		struct field_conf conf = sending(whole, ARRAY_LEN(whole));
		struct field f;

		conf.loss = way & 1 ? 0.05 : 0;
		conf.large = way & 2;
		conf.packed = way & 4;
		assert_int_equal(run(&f, &conf), 0);
		assert_true(crop_is(out, "f", all, SIZE));
		assert_int_equal(crop_count(out), 1);
		if (!conf.loss || f.receipt >= 0) {
			assert_int_equal(f.receipt, RECEIPT_COMPLETE);
			assert_int_equal(f.is.bytes, SIZE);
		}
		crop_clear(out);
	}
}

static void the_last_part_may_be_empty(void **state)
{
	static const struct field_part nothing[] = { { .data = all, .last = true } };
	static const struct field_part some[] = {
		{ .data = all, .len = 1 },
		{ .data = all, .offset = 1, .last = true, .size = 1 },
	};
	struct field_conf conf = sending(nothing, 1);
	struct field f;

	assert_int_equal(run(&f, &conf), 0);
	assert_true(crop_is(out, "f", all, 0));
	conf = sending(some, 2);
	assert_int_equal(run(&f, &conf), 0);
	assert_true(crop_is(out, "f", all, 1));
}

/* What is wrong once is asked for once more, and only that part of it. */
static void a_wrong_part_is_asked_for_again(void **state)
{
	struct field_conf conf = sending(whole, ARRAY_LEN(whole));
	struct field f;

	conf.wrong = 100000;
	conf.wrongs = 1;
	assert_int_equal(run(&f, &conf), 0);
	assert_true(crop_is(out, "f", all, SIZE));
	assert_in_range(f.sent, SIZE + PART, SIZE + 2 * PART);
}

static void what_is_always_wrong_is_not_stored(void **state)
{
	struct field_conf conf = sending(whole, ARRAY_LEN(whole));
	struct field f;

	crop_write(out, "f", all, 5);
	conf.wrong = 100000;
	conf.wrongs = 99;
	assert_int_not_equal(run(&f, &conf), 0);
	assert_int_equal(f.receipt, RECEIPT_CORRUPT);
	assert_int_equal(99 - f.conf.wrongs, 1 + PARTS_ASK_MAX);
	assert_true(crop_is(out, "f", all, 5));
	assert_int_equal(crop_count(out), 1);
}

static void assert_fails(const struct field_conf *conf, int receipt, const char *reason)
{
	struct field f;

	assert_int_not_equal(run(&f, conf), 0);
	assert_int_equal(f.receipt, receipt);
	if (!strstr(f.reason, reason))
		fail_msg("the reason is '%s', and not '%s'", f.reason, reason);
	assert_int_equal(crop_count(out), 0);
}

static void who_lacks_what_is_gone_says_so(void **state)
{
	struct field_conf conf = sending(whole + 1, ARRAY_LEN(whole) - 1);

	assert_fails(&conf, RECEIPT_PARTIAL, "be there from the beginning");
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct field_part bad[][2] = {
		/* overlaps the one before */
		{ { .data = all, .len = 100 }, { .data = all, .offset = 99, .len = 100 } },
		/* leaves a gap */
		{ { .data = all, .len = 100 }, { .data = all, .offset = 101, .len = 100 } },
		/* is empty, and not the last */
		{ { .data = all }, { .data = all, .len = 1, .last = true, .size = 1 } },
		/* ends elsewhere than the file */
		{ { .data = all, .len = 100, .last = true, .size = 101 }, { .data = all } },
		/* ends beyond every file */
		{ { .data = all, .offset = INT64_MAX, .len = 1 }, { .data = all } },
		/* is content */
		{ { .data = all, .len = 100, .as = JOBINFO_CONTENT }, { .data = all } },
		{ { .data = all, .len = 100 },
		  { .data = all, .len = 32, .as = JOBINFO_DIGESTS } },
	};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct field_conf conf = sending(bad[i], 2);
		bool gone = i < 2;

		assert_fails(&conf, gone ? RECEIPT_PARTIAL : RECEIPT_REFUSED, "");
	}
}

static void parts_need_an_open_file(void **state)
{
	struct field_conf conf = sending(whole, ARRAY_LEN(whole));

	crop_fini(&crop);
	crop_init(&crop);
	crop_add_file(&crop, "f", all, 3 * PART);
	crop_seal(&crop);
	assert_fails(&conf, RECEIPT_REFUSED, "not those that the manifest says");
}

static void no_more_than_the_limit(void **state)
{
	struct field_conf conf = sending(whole, ARRAY_LEN(whole));
	struct field f;

	conf.max_size = SIZE;
	assert_int_equal(run(&f, &conf), 0);
	crop_clear(out);
	conf.max_size = SIZE - 1;
	assert_fails(&conf, RECEIPT_REFUSED, "--max-size");
}

static void one_file_gets_the_name_that_is_wanted(void **state)
{
	static char path[] = "/there/name";
	struct output o = { .kind = OUTPUT_FILE, .dirfd = out, .name = path + 7, .path = path };
	struct field_conf conf = sending(whole, ARRAY_LEN(whole));
	struct field f;

	conf.to = &o;
	assert_int_equal(run(&f, &conf), 0);
	assert_true(crop_is(out, "name", all, SIZE));
}

/* The sender has come to an end of another kind. */
static void without_its_last_part_there_is_no_file(void **state)
{
	struct field_conf conf = sending(whole, 3);
	struct field f;

	conf.endless = true;
	field_init(&f, &crop, &conf);
	field_until(&f, 3 * PART);
	tx_abort(f.tx, f.now);
	field_run(&f);
	assert_int_not_equal(field_fini(&f), 0);
	assert_int_equal(f.receipt, RECEIPT_PARTIAL);
	assert_int_equal(crop_count(out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_arrives),
		TEST(the_last_part_may_be_empty),
		TEST(a_wrong_part_is_asked_for_again),
		TEST(what_is_always_wrong_is_not_stored),
		TEST(who_lacks_what_is_gone_says_so),
		TEST(what_cannot_be_is_refused),
		TEST(parts_need_an_open_file),
		TEST(no_more_than_the_limit),
		TEST(one_file_gets_the_name_that_is_wanted),
		TEST(without_its_last_part_there_is_no_file),
	};
	int failed = cmocka_run_group_tests_name("parts", tests, make_dir, remove_dir);

	threads = 2;
	return failed +
	       cmocka_run_group_tests_name("parts, in threads", tests, make_dir, remove_dir);
}
