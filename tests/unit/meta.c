/* meta.c - tests of receiver/meta. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/meta.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

static char path[] = "/tmp/sow-meta-XXXXXX";
static int fd;

static int make_file(void **state)
{
	fd = mkstemp(path);
	return fd < 0;
}

static int remove_file(void **state)
{
	close_fd(&fd);
	return unlink(path);
}

static struct manifest_entry entry(uint16_t mode)
{
	return (struct manifest_entry){
		.type = MANIFEST_FILE, .mode = mode, .mtime_sec = -5, .mtime_nsec = 7000
	};
}

static struct stat set(const struct manifest_entry *e, bool owner)
{
	struct stat st;

	assert_int_equal(meta_set(fd, e, owner), 0);
	assert_int_equal(fstat(fd, &st), 0);
	return st;
}

static void mode_and_time_are_set(void **state)
{
	struct manifest_entry e = entry(0604);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(meta_differs(&st, &e, false));
	st = set(&e, false);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_mtim.tv_sec, -5);
	assert_int_equal(st.st_mtim.tv_nsec, 7000);
	assert_false(meta_differs(&st, &e, false));
	e.mtime_nsec++;
	assert_true(meta_differs(&st, &e, false));
}

/* It would run as whoever runs reap. */
static void nobody_gets_a_set_uid_file_by_network(void **state)
{
	struct manifest_entry e = entry(06755);

	assert_int_equal(set(&e, true).st_mode & 07777, 0755);
	assert_int_equal(set(&e, false).st_mode & 07777, 0755);
}

/* That there is an owner is the sender's word. */
static void nothing_is_given_away_unasked(void **state)
{
	struct manifest_entry e = entry(06755);
	struct stat st;

	e.has_owner = true;
	e.uid = e.gid = 12345;
	st = set(&e, false);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_gid, getegid());
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_false(meta_differs(&st, &e, false));
}

static void root_gives_files_away_if_asked(void **state)
{
	struct manifest_entry e = entry(06755);
	struct stat st;

	e.has_owner = true;
	e.uid = e.gid = 12345;
	st = set(&e, true);
	assert_int_equal(st.st_uid, geteuid() ? geteuid() : 12345);
	assert_int_equal(st.st_mode & 07777, geteuid() ? 0755 : 06755);
	assert_false(meta_differs(&st, &e, true));
	if (geteuid() == 0)
		assert_int_equal(fchown(fd, 0, 0), 0);
}

static void attributes_of_users_are_set_and_no_others(void **state)
{
	/* n; length, name, length, value */
	static const uint8_t xattrs[] = "\x06user.a\x03one\x0bsecurity.x1\x01y\x05user.\x01z";
	struct manifest_entry e = entry(0600);
	struct stat st;
	char value[16];

	e.xattrs = xattrs;
	e.xattrs_len = sizeof(xattrs) - 1;
	st = set(&e, false);
	assert_true(meta_differs(&st, &e, false)); /* it may: they are not looked at */
	if (fgetxattr(fd, "user.none", value, sizeof(value)) < 0 && errno == EOPNOTSUPP)
		skip(); /* a file system without them */
	assert_int_equal(fgetxattr(fd, "user.a", value, sizeof(value)), 3);
	assert_memory_equal(value, "one", 3);
	assert_int_equal(flistxattr(fd, value, sizeof(value)), sizeof("user.a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_and_time_are_set),
		cmocka_unit_test(nobody_gets_a_set_uid_file_by_network),
		cmocka_unit_test(nothing_is_given_away_unasked),
		cmocka_unit_test(root_gives_files_away_if_asked),
		cmocka_unit_test(attributes_of_users_are_set_and_no_others),
	};

	return cmocka_run_group_tests_name("meta", tests, make_file, remove_file);
}
