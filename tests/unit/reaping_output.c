/* reaping_output.c - tests of receiver/treejob: a job goes into one file, or in place. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "tests/unit/field.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (6 * MANIFEST_CHUNK + 1000)

static char dir[sizeof("/tmp/sow-reapout-XXXXXX")];
static struct output out;
static uint8_t big[SIZE], old[SIZE];

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-reapout-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out.dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	out.dir = out.path = dir;
	crop_noise(big, sizeof(big), 1);
	crop_noise(old, sizeof(old), 2);
	return out.dirfd < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out.dirfd);
	return rmdir(dir);
}

static int clear(void **state)
{
	crop_clear(out.dirfd);
	out.kind = OUTPUT_DIR;
	out.name = NULL;
	out.inplace = false;
	return 0;
}

static void a_file(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "f", big, SIZE);
	crop_seal(c);
}

/* Returns the exit status; the receipt is in `ret`. */
static int receive(struct field *ret, const struct crop *c, struct field_conf conf)
{
	conf.to = &out;
	field_init(ret, c, &conf);
	field_run(ret);
	return field_fini(ret);
}

static void one_file_gets_the_name_of_the_output(void **state)
{
	struct field f;
	struct crop c;

	a_file(&c);
	out.kind = OUTPUT_FILE;
	out.name = "mine";
	crop_write(out.dirfd, "mine", old, 3 * MANIFEST_CHUNK);
	crop_write(out.dirfd, "f", old, 1000);
	assert_int_equal(receive(&f, &c, (struct field_conf){ .digests_first = true }), 0);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_true(crop_is(out.dirfd, "mine", big, SIZE));
	assert_true(crop_is(out.dirfd, "f", old, 1000));
	assert_int_equal(crop_count(out.dirfd), 2);
	crop_fini(&c);
}

static void a_tree_does_not_fit_into_it(void **state)
{
	struct field f;
	struct crop c;

	crop_init(&c);
	crop_add(&c, MANIFEST_DIR, "d");
	crop_add_file(&c, "d/f", big, SIZE);
	crop_seal(&c);
	out.kind = OUTPUT_FILE;
	out.name = "mine";
	assert_int_equal(receive(&f, &c, (struct field_conf){ 0 }), 4);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_non_null(strstr(f.reason, "tree of 2: mkdir it"));
	crop_write(out.dirfd, "mine", old, 1000);
	assert_int_equal(receive(&f, &c, (struct field_conf){ 0 }), 4);
	assert_non_null(strstr(f.reason, "tree of 2: give reap a directory"));
	assert_true(crop_is(out.dirfd, "mine", old, 1000));
	assert_int_equal(crop_count(out.dirfd), 1);
	crop_fini(&c);
}

static void what_is_wrong_in_place_is_asked_for_again(void **state)
{
	struct field_conf conf = { .wrong = MANIFEST_CHUNK + 5, .wrongs = 1 };
	struct field f;
	struct crop c;

	a_file(&c);
	out.inplace = true;
	for (int first = 0; first < 2; first++) {
		conf.digests_first = first;
		crop_write(out.dirfd, "f", old, SIZE);
		assert_int_equal(receive(&f, &c, conf), 0);
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		assert_true(crop_is(out.dirfd, "f", big, SIZE));
	}
	crop_fini(&c);
}

/* The digest of a chunk lies: nothing is there but the mixed file, and the next run mends it.
 */
static void what_stays_wrong_in_place_is_mended_by_the_next_run(void **state)
{
	struct field f;
	struct crop c;

	a_file(&c);
	out.inplace = true;
	crop_write(out.dirfd, "f", old, SIZE);
	c.digests[1][0] ^= 1;
	assert_int_equal(receive(&f, &c, (struct field_conf){ 0 }), 4);
	assert_int_equal(f.receipt, RECEIPT_CORRUPT);
	assert_false(crop_is(out.dirfd, "f", old, SIZE));
	c.digests[1][0] ^= 1;
	assert_int_equal(receive(&f, &c, (struct field_conf){ .digests_first = true }), 0);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_true(crop_is(out.dirfd, "f", big, SIZE));
	assert_int_equal(crop_count(out.dirfd), 1);
	crop_fini(&c);
}

/* Its stage tells which bytes of the file are new. */
static void in_place_the_next_run_goes_on(void **state)
{
	struct field_conf conf = { .to = &out, .rate = 2000000 };
	struct stat st;
	struct field f;
	struct crop c;

	a_file(&c);
	out.inplace = true;
	crop_write(out.dirfd, "f", old, SIZE);
	field_init(&f, &c, &conf);
	field_until(&f, SIZE / 2);
	f.mute = true;
	field_run(&f);
	field_fini(&f);
	assert_int_equal(crop_count(out.dirfd), 2);
	assert_false(crop_is(out.dirfd, "f", old, SIZE));
	assert_int_equal(receive(&f, &c, (struct field_conf){ 0 }), 0);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_in_range(f.is.needed, 1, SIZE * 6 / 10);
	assert_true(crop_is(out.dirfd, "f", big, SIZE));
	assert_int_equal(crop_count(out.dirfd), 1);
	assert_int_equal(fstatat(out.dirfd, "f", &st, 0), 0);
	assert_int_equal(st.st_size, SIZE);
	crop_fini(&c);
}

#define TEST(f) cmocka_unit_test_teardown(f, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_file_gets_the_name_of_the_output),
		TEST(a_tree_does_not_fit_into_it),
		TEST(what_is_wrong_in_place_is_asked_for_again),
		TEST(what_stays_wrong_in_place_is_mended_by_the_next_run),
		TEST(in_place_the_next_run_goes_on),
	};

	return cmocka_run_group_tests_name("reaping_output", tests, make_dir, remove_dir);
}
