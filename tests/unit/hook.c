/* hook.c - tests of receiver/hook: what a program is told, and what is told of its end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/loop.h"
#include "receiver/hook.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[sizeof("/tmp/sow-hook-XXXXXX")];
static struct loop *loop;

static struct hook *open_hook(const char *command, unsigned parallel, nsec_t timeout)
{
	const struct hook_conf hc = { command, "/srv/feed", parallel, timeout };
	struct hook *h;

	assert_int_equal(hook_new(&h, &hc), 0);
	return h;
}

static struct hook_origin origin(void)
{
	struct hook_origin o = { .ifindex = 1 };

	assert_int_equal(addr_parse(&o.peer, "192.0.2.1:4711", 0), 0);
	assert_int_equal(addr_parse(&o.local, "192.0.2.2", 0), 0);
	assert_int_equal(addr_parse(&o.destination, "239.255.83.87:8387", 0), 0);
	return o;
}

static int add(struct hook *h, const char *name, uint64_t object)
{
	const struct hook_origin from = origin();
	const struct hook_news news = { &from, NULL, name, NULL, "withdrawn", NULL, 0 };

	return hook_add(h, &news, &loop, object);
}

/* As a program's loop does it; false after 20 s. */
static bool next(struct hook *h, struct hook_end *ret)
{
	nsec_t now = clock_now(), limit = now + 20 * NSEC_PER_SEC;
	struct loop_event ev;

	for (;;) {
		hook_go(h, now);
		if (hook_take(h, ret))
			return true;
		if (now >= limit)
			return false;
		if (loop_wait(loop, MIN(limit, hook_deadline(h)), &ev, 1) == 1) {
			assert_int_equal(ev.signo, SIGCHLD);
			hook_child(h);
		}
		now = clock_now();
	}
}

/* The end of the one that was added. */
static struct hook_end run(const char *command, nsec_t timeout)
{
	struct hook *h = open_hook(command, 1, timeout);
	struct hook_end end;

	assert_int_equal(add(h, "f", 7), 0);
	assert_true(next(h, &end));
	assert_ptr_equal(end.owner, &loop);
	assert_int_equal(end.object, 7);
	assert_string_equal(end.name, "f");
	assert_int_equal(hook_deadline(h), NSEC_NEVER);
	end.name = NULL;
	hook_free(h);
	return end;
}

static void ends_are_told(void **state)
{
	static const struct {
		const char *command, *failed;
	} cases[] = {
		{ "true", "" },
		{ "sh -c 'exit 3'", "exit 3" },
		{ "sh -c 'kill -9 $$'", "signal 9" },
		{ "sh -c 'kill -PIPE $$'", "signal 13" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(run(cases[i].command, NSEC_PER_SEC * 60).failed,
				    cases[i].failed);
}

static void what_can_not_be_run_is_told(void **state)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/no-program", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0700);
	assert_int_equal(write(fd, "echo\n", 5), 5);
	close(fd);
	assert_string_equal(run(path, NSEC_PER_SEC).failed, "cannot be run: Exec format error");
	unlink(path);
}

/* Also a shell's child, and one that does not want to. */
static void who_takes_too_long_is_ended(void **state)
{
	struct hook_end end = run("sh -c 'sleep 1000; true'", 50 * NSEC_PER_MSEC);

	assert_string_equal(end.failed, "not done within 0.05 s");
	assert_true(end.time < 5 * NSEC_PER_SEC);
	end = run("sh -c 'trap \"\" TERM; while :; do sleep 1; done'", 50 * NSEC_PER_MSEC);
	assert_string_equal(end.failed, "not done within 0.05 s");
	assert_true(end.time > 5 * NSEC_PER_SEC);
}

static void mistakes_in_the_command(void **state)
{
	struct hook_conf hc = { .command = "sh -c 'x" };
	struct hook *h;

	assert_int_equal(hook_new(&h, &hc), -EINVAL);
	hc.command = "/no/such/program";
	assert_int_equal(hook_new(&h, &hc), -ENOENT);
	hc.command = "/etc/passwd";
	assert_int_equal(hook_new(&h, &hc), -EACCES);
}

static void assert_file(const char *name, const char *want)
{
	char path[64], *got;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_read(path, 65536, &got, &len), 0);
	assert_string_equal(got, want);
	free(got);
	unlink(path);
}

#define HEX8 "abababababababab"

