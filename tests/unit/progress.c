/* progress.c - tests of common/progress. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/progress.h"
#include "proto/types.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct {
	struct progress_now is;
	double rate;
	unsigned width;
	const char *want;
} lines[] = {
	{ { 0, 1000, NULL }, 0, 40, "  0% [              ]     0 B of 1.00 kB" },
	{ { 500000000, 1000000000, NULL },
	  12500000,
	  70,
	  " 50% [########         ]  500 MB of 1.00 GB   100 Mbit/s     0:40 left" },
	{ { 1000, 1000, "4 receivers" },
	  0,
	  60,
	  "100% [#####################] 1.00 kB of 1.00 kB  4 receivers" },
	{ { 2000, 1000, NULL }, 0, 40, "100% [##############] 2.00 kB of 1.00 kB" },
	{ { 99999, 0, "live" }, 125000, 60, " 100 kB  1.00 Mbit/s  live" },
	{ { 0, 36000, NULL },
	  1,
	  70,
	  "  0% [                ]     0 B of 36.0 kB      8 bit/s  10:00:00 left" },
	{ { 500, 1000, NULL }, 0, 20, "  500 B of 1.00 kB" },
	{ { 500, 1000, NULL }, 0, 5, "  500" },
	{ { 500, 1000, NULL }, 0, 0, "" },
	{ { UINT64_MAX, UINT64_MAX, NULL }, 0, 30, "18.4 EB of 18.4 EB" },
};

static void lines_as_wide_as_asked(void **state)
{
	char got[200];

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		progress_format(got, sizeof(got), lines[i].width, &lines[i].is, lines[i].rate);
		assert_string_equal(got, lines[i].want);
		assert_true(strlen(got) <= lines[i].width);
	}
}

static void the_bar_shows_the_part(void **state)
{
	struct progress_now is = { .total = 1000 };
	unsigned last = 0;
	char got[101];

	for (is.done = 0; is.done <= 1000; is.done++) {
		unsigned n = 0;

		progress_format(got, sizeof(got), 100, &is, 0);
		for (const char *s = got; *s; s++)
			n += *s == '#';
		assert_true(n >= last);
		last = n;
	}
	assert_int_equal(strspn(strchr(got, '#'), "#"),
			 100 - strlen("100% [] 1.00 kB of 1.00 kB"));
}

/* A narrow buffer is never overrun (the sanitizer looks on). */
static void any_width_and_buffer(void **state)
{
	const struct progress_now is = { 123456789, 987654321, "17 receivers, 3 of them late" };

	for (size_t cap = 1; cap < 120; cap++) {
		char *exact = malloc(cap);

		for (unsigned width = 0; width < 400; width += 7) {
			progress_format(exact, cap, width, &is, 1e6);
			assert_true(strlen(exact) < cap);
			assert_true(strlen(exact) <= width);
		}
		free(exact);
	}
}

static size_t drain(int fd, char *buf, size_t cap)
{
	ssize_t n = read(fd, buf, cap - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void redraws_in_place_on_a_terminal(void **state)
{
	struct winsize ws = { .ws_row = 24, .ws_col = 80 };
	struct progress_now is = { 0, 1000000, NULL };
	struct progress p;
	char got[8192], last[8192] = "";
	unsigned drawn = 0;
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, &ws) < 0)
		skip();
	fcntl(master, F_SETFL, O_NONBLOCK);
	progress_init(&p, slave, PROGRESS_AUTO);
	for (nsec_t now = 0; now < 2 * NSEC_PER_SEC; now += NSEC_PER_MSEC, is.done += 500) {
		progress_show(&p, now, &is);
		if (drain(master, got, sizeof(got)) == 0)
			continue;
		drawn++;
		assert_int_equal(got[0], '\r');
		assert_int_equal(strlen(got), 1 + 79 + 3);
		memcpy(last, got, sizeof(last));
	}
	assert_int_equal(drawn, 20);
	assert_non_null(strstr(last, "4.00 Mbit/s"));
	progress_clear(&p);
	drain(master, got, sizeof(got));
	assert_string_equal(got, "\r\x1b[K");
	progress_clear(&p); /* nothing is there any more */
	assert_int_equal(drain(master, got, sizeof(got)), 0);
	progress_end(&p, 2 * NSEC_PER_SEC, &is);
	drain(master, got, sizeof(got));
	assert_non_null(strstr(got, "100% [####"));
	assert_int_equal(got[strlen(got) - 1], '\n');
	close(slave);
	close(master);
}

static void silent_elsewhere_unless_asked(void **state)
{
	struct progress_now is = { 1, 2, NULL };
	struct progress p;
	char got[1024];
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	progress_init(&p, pipes[1], PROGRESS_AUTO);
	progress_show(&p, 0, &is);
	progress_end(&p, 1, &is);
	assert_int_equal(drain(pipes[0], got, sizeof(got)), 0);

	progress_init(&p, pipes[1], PROGRESS_ALWAYS);
	for (nsec_t now = 0; now < 2 * NSEC_PER_SEC; now += NSEC_PER_MSEC)
		progress_show(&p, now, &is);
	drain(pipes[0], got, sizeof(got));
	assert_null(strpbrk(got, "\r\x1b"));
	char *second = strchr(got, '\n');
	assert_non_null(second);
	assert_int_equal(strcspn(second + 1, "\n"), strlen(second + 1) - 1);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_as_wide_as_asked),
		cmocka_unit_test(the_bar_shows_the_part),
		cmocka_unit_test(any_width_and_buffer),
		cmocka_unit_test(redraws_in_place_on_a_terminal),
		cmocka_unit_test(silent_elsewhere_unless_asked),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
