/* device.c - tests of receiver/device: who has mounted one, and what is none. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/file.h"
#include "receiver/device.h"
#include "tests/unit/crop.h"

static char dir[sizeof("/tmp/sow-device-XXXXXX")];
static int top;

static void text(const char *path, const char *content)
{
	crop_write(top, path, (const uint8_t *)content, strlen(content));
}

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-device-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	top = open(dir, O_RDONLY | O_DIRECTORY);
	text("proc/self/mountinfo",
	     "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
	     "23 22 0:21 / /proc rw - proc proc rw\n"
	     "garbage\n"
	     "\n"
	     "30 22 8:2 / /srv/my\\040data rw,relatime - xfs /dev/sda2 rw\n"
	     "31 22 8:16 / /mnt rw - ext4 /dev/sdb rw\n");
	text("sys/devices/sda/dev", "8:0\n");
	text("sys/devices/sda/sda2/partition", "2\n");
	text("sys/devices/sdb/dev", "8:16\n");
	text("sys/dev/block/README", "");
	symlinkat("../../devices/sda/sda2", top, "sys/dev/block/8:2");
	symlinkat("../../devices/sdb", top, "sys/dev/block/8:16");
	return top < 0;
}

static int remove_dir(void **state)
{
	crop_clear(top);
	close_fd(&top);
	return rmdir(dir);
}

static void mounted_ones_are_known(void **state)
{
	static const struct {
		unsigned maj, min;
		const char *at;
	} cases[] = {
		{ 8, 2, "/srv/my\\040data" },
		{ 8, 0, "/srv/my\\040data" }, /* by its partition */
		{ 8, 16, "/mnt" },
		{ 8, 1, NULL },
		{ 8, 32, NULL },
	};
	char at[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = device_mounted(dir, makedev(cases[i].maj, cases[i].min), at,
					    sizeof(at));

		if (!cases[i].at)
			assert_int_equal(len, 0);
		else
			assert_string_equal(at, cases[i].at);
	}
	assert_int_equal(device_mounted("/nowhere", makedev(8, 2), at, sizeof(at)), 0);
}

static void what_is_no_device_is_refused(void **state)
{
	char why[DEVICE_TEXT] = "";
	struct device d;

	assert_int_equal(device_open(&d, top, "absent", why), -ENOENT);
	assert_non_null(strstr(why, "not there"));
	assert_int_equal(device_open(&d, top, "proc/self/mountinfo", why), -ENOTBLK);
	assert_int_equal(device_open(&d, AT_FDCWD, "/dev/null", why), -ENOTBLK);
	assert_non_null(strstr(why, "no block device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounted_ones_are_known),
		cmocka_unit_test(what_is_no_device_is_refused),
	};

	return cmocka_run_group_tests_name("device", tests, make_dir, remove_dir);
}