static void it_is_told_what_came(void **state)
{
	const struct hook_origin from = origin();
	uint8_t digest[32];
	struct hook_news news = { &from,      "0123", "d/$(x) `y`\n;z", "d/$(x) `y`\n;z",
				  "verified", digest, 1234567890123 };
	struct hook_end end;
	char command[400];
	struct hook *h;

	memset(digest, 0xab, sizeof(digest));
	setenv("SOW_SECRET", "x", 1);
	setenv("OURS", "kept", 1);
	snprintf(command, sizeof(command),
		 "sh -c 'printf %%s \"$SOW_NAME|$SOW_PATH|$SOW_JOB|$SOW_SIZE|$SOW_STATUS|"
		 "$SOW_DIGEST|$SOW_PEERADDR|$SOW_PEERPORT|$SOW_LOCADDR|$SOW_DSTADDR|$SOW_IF|"
		 "${SOW_SECRET-unset}|$OURS\" >%s/env'",
		 dir);
	h = open_hook(command, 1, NSEC_PER_SEC * 60);
	assert_int_equal(hook_add(h, &news, NULL, 0), 0);
	assert_true(next(h, &end));
	assert_file(
		"env",
		"d/$(x) `y`\n;z|/srv/feed/d/$(x) `y`\n;z|0123|1234567890123|verified|" HEX8 HEX8
			HEX8 HEX8 "|192.0.2.1|4711|192.0.2.2|239.255.83.87|lo|unset|kept");
	news.path = "";
	news.job = NULL;
	news.digest = NULL;
	assert_int_equal(hook_add(h, &news, NULL, 0), 0);
	assert_true(next(h, &end));
	assert_file("env", "d/$(x) `y`\n;z|/srv/feed||1234567890123|verified||192.0.2.1|4711|"
			   "192.0.2.2|239.255.83.87|lo|unset|kept");
	hook_free(h);
}

/* Nothing of ours but standard error, and signals as they were. A shell that waits for a
 * program blocks signals of its own, so it looks itself. */
static void it_inherits_nothing(void **state)
{
	int fd = dup2(STDERR_FILENO, 40); /* without FD_CLOEXEC */
	char command[400];
	struct hook_end end;

	assert_int_equal(fd, 40);
	snprintf(command, sizeof(command),
		 "sh -c 'test ! -e /proc/$$/fd/40 && test /proc/$$/fd/1 -ef /proc/$$/fd/2 && "
		 "test /proc/$$/fd/0 -ef /dev/null && "
		 "while read -r key value; do [ $key != SigBlk: ] || blocked=$value; done "
		 "</proc/$$/status && [ $blocked = 0000000000000000 ]'");
	end = run(command, NSEC_PER_SEC * 60);
	close(fd);
	assert_string_equal(end.failed, "");
}

static unsigned count_of(const char *name)
{
	char path[64], *got;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_read(path, 65536, &got, &len) < 0)
		return 0;
	free(got);
	return (unsigned)len;
}

/* Each says that it is there, and waits for the word; so it can be seen how many there are. */
static void so_many_at_a_time(void **state)
{
	char command[200], gate[64], there[64];
	struct hook_end end;
	struct loop_event ev;
	struct hook *h;
	int fd;

	snprintf(gate, sizeof(gate), "%s/gate", dir);
	snprintf(there, sizeof(there), "%s/there", dir);
	assert_int_equal(mkfifo(gate, 0600), 0);
	fd = open(gate, O_RDWR);
	snprintf(command, sizeof(command), "sh -c 'printf x >>%s; read x <%s'", there, gate);
	h = open_hook(command, 2, NSEC_PER_SEC * 60);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(add(h, "f", i), 0);
	hook_go(h, clock_now());
	while (count_of("there") < 2)
		loop_wait(loop, clock_now() + NSEC_PER_MSEC, &ev, 1);
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(count_of("there"), MIN(i + 1, 5));
		assert_int_equal(write(fd, "\n", 1), 1);
		assert_true(next(h, &end));
		hook_go(h, clock_now());
		while (count_of("there") < MIN(i + 2, 5))
			loop_wait(loop, clock_now() + NSEC_PER_MSEC, &ev, 1);
	}
	assert_false(hook_take(h, &end));
	hook_free(h);
	close(fd);
	unlink(gate);
	unlink(there);
}

static void not_too_many_wait(void **state)
{
	struct hook *h = open_hook("true", 1, NSEC_PER_SEC);

	for (unsigned i = 0; i < HOOK_WAITING_MAX; i++)
		assert_int_equal(add(h, "f", i), 0);
	assert_int_equal(add(h, "f", 0), -ENOBUFS);
	hook_free(h);
}

static int begin(void **state)
{
	static const int child = SIGCHLD;

	memcpy(dir, "/tmp/sow-hook-XXXXXX", sizeof(dir));
	signal(SIGPIPE, SIG_IGN);
	return !mkdtemp(dir) || loop_new(&loop) < 0 || loop_catch(loop, &child, 1) < 0;
}

/* Fails when anything is left. */
static int end(void **state)
{
	loop_free(loop);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_told),
		cmocka_unit_test(what_can_not_be_run_is_told),
		cmocka_unit_test(who_takes_too_long_is_ended),
		cmocka_unit_test(mistakes_in_the_command),
		cmocka_unit_test(it_is_told_what_came),
		cmocka_unit_test(it_inherits_nothing),
		cmocka_unit_test(so_many_at_a_time),
		cmocka_unit_test(not_too_many_wait),
	};

	return cmocka_run_group_tests_name("hook", tests, begin, end);
}
