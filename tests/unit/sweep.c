/* sweep.c - tests of receiver/sweep: what is stale goes, and nothing else. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/loop.h"
#include "receiver/sink_file.h"
#include "receiver/sweep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY  86400
#define PART ".0123456789abcdef.reap-part"

static char dir[sizeof("/tmp/sow-sweep-XXXXXX")];
static int dirfd_;

static unsigned sweep(int64_t wall)
{
	static const atomic_bool go_on = false;

	return sweep_parts(dirfd_, SWEEP_DEPTH, wall, &go_on);
}

static void names_of_temporary_files(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} cases[] = {
		{ ".f" PART, true },
		{ ".a.b.c" PART, true },
		{ "f" PART, false },
		{ PART, false },
		{ "." PART, false },
		{ ".f.0123456789abcdeg.reap-part", false },
		{ ".f.0123456789ABCDEF.reap-part", false },
		{ ".f.123456789abcdef.reap-part", false },
		{ ".f-0123456789abcdef.reap-part", false },
		{ ".f" PART "s", false },
		{ ".f.0123456789abcdef.reap-par", false },
		{ "", false },
		{ ".", false },
		{ ".reap-part", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(sink_is_temporary(cases[i].name), cases[i].is);
}

/* What the sink makes is what the sweep knows, also where the name had to be cut. */
static void the_sinks_own_are_known(void **state)
{
	char longest[256];
	const char *const names[] = { "f", ".hidden", longest };

	memset(longest, 'n', 255);
	longest[255] = '\0';
	for (size_t i = 0; i < 3; i++) {
		struct sink_meta meta = { .name = names[i], .name_len = strlen(names[i]) };
		struct sink_file *s;

		assert_int_equal(sink_open(&s, dirfd_, &meta), 0);
		assert_int_equal(sweep(clock_wall()), 0);
		assert_int_equal(sweep(clock_wall() + 8 * DAY), 1);
		sink_close(s);
	}
}

static void make(const char *name)
{
	int fd = openat(dirfd_, name, O_CREAT | O_EXCL | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool there(const char *name)
{
	struct stat st;

	return fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void only_what_is_stale_goes(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int64_t now = clock_wall();

	make("f");
	make(".f" PART);
	make(".g" PART);
	assert_int_equal(mkdirat(dirfd_, ".d" PART, 0700), 0);
	assert_int_equal(symlinkat("f", dirfd_, ".l" PART), 0);
	/* the content's time is the sender's */
	assert_int_equal(utimensat(dirfd_, ".f" PART, old, 0), 0);
	assert_int_equal(sweep(now), 0);
	assert_int_equal(sweep(now + 7 * DAY - 60), 0);
	assert_true(there(".f" PART));
	assert_int_equal(sweep(now + 7 * DAY + 60), 2);
	assert_true(there("f") && there(".d" PART) && there(".l" PART));
	assert_false(there(".f" PART) || there(".g" PART));
	unlinkat(dirfd_, "f", 0);
	unlinkat(dirfd_, ".l" PART, 0);
	unlinkat(dirfd_, ".d" PART, AT_REMOVEDIR);
}

static void make_directory(const char *name)
{
	assert_int_equal(mkdirat(dirfd_, name, 0700), 0);
}

/* Temporary files are beside their targets; a stage has its own end, and a link leads away. */
static void it_looks_into_directories(void **state)
{
	static const char *const dirs[] = { "d", "d/e", ".sow-" HEX64, "away" };
	int64_t later = clock_wall() + 8 * DAY;
	atomic_bool stop = false;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_directory(dirs[i]);
	make("d/.f" PART);
	make("d/e/.f" PART);
	make("d/e/f");
	make(".sow-" HEX64 "/.f" PART);
	assert_int_equal(symlinkat("../away", dirfd_, "d/link"), 0);
	assert_int_equal(sweep_parts(dirfd_, 1, later, &stop), 1);
	assert_int_equal(sweep(later), 1);
	make("away/.f" PART);
	assert_int_equal(sweep(later), 1); /* once */
	assert_true(there("d/e/f") && there(".sow-" HEX64 "/.f" PART));
	unlinkat(dirfd_, ".sow-" HEX64 "/.f" PART, 0);
	unlinkat(dirfd_, "d/e/f", 0);
	unlinkat(dirfd_, "d/link", 0);
	for (size_t i = sizeof(dirs) / sizeof(dirs[0]); i-- > 0;)
		assert_int_equal(unlinkat(dirfd_, dirs[i], AT_REMOVEDIR), 0);
}

static void it_stops_when_it_is_told(void **state)
{
	atomic_bool stop = true;

	make(".f" PART);
	assert_int_equal(sweep_parts(dirfd_, SWEEP_DEPTH, clock_wall() + 8 * DAY, &stop), 0);
	assert_int_equal(sweep(clock_wall() + 8 * DAY), 1);
}

static void it_comes_every_day(void **state)
{
	const nsec_t day = (nsec_t)DAY * NSEC_PER_SEC;
	struct loop_event ev;
	struct loop *loop;
	struct sweep *s;
	nsec_t now = 1000;

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(sweep_new(&s, dirfd_, SWEEP_DEPTH, loop), 0);
	assert_true(sweep_deadline(s) <= now);
	for (int i = 0; i < 3; i++) {
		sweep_go(s, now);
		assert_int_equal(sweep_deadline(s), now + day);
		assert_int_equal(loop_wait(loop, clock_now() + 20 * NSEC_PER_SEC, &ev, 1), 1);
		assert_int_equal(ev.tag, LOOP_TAG_WAKE);
		sweep_go(s, now + 1);
		assert_int_equal(sweep_deadline(s), now + day);
		now += day;
	}
	sweep_free(s);
	loop_free(loop);
}

static int begin(void **state)
{
	memcpy(dir, "/tmp/sow-sweep-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	return dirfd_ < 0;
}

/* Fails when anything is left. */
static int end(void **state)
{
	close(dirfd_);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_temporary_files),
		cmocka_unit_test(the_sinks_own_are_known),
		cmocka_unit_test(only_what_is_stale_goes),
		cmocka_unit_test(it_looks_into_directories),
		cmocka_unit_test(it_stops_when_it_is_told),
		cmocka_unit_test(it_comes_every_day),
	};

	return cmocka_run_group_tests_name("sweep", tests, begin, end);
}
