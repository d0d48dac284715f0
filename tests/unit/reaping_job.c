/* reaping_job.c - tests of receiver/treejob: a job goes from a real sender session to files. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "tests/unit/field.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (3 * MANIFEST_CHUNK + 1000)

static char dir[sizeof("/tmp/sow-reapjob-XXXXXX")];
static int out;
static uint8_t big[SIZE], small[50][4000];
static unsigned threads; /* every test is run without and with some */

#define TEST(name) cmocka_unit_test_setup(name, clear)

static int make_dir(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	memcpy(dir, "/tmp/sow-reapjob-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(big, sizeof(big), 1);
	for (unsigned i = 0; i < 50; i++)
		crop_noise(small[i], sizeof(small[i]), 2 + i);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

/* A tree of fifty small files and a few large ones. */
static void a_tree(struct crop *c)
{
	char path[32];

	crop_init(c);
	crop_add(c, MANIFEST_DIR, "d");
	crop_add_file(c, "d/big", big, SIZE);
	crop_add_file(c, "d/copy", big, SIZE);
	crop_add_link(c, MANIFEST_HARDLINK, "d/hard", "d/big");
	crop_add(c, MANIFEST_DIR, "d/small");
	for (unsigned i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "d/small/f%02u", i);
		crop_add_file(c, path, small[i], 1000 + 50 * i);
	}
	crop_add_link(c, MANIFEST_SYMLINK, "d/soft", "big");
	crop_seal(c);
}

static void a_file(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "f", big, SIZE);
	crop_seal(c);
}

static struct field_conf plain(void)
{
	return (struct field_conf){ .dirfd = out, .threads = threads, .output = dir };
}

/* Whatever the digests' place and the losses. */
static void a_tree_arrives(void **state)
{
	struct crop c;

	a_tree(&c);
	for (unsigned way = 0; way < 16; way++) {
		struct field_conf conf = plain();
		struct field f;

		conf.digests_first = way & 1;
		conf.packed = way & 2;
		conf.loss = way & 4 ? 0.05 : 0;
		conf.large = way & 8;
		field_init(&f, &c, &conf);
		field_run(&f);
		crop_assert_delivered(&c, out);
		assert_int_equal(crop_count(out), 1);
		if (!conf.loss || f.receipt >= 0) {
			assert_int_equal(f.receipt, RECEIPT_COMPLETE);
			assert_int_equal(f.is.n_objects, 54);
			assert_int_equal(f.is.n_verified, 54);
			assert_int_equal(f.is.bytes, c.m.total_size);
		}
		assert_int_equal(f.report.files[FILE_VERIFIED], 54);
		assert_int_equal(field_fini(&f), 0);
		crop_clear(out);
	}
	crop_fini(&c);
}

static void an_empty_job_is_complete(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	crop_init(&c);
	crop_add(&c, MANIFEST_DIR, "d");
	crop_add_file(&c, "d/empty", big, 0);
	crop_seal(&c);
	field_init(&f, &c, &conf);
	field_run(&f);
	crop_assert_delivered(&c, out);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_int_equal(f.is.n_verified, 1);
	assert_int_equal(field_fini(&f), 0);
	crop_clear(out);
	crop_fini(&c);
}

/* The receipt vouches for the job: its digest can be computed by whoever sent it. */
static void the_receipt_names_the_job(void **state)
{
	struct field_conf conf = plain();
	uint8_t both[SHA256_LEN + 1], sum[SHA256_LEN];
	struct field f;
	struct crop c;

	a_file(&c);
	field_init(&f, &c, &conf);
	field_run(&f);
	memcpy(both, c.job, SHA256_LEN);
	both[SHA256_LEN] = RECEIPT_COMPLETE;
	assert_int_equal(digest_bytes(both, sizeof(both), sum), 0);
	assert_memory_equal(f.is.digest, sum, SHA256_LEN);
	assert_int_equal(field_fini(&f), 0);
	crop_clear(out);
	crop_fini(&c);
}

/* --- bytes that are wrong --- */

static void a_wrong_byte_is_asked_for_again(void **state)
{
	struct crop c;

	a_tree(&c);
	for (unsigned n = 1; n <= 2; n++) {
		struct field_conf conf = plain();
		struct field f;

		conf.wrong = MANIFEST_CHUNK + 5;
		conf.wrongs = n;
		conf.digests_first = n == 2;
		field_init(&f, &c, &conf);
		field_run(&f);
		crop_assert_delivered(&c, out);
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		assert_int_equal(field_fini(&f), 0);
		crop_clear(out);
	}
	crop_fini(&c);
}

