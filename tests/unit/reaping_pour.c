/* reaping_pour.c - tests of receiver/treejob_pour: a job goes to a descriptor, in order. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "tests/unit/field.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (6 * MANIFEST_CHUNK + 1000)

static char dir[sizeof("/tmp/sow-pour-XXXXXX")];
static uint8_t all[SIZE];
static unsigned threads; /* every test is run without and with some */
static bool taken;
static struct output out = {
	.kind = OUTPUT_STDOUT, .fd = -1, .dirfd = -1, .dir = dir, .taken = &taken
};

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* Zeros in front, in the middle and at the end, and a chunk that comes twice. */
static int make_dir(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	memcpy(dir, "/tmp/sow-pour-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out.dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(all + MANIFEST_CHUNK, MANIFEST_CHUNK, 1);
	crop_noise(all + 3 * MANIFEST_CHUNK, MANIFEST_CHUNK, 2);
	memcpy(all + 4 * MANIFEST_CHUNK, all + MANIFEST_CHUNK, MANIFEST_CHUNK);
	crop_noise(all + 5 * MANIFEST_CHUNK, MANIFEST_CHUNK, 3);
	return out.dirfd < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out.dirfd);
	return rmdir(dir);
}

static int begin(void **state)
{
	out.fd = openat(out.dirfd, "out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	taken = false;
	return out.fd < 0;
}

static int end(void **state)
{
	close_fd(&out.fd);
	crop_clear(out.dirfd);
	return 0;
}

static void a_file(struct crop *c, size_t size)
{
	crop_init(c);
	crop_add_file(c, "f", all, size);
	crop_seal(c);
}

static struct field_conf plain(void)
{
	return (struct field_conf){ .to = &out, .dirfd = out.dirfd, .threads = threads };
}

static int run(struct field *f, const struct crop *c, const struct field_conf *conf)
{
	field_init(f, c, conf);
	field_run(f);
	return field_fini(f);
}

static void assert_out(size_t size)
{
	assert_true(crop_is(out.dirfd, "out", all, size));
	assert_int_equal(crop_count(out.dirfd), 1);
}

static void it_goes_out_in_order(void **state)
{
	struct crop c;

	a_file(&c, SIZE);
	for (unsigned way = 0; way < 8; way++) {
		struct field_conf conf = plain();
		struct field f;

		conf.digests_first = way & 1;
		conf.loss = way & 2 ? 0.05 : 0;
		conf.large = way & 4;
		assert_int_equal(run(&f, &c, &conf), 0);
		assert_out(SIZE);
		assert_true(taken);
		end(NULL);
		begin(NULL);
	}
	crop_fini(&c);
}

static void nothing_is_something(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_file(&c, 0);
	assert_int_equal(run(&f, &c, &conf), 0);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_out(0);
	crop_fini(&c);
}

static void so_does_what_has_no_size(void **state)
{
	static const struct field_part parts[] = {
		{ .data = all, .len = 300000 },
		{ .data = all + 300000, .offset = 300000, .len = 700000 },
		{ .data = all, .offset = 1000000, .last = true, .size = 1000000 },
	};
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	crop_init(&c);
	crop_add(&c, MANIFEST_FILE, "f")->open = true;
	crop_seal(&c);
	conf.parts = parts;
	conf.n_parts = ARRAY_LEN(parts);
	conf.loss = 0.02;
	assert_int_equal(run(&f, &c, &conf), 0);
	assert_out(1000000);
	crop_fini(&c);
}

/* The chunk at the beginning of the content is wrong once. */
static void what_is_known_to_be_wrong_stays_here(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_file(&c, SIZE);
	conf.digests_first = true;
	conf.wrongs = 1;
	assert_int_equal(run(&f, &c, &conf), 0);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_out(SIZE);
	crop_fini(&c);
}

static void what_proves_wrong_later_is_told(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_file(&c, SIZE);
	conf.wrongs = 1;
	conf.rate = 2000000; /* so that it has gone out before the digests come */
	field_init(&f, &c, &conf);
	field_until(&f, c.wire_len + c.m.content_size * 3 / 4);
	field_run(&f);
	assert_int_not_equal(field_fini(&f), 0);
	assert_int_equal(f.receipt, RECEIPT_CORRUPT);
	assert_string_equal(f.reason, "a digest does not match");
	crop_fini(&c);
}

static void a_tree_is_refused(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	crop_init(&c);
	crop_add(&c, MANIFEST_DIR, "d");
	crop_add_file(&c, "d/f", all, SIZE);
	crop_seal(&c);
	assert_int_not_equal(run(&f, &c, &conf), 0);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_non_null(strstr(f.reason, "takes one file, and the job is a tree of 2"));
	assert_out(0);
	assert_false(taken);
	crop_fini(&c);
}

static void a_second_job_is_refused(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_file(&c, SIZE);
	taken = true;
	assert_int_not_equal(run(&f, &c, &conf), 0);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_out(0);
	crop_fini(&c);
}

static void a_reader_may_leave(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;
	int fds[2];

	a_file(&c, SIZE);
	assert_int_equal(pipe(fds), 0);
	close_fd(&fds[0]);
	close_fd(&out.fd);
	out.fd = fds[1];
	conf.rate = 2000000;
	assert_int_not_equal(run(&f, &c, &conf), 0);
	assert_int_equal(f.receipt, RECEIPT_PARTIAL);
	assert_non_null(strstr(f.reason, "has closed it"));
	crop_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_goes_out_in_order),
		TEST(nothing_is_something),
		TEST(so_does_what_has_no_size),
		TEST(what_is_known_to_be_wrong_stays_here),
		TEST(what_proves_wrong_later_is_told),
		TEST(a_tree_is_refused),
		TEST(a_second_job_is_refused),
		TEST(a_reader_may_leave),
	};
	int failed = cmocka_run_group_tests_name("pour", tests, make_dir, remove_dir);

	threads = 2;
	return failed +
	       cmocka_run_group_tests_name("pour, in threads", tests, make_dir, remove_dir);
}
