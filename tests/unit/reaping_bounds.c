/* reaping_bounds.c - tests of receiver/treejob: what a job may do here, and may not. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/varint.h"
#include "tests/unit/field.h"

#include <fcntl.h>
#include <unistd.h>

static char dir[] = "/tmp/sow-reapbounds-XXXXXX";
static int out;
static uint8_t big[3000];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(big, sizeof(big), 1);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

/* A few bytes can stand for more chunks than there is memory for: not one of them is taken. */
static void a_job_of_too_many_chunks_is_refused(void **state)
{
	struct field_conf conf = { .dirfd = out, .output = dir };
	uint64_t n = (uint64_t)25 << 20; /* 400 MiB decoded, but 2450 with their digests */
	struct field f;
	struct crop c;
	struct wr w;

	crop_init(&c);
	crop_add_file(&c, "f", big, sizeof(big));
	crop_seal(&c);
	c.wire = realloc(c.wire, 200);
	w = wr_init(c.wire, 200);
	wr_bytes(&w, "SOWM\1\1\1", 7);
	wr_varint(&w, n * MANIFEST_CHUNK);
	wr_bytes(&w, "\1\0\0\0\0\0\1f", 8);
	wr_varint(&w, n * MANIFEST_CHUNK);
	wr_bytes(&w, "\1\0", 2);
	wr_varint(&w, n);
	wr_u8(&w, 0);
	c.wire_len = wr_len(&w);
	assert_int_equal(digest_bytes(c.wire, c.wire_len, c.job), 0);
	field_init(&f, &c, &conf);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_REFUSED);
	assert_non_null(strstr(f.reason, "too many"));
	assert_int_equal(crop_count(out), 0);
	assert_int_equal(field_fini(&f), STATUS_SYSTEM);
	crop_fini(&c);
}

/* Only this user says whether the sender's wish counts; either way the job is complete. */
static void what_is_not_sent_goes_if_allowed(void **state)
{
	for (int allowed = 0; allowed < 2; allowed++) {
		struct field_conf conf = { .dirfd = out, .output = dir };
		struct field f;
		struct crop c;

		crop_init(&c);
		crop_add(&c, MANIFEST_DIR, "d")->whole = true;
		crop_add_file(&c, "d/f", big, sizeof(big));
		crop_seal(&c);
		crop_write(out, "d/old", big, 100);
		field_init(&f, &c, &conf);
		f.limits.delete = allowed;
		field_run(&f);
		assert_int_equal(f.receipt, RECEIPT_COMPLETE);
		crop_assert_delivered(&c, out);
		assert_int_equal(faccessat(out, "d/old", F_OK, 0), allowed ? -1 : 0);
		assert_int_equal(f.report.removed, allowed);
		assert_int_equal(field_fini(&f), 0);
		crop_clear(out);
		crop_fini(&c);
	}
}

/* The only file changed before the first byte of it was sent. */
static void what_is_withdrawn_unheard_fails_the_job(void **state)
{
	static const struct field_part none;
	struct field_conf conf = { .dirfd = out, .output = dir, .parts = &none };
	uint64_t object;
	struct field f;
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, "f", big, sizeof(big));
	crop_seal(&c);
	field_init(&f, &c, &conf);
	while (!tx_settled(f.tx))
		field_step(&f);
	assert_int_equal(tx_add(f.tx, f.now, sizeof(big), (const uint8_t *)"i", 1, &object), 0);
	tx_withdraw(f.tx, f.now, object);
	tx_finish(f.tx, f.now);
	field_run(&f);
	assert_int_equal(f.receipt, RECEIPT_PARTIAL);
	assert_string_equal(f.reason, "the sender gave it up");
	assert_int_equal(crop_count(out), 0);
	assert_int_equal(field_fini(&f), STATUS_PARTIAL);
	crop_fini(&c);
}

/* The stage that is being made meanwhile goes, too. */
static void what_is_refused_while_it_is_looked_at_leaves_nothing(void **state)
{
	for (int i = 0; i < 20; i++) {
		struct field_conf conf = {
			.dirfd = out, .output = dir, .at_once = true, .wrong_job = 1
		};
		struct field f;
		struct crop c;

		crop_init(&c);
		crop_add_file(&c, "f", big, sizeof(big));
		crop_seal(&c);
		field_init(&f, &c, &conf);
		field_run(&f);
		assert_int_equal(f.receipt, RECEIPT_REFUSED);
		assert_int_equal(field_fini(&f), STATUS_PARTIAL);
		assert_int_equal(crop_count(out), 0);
		crop_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_of_too_many_chunks_is_refused),
		cmocka_unit_test(what_is_not_sent_goes_if_allowed),
		cmocka_unit_test(what_is_refused_while_it_is_looked_at_leaves_nothing),
		cmocka_unit_test(what_is_withdrawn_unheard_fails_the_job),
	};

	return cmocka_run_group_tests_name("reaping_bounds", tests, make_dir, remove_dir);
}