/* Of d/big, d/copy, and d/hard: sent three times, unless the sender says that it is lost. */
static void a_digest_that_lies_fails_its_files_only(void **state)
{
	struct crop c;

	a_tree(&c);
	for (unsigned lost = 0; lost <= 1; lost++) {
		struct field_conf conf = plain();
		struct field f;

		crop_write(out, "d/big", small[0], 100);
		memset(c.digests[1], lost ? MANIFEST_LOST : 1, SHA256_LEN);
		field_init(&f, &c, &conf);
		field_run(&f);
		assert_int_equal(f.receipt, RECEIPT_CORRUPT);
		assert_int_equal(f.is.n_objects - f.is.n_verified, 3);
		assert_int_equal(f.sent < c.m.content_size * 9 / 8, lost);
		assert_true(crop_is(out, "d/big", small[0], 100));
		assert_true(crop_is(out, "d/small/f07", small[7], 1350));
		assert_int_equal(f.report.files[FILE_CORRUPT], 3);
		assert_int_equal(field_fini(&f), 4);
		crop_clear(out);
	}
	crop_fini(&c);
}

/* --- refusals --- */

/* Also what a test before left. */
static int clear(void **state)
{
	crop_clear(out);
	return 0;
}

static void assert_job_refused(const struct crop *c, const struct field_conf *conf,
			       const char *reason, int status)
{
	struct field f;

	field_init(&f, c, conf);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_non_null(strstr(f.reason, reason));
	assert_int_equal(f.is.n_verified, 0);
	assert_true(f.sent < 20000); /* nothing of the content */
	assert_int_equal(field_fini(&f), status);
}

static void what_is_in_the_way_refuses_the_job(void **state)
{
	struct field_conf conf = plain();
	struct crop c;

	a_tree(&c);
	crop_write(out, "d/big/x", small[0], 10);
	assert_job_refused(&c, &conf, "d/big: a directory is in the way", 4);
	crop_clear(out);
	assert_int_equal(symlinkat("/tmp", out, "d"), 0);
	assert_job_refused(&c, &conf, "d: a symbolic link is in the way", 4);
	assert_int_equal(crop_count(out), 1);
	crop_clear(out);
	crop_fini(&c);
}

static void a_limit_refuses_the_job(void **state)
{
	struct field_conf conf = plain();
	struct crop c;

	a_tree(&c);
	conf.max_size = c.m.total_size - 1;
	assert_job_refused(&c, &conf, "max-size", 4);
	assert_int_equal(crop_count(out), 0);
	crop_fini(&c);
}

static void a_file_that_is_too_large_refuses_the_job(void **state)
{
	struct field_conf conf = plain();
	struct rlimit old, low;
	struct crop c;

	a_tree(&c);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = (struct rlimit){ .rlim_cur = SIZE - 1, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_job_refused(&c, &conf, "too large", 2);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(crop_count(out), 0);
	crop_fini(&c);
}

static void a_manifest_that_is_another_one_is_refused(void **state)
{
	struct field_conf conf = plain();
	struct crop c;

	a_file(&c);
	c.job[0] ^= 1;
	assert_job_refused(&c, &conf, "not what its digest says", 4);
	assert_int_equal(crop_count(out), 0);
	crop_fini(&c);
}

static void an_object_of_another_job_is_refused(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_file(&c);
	conf.wrong_job = 1;
	field_init(&f, &c, &conf);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_int_equal(field_fini(&f), 4);
	assert_int_equal(crop_count(out), 0);
	crop_fini(&c);
}

/* --- ends --- */

static void what_came_is_kept_when_the_sender_falls_silent(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	crop_write(out, "d/big", small[0], 100);
	field_init(&f, &c, &conf);
	field_until(&f, SIZE / 2);
	f.mute = true;
	field_run(&f);
	assert_int_equal(f.report.files[FILE_INCOMPLETE], 54);
	assert_int_equal(field_fini(&f), 2);
	assert_true(crop_is(out, "d/big", small[0], 100));
	assert_int_equal(crop_count(out), 2); /* and the stage */
	crop_clear(out);
	crop_fini(&c);
}

static void what_came_is_kept_when_we_are_stopped(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	field_init(&f, &c, &conf);
	field_until(&f, SIZE / 2);
	session_interrupt(f.session, f.now);
	tx_finish(f.tx, f.now);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_INTERRUPTED);
	field_fini(&f);
	assert_int_equal(crop_count(out), 1); /* the stage */
	crop_clear(out);
	crop_fini(&c);
}

