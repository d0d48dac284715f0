/* reaping_spool.c - tests of receiver/treejob: a content in zlib form goes from a real sender
 * session to files.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "tests/unit/field.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE  (6 * MANIFEST_CHUNK + 1000)
#define FILES 42 /* entries that are no directories */

static char dir[sizeof("/tmp/sow-reapspool-XXXXXX")];
static int out;
static uint8_t text[SIZE], noise[MANIFEST_CHUNK + 500], small[FILES - 2][3000];
static unsigned threads; /* every test is run without and with some */

static int make_dir(void **state)
{
	umask(022);
	memcpy(dir, "/tmp/sow-reapspool-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_text(text, sizeof(text), 1);
	crop_noise(noise, sizeof(noise), 2);
	for (unsigned i = 0; i < FILES - 2; i++)
		crop_text(small[i], sizeof(small[i]), 3 + i);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static void a_tree(struct crop *c)
{
	char path[32];

	crop_init(c);
	crop_add(c, MANIFEST_DIR, "d");
	crop_add_file(c, "d/noise", noise, sizeof(noise));
	for (unsigned i = 0; i < FILES - 2; i++) {
		snprintf(path, sizeof(path), "d/small%02u", i);
		crop_add_file(c, path, small[i], 500 + 60 * i);
	}
	crop_add_file(c, "d/text", text, SIZE);
	crop_squeeze(c);
	crop_seal(c);
	assert_true(manifest_object_size(&c->m) < c->m.content_size * 7 / 10);
}

static struct field_conf plain(void)
{
	return (struct field_conf){
		.dirfd = out, .threads = threads, .output = dir, .digests_first = true
	};
}

static void it_arrives(const struct crop *c, const struct field_conf *conf)
{
	struct field f;

	field_init(&f, c, conf);
	field_run(&f);
	crop_assert_delivered(c, out);
	assert_int_equal(crop_count(out), 1);
	if (!conf->loss || f.receipt >= 0) {
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		assert_int_equal(f.is.n_verified, FILES);
		assert_int_equal(f.is.bytes, c->m.total_size);
	}
	assert_int_equal(field_fini(&f), 0);
	crop_clear(out);
}

/* Also from a sender that says the digests last, as ours never does. */
static void a_tree_arrives(void **state)
{
	struct crop c;

	a_tree(&c);
	for (unsigned way = 0; way < 16; way++) {
		struct field_conf conf = plain();

		conf.digests_first = !(way & 1);
		conf.packed = way & 2;
		conf.loss = way & 4 ? 0.05 : 0;
		conf.large = way & 8;
		it_arrives(&c, &conf);
	}
	crop_fini(&c);
}

static void a_wrong_byte_is_asked_for_again(void **state)
{
	struct crop c;

	a_tree(&c);
	for (unsigned way = 0; way < 8; way++) {
		struct field_conf conf = plain();

		conf.wrong = manifest_object_size(&c.m) / 2 + 400;
		conf.wrongs = 1 + (way & 1);
		conf.large = way & 2;
		conf.loss = way & 4 ? 0.02 : 0;
		it_arrives(&c, &conf);
	}
	crop_fini(&c);
}

/* A sender whose bytes are always wrong: that file fails, the others do not. */
static void what_stays_wrong_fails_alone(void **state)
{
	struct field_conf conf = plain();
	struct field f;
	struct crop c;

	a_tree(&c);
	c.object[manifest_object_size(&c.m) - 60000] ^= 1;
	field_init(&f, &c, &conf);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_CORRUPT);
	assert_int_equal(f.report.files[FILE_CORRUPT], 1);
	assert_int_equal(f.report.files[FILE_VERIFIED], FILES - 1);
	assert_true(crop_is(out, "d/noise", noise, sizeof(noise)));
	assert_int_equal(faccessat(out, "d/text", F_OK, 0), -1);
	assert_true(field_fini(&f) != 0);
	crop_clear(out);
	crop_fini(&c);
}

static uint64_t content_sent(const struct crop *c, const struct field_conf *conf)
{
	struct field f;
	uint64_t sent;

	field_init(&f, c, conf);
	field_run(&f);
	crop_assert_delivered(c, out);
	assert_int_equal(f.receipt, RECEIPT_COMPLETE);
	sent = f.sent;
	assert_int_equal(field_fini(&f), 0);
	return sent;
}

/* Who has all of it needs nothing; who has all but a byte needs all, since what is here is not
 * what is sent. */
static void what_is_here_already(void **state)
{
	struct field_conf conf = plain();
	uint8_t byte = 'X';
	struct crop c;
	int fd;

	a_tree(&c);
	conf.asked = true;
	for (unsigned way = 0; way < 2; way++) {
		conf.large = way;
		assert_true(content_sent(&c, &conf) >= manifest_object_size(&c.m));
		assert_true(content_sent(&c, &conf) < 10000);
		fd = openat(out, "d/text", O_WRONLY);
		assert_int_equal(file_pwrite_all(fd, &byte, 1, 1000), 0);
		close_fd(&fd);
		assert_true(content_sent(&c, &conf) >= manifest_object_size(&c.m));
		crop_clear(out);
	}
	crop_fini(&c);
}

/* Half of it came; the session is dropped as a killed process drops it, or it ends in order. */
static void receive_half(const struct crop *c, bool killed)
{
	struct field_conf conf = plain();
	struct field f;

	conf.rate = 400000; /* so that it lasts some seconds */
	field_init(&f, c, &conf);
	field_until(&f, manifest_object_size(&c->m) / 2);
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
	conf.asked = true;
	for (unsigned way = 0; way < 4; way++) {
		uint64_t sent;

		conf.large = way & 2;
		receive_half(&c, way & 1);
		sent = content_sent(&c, &conf);
		assert_true(sent < manifest_object_size(&c.m) * 65 / 100);
		assert_int_equal(crop_count(out), 1);
		crop_clear(out);
	}
	crop_fini(&c);
}

/* What the map promises of a damaged spool is found to be wrong, and received again. */
static void a_spool_that_was_damaged_is_repaired(void **state)
{
	struct field_conf conf = plain();
	char path[96], hex[SHA256_HEX_LEN + 1];
	struct crop c;
	int fd;

	a_tree(&c);
	digest_hex(c.job, hex);
	snprintf(path, sizeof(path), ".sow-%s/spool", hex);
	conf.asked = true;
	for (unsigned way = 0; way < 4; way++) {
		conf.loss = way & 1 ? 0.02 : 0;
		conf.large = way & 2;
		receive_half(&c, false);
		fd = openat(out, path, O_RDWR);
		assert_int_equal(file_pwrite_all(fd, "damage", 6, 300000), 0);
		close_fd(&fd);
		it_arrives(&c, &conf);
	}
	crop_fini(&c);
}

/* Over a file that is there, chunk by chunk, also in two runs. */
static void in_place(void **state)
{
	static uint8_t old[SIZE];
	const struct output to = { .dirfd = out, .dir = dir, .path = dir, .inplace = true };
	struct field_conf conf = plain();
	struct crop c;
	struct field f;

	crop_init(&c);
	crop_add_file(&c, "f", text, SIZE);
	crop_squeeze(&c);
	crop_seal(&c);
	crop_text(old, SIZE, 99);
	memcpy(old + MANIFEST_CHUNK, text + MANIFEST_CHUNK, MANIFEST_CHUNK);
	conf.to = &to;
	for (unsigned way = 0; way < 4; way++) {
		crop_write(out, "f", old, SIZE);
		conf.asked = way & 1;
		if (way & 2) {
			conf.rate = 400000;
			field_init(&f, &c, &conf);
			field_until(&f, manifest_object_size(&c.m) / 2);
			f.mute = true;
			field_run(&f);
			field_fini(&f);
			assert_int_equal(crop_count(out), 2); /* and the stage */
		}
		conf.rate = 0;
		field_init(&f, &c, &conf);
		field_run(&f);
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		assert_int_equal(field_fini(&f), 0);
		assert_true(crop_is(out, "f", text, SIZE));
		assert_int_equal(crop_count(out), 1);
		crop_clear(out);
	}
	crop_fini(&c);
}

/* It has no place for a spool. */
static void a_device_refuses_it(void **state)
{
	const struct output to = {
		.kind = OUTPUT_DEVICE, .dirfd = out, .dir = dir, .path = dir, .name = "none"
	};
	struct field_conf conf = plain();
	struct crop c;
	struct field f;

	crop_init(&c);
	crop_add_file(&c, "f", text, SIZE);
	crop_squeeze(&c);
	crop_seal(&c);
	conf.to = &to;
	field_init(&f, &c, &conf);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_non_null(strstr(f.reason, "without --compress"));
	assert_true(field_fini(&f) != 0);
	assert_int_equal(crop_count(out), 0);
	crop_fini(&c);
}

static int with_threads(void **state)
{
	threads = 2;
	return make_dir(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_arrives),
		cmocka_unit_test(a_wrong_byte_is_asked_for_again),
		cmocka_unit_test(what_stays_wrong_fails_alone),
		cmocka_unit_test(what_is_here_already),
		cmocka_unit_test(the_next_run_goes_on),
		cmocka_unit_test(a_spool_that_was_damaged_is_repaired),
		cmocka_unit_test(in_place),
		cmocka_unit_test(a_device_refuses_it),
	};
	int failed = cmocka_run_group_tests_name("reaping_spool", tests, make_dir, remove_dir);

	return failed + cmocka_run_group_tests_name("reaping_spool, threads", tests,
						    with_threads, remove_dir);
}