/* Nothing came that could be kept. */
static void an_end_before_the_content_leaves_nothing(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	field_init(&f, &c, &conf);
	field_until(&f, c.wire_len);
	f.mute = true;
	field_run(&f);
	assert_int_equal(field_fini(&f), 2);
	assert_int_equal(crop_count(out), 0);
	crop_clear(out);
	crop_fini(&c);
}

static void a_full_disk_fails_the_job_and_leaves_nothing(void **state)
{
	struct field_conf conf = plain();
	struct rlimit old, low;
	struct field f;
	struct crop c;

	a_tree(&c);
	crop_write(out, "d/big", small[0], 100);
	field_init(&f, &c, &conf);
	field_until(&f, SIZE / 4);
	/* A limit on file sizes stands for it. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = (struct rlimit){ .rlim_cur = SIZE / 2, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	field_run(&f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(f.receipt, RECEIPT_IO);
	assert_int_equal(field_fini(&f), 2);
	assert_true(crop_is(out, "d/big", small[0], 100));
	assert_int_equal(crop_count(out), 1);
	crop_clear(out);
	crop_fini(&c);
}

/* --- what is here already --- */

/* What lies at the target already is not sent: only the manifest and the digests are. */
static void what_did_not_change_is_not_sent(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	conf.digests_first = conf.asked = true;
	for (int run = 0; run < 2; run++) {
		field_init(&f, &c, &conf);
		field_run(&f);
		crop_assert_delivered(&c, out);
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		assert_int_equal(f.is.n_verified, 54);
		if (run > 0)
			assert_true(f.sent < 20000 && f.is.needed < 10000);
		assert_int_equal(field_fini(&f), 0);
	}
	crop_clear(out);
	crop_fini(&c);
}

static void of_what_changed_a_chunk_is_sent(void **state)
{
	struct field_conf conf = plain();
	static uint8_t other[SIZE];
	struct crop c;

	a_tree(&c);
	memcpy(other, big, SIZE);
	other[MANIFEST_CHUNK + 100] ^= 1;
	conf.digests_first = conf.asked = true;
	for (unsigned way = 0; way < 4; way++) {
		struct field f;

		conf.loss = way & 1 ? 0.05 : 0;
		conf.large = way & 2;
		crop_clear(out);
		crop_write(out, "d/big", other, SIZE);
		for (unsigned i = 0; i < 50; i++) {
			char path[32];

			snprintf(path, sizeof(path), "d/small/f%02u", i);
			crop_write(out, path, small[i], 1000 + 50 * i);
		}
		field_init(&f, &c, &conf);
		field_run(&f);
		crop_assert_delivered(&c, out);
		assert_int_equal(f.report.files[FILE_VERIFIED], 54);
		assert_true(f.sent < MANIFEST_CHUNK * 5 / 4 + 40000);
		assert_int_equal(field_fini(&f), 0);
	}
	crop_clear(out);
	crop_fini(&c);
}

static void another_place_is_looked_at(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	crop_write(out, "yesterday/image", big, SIZE);
	conf.from =
		(struct have_from){ .fd = { openat(out, "yesterday", O_RDONLY | O_DIRECTORY) },
				    .n = 1 };
	conf.digests_first = conf.asked = true;
	field_init(&f, &c, &conf);
	field_run(&f);
	crop_assert_delivered(&c, out);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_true(f.sent < c.m.content_size - SIZE + 60000);
	assert_int_equal(field_fini(&f), 0);
	close_fd(&conf.from.fd[0]);
	crop_clear(out);
	crop_fini(&c);
}

/* Half of it came, at most a second before the end was lost. The session is dropped as a killed
 * process drops it, or it ends in order. */
static void receive_half(const struct crop *c, bool killed)
{
	struct field_conf conf = plain();
	struct field f;

	conf.rate = 400000; /* so that it lasts some seconds */
	field_init(&f, c, &conf);
	field_until(&f, c->m.content_size / 2);
	if (!killed) {
		session_interrupt(f.session, f.now);
		tx_finish(f.tx, f.now);
		field_run(&f);
	}
	field_fini(&f);
	assert_int_equal(crop_count(out), 1); /* the stage */
}

static void the_next_run_goes_on(void **state)
{
	struct field_conf conf = plain();
	struct crop c;

	a_tree(&c);
	conf.digests_first = conf.asked = true;
	for (unsigned way = 0; way < 4; way++) {
		struct field f;

		conf.large = way & 2;
		receive_half(&c, way & 1);
		field_init(&f, &c, &conf);
		field_run(&f);
		crop_assert_delivered(&c, out);
		assert_int_equal(crop_count(out), 1);
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		assert_true(f.sent < c.m.content_size * (way & 1 ? 9 : 6) / 10);
		assert_int_equal(field_fini(&f), 0);
		crop_clear(out);
	}
	crop_fini(&c);
}

/* Bytes in the stage that are not what they were: they are found and received again. */
static void a_stage_that_was_damaged_is_repaired(void **state)
{
	struct field_conf conf = plain();
	struct stat st;
	struct field f;
	struct crop c;
	char path[96], hex[SHA256_HEX_LEN + 1];
	int fd;

	a_tree(&c);
	receive_half(&c, false);
	digest_hex(c.job, hex);
	snprintf(path, sizeof(path), ".sow-%s/tree/d/big", hex);
	fd = openat(out, path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(file_pwrite_all(fd, "damage", 6, 1000), 0);
	close_fd(&fd);
	field_init(&f, &c, &conf);
	field_run(&f);
	crop_assert_delivered(&c, out);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_int_equal(field_fini(&f), 0);
	crop_clear(out);
	crop_fini(&c);
}

/* Two senders, or one that was started anew: the second waits for the first. */
static void a_stage_that_is_in_use_is_waited_for(void **state)
{
	struct field_conf conf = plain();
	struct field first, second;
	struct crop c;

	a_tree(&c);
	field_init(&first, &c, &conf);
	field_until(&first, c.m.content_size / 2);
	field_init(&second, &c, &conf);
	for (int i = 0; i < 100; i++)
		field_step(&second);
	assert_int_equal(second.receipt, -1);
	field_run(&first);
	assert_int_equal(field_fini(&first), 0);
	field_run(&second);
	assert_int_equal(second.receipt, RECEIPT_COMPLETE);
	crop_assert_delivered(&c, out);
	assert_int_equal(field_fini(&second), 0);
	crop_clear(out);
	crop_fini(&c);
}

static void the_hook_is_run_once_for_a_job(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	conf.hook = "sh -c 'echo $SOW_NAME $SOW_STATUS >> $SOW_PATH/../hooked'";
	field_init(&f, &c, &conf);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	assert_int_equal(f.report.hooks, 1);
	assert_int_equal(field_fini(&f), 0);
	assert_true(crop_is(out, "hooked", (const uint8_t *)"job verified\n", 13));
	crop_clear(out);
	crop_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tree_arrives),
		TEST(an_empty_job_is_complete),
		TEST(the_receipt_names_the_job),
		TEST(a_wrong_byte_is_asked_for_again),
		TEST(a_digest_that_lies_fails_its_files_only),
		TEST(what_is_in_the_way_refuses_the_job),
		TEST(a_limit_refuses_the_job),
		TEST(a_file_that_is_too_large_refuses_the_job),
		TEST(a_manifest_that_is_another_one_is_refused),
		TEST(an_object_of_another_job_is_refused),
		TEST(what_came_is_kept_when_the_sender_falls_silent),
		TEST(what_came_is_kept_when_we_are_stopped),
		TEST(an_end_before_the_content_leaves_nothing),
		TEST(a_full_disk_fails_the_job_and_leaves_nothing),
		TEST(what_did_not_change_is_not_sent),
		TEST(of_what_changed_a_chunk_is_sent),
		TEST(another_place_is_looked_at),
		TEST(the_next_run_goes_on),
		TEST(a_stage_that_was_damaged_is_repaired),
		TEST(a_stage_that_is_in_use_is_waited_for),
		TEST(the_hook_is_run_once_for_a_job),
	};
	int failed = 0;

	for (threads = 0; threads <= 2; threads++)
		failed +=
			cmocka_run_group_tests_name("reaping_job", tests, make_dir, remove_dir);
	return failed;
}
