/* control.c - tests of sender/control: a real socket, several clients. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "sender/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TAG 40

static char dir[sizeof("/tmp/sow-control-XXXXXX")], path[64];

struct desk {
	struct loop *loop;
	struct control *control;
};

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-control-XXXXXX", sizeof(dir));
	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

static void desk_init(struct desk *d)
{
	assert_int_equal(loop_new(&d->loop), 0);
	assert_int_equal(control_new(&d->control, path, d->loop, TAG), 0);
}

static void desk_fini(struct desk *d)
{
	control_free(d->control);
	loop_free(d->loop);
	assert_int_equal(access(path, F_OK), -1);
}

static int client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Everything that is ready now; each line is echoed in brackets. How many there were. */
static unsigned serve(struct desk *d)
{
	struct loop_event ev[8];
	const char *line;
	unsigned lines = 0;
	size_t len;
	int n;

	while ((n = loop_wait(d->loop, clock_now() + 10000000, ev, 8)) > 0) {
		for (int i = 0; i < n; i++)
			control_event(d->control, &ev[i]);
		while (control_line(d->control, &line, &len)) {
			char answer[COMMAND_LINE_MAX + 4];
			int used = snprintf(answer, sizeof(answer), "[%.*s]\n", (int)len, line);

			control_answer(d->control, answer, (size_t)used);
			lines++;
		}
	}
	return lines;
}

static void assert_heard(int fd, const char *text)
{
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

static void assert_ended(int fd)
{
	char c;

	assert_true(recv(fd, &c, 1, 0) == 0 || errno == ECONNRESET);
	close(fd);
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void lines_are_answered(void **state)
{
	struct desk d;
	struct stat st;
	int a, b;

	desk_init(&d);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	a = client();
	b = client();
	put(a, "one\ntw");
	put(b, "three\n");
	assert_int_equal(serve(&d), 2);
	assert_heard(a, "[one]\n");
	assert_heard(b, "[three]\n");
	put(a, "o\n\nfour\n");
	assert_int_equal(serve(&d), 3);
	assert_heard(a, "[two]\n[]\n[four]\n");
	close(b);
	put(a, "last");
	shutdown(a, SHUT_WR); /* its end ends the line, too */
	assert_int_equal(serve(&d), 1);
	assert_heard(a, "[last]\n");
	assert_ended(a);
	desk_fini(&d);
}

static void a_line_has_its_bound(void **state)
{
	char line[COMMAND_LINE_MAX + 2], answer[COMMAND_LINE_MAX + 8];
	struct desk d;
	int a, b;

	desk_init(&d);
	a = client();
	b = client();
	memset(line, 'x', sizeof(line));
	line[COMMAND_LINE_MAX] = '\n';
	line[COMMAND_LINE_MAX + 1] = '\0';
	snprintf(answer, sizeof(answer), "[%.*s]\n", COMMAND_LINE_MAX, line);
	put(a, line);
	assert_int_equal(serve(&d), 1);
	assert_heard(a, answer);
	line[COMMAND_LINE_MAX] = 'x';
	put(a, line);
	put(b, "fine\n");
	assert_int_equal(serve(&d), 1);
	assert_heard(b, "[fine]\n");
	assert_heard(
		a, "{\"event\":\"answer\",\"ok\":false,\"error\":\"that line is too long\"}\n");
	assert_ended(a);
	close(b);
	desk_fini(&d);
}

/* Whoever does not read is let go, and the others are none the worse. */
static void answers_have_their_bound(void **state)
{
	char lines[1001];
	struct desk d;
	int a, b, n = 0, small = 1;

	desk_init(&d);
	a = client();
	setsockopt(a, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	b = client();
	memset(lines, '\n', 1000);
	lines[1000] = '\0';
	while (send(a, lines, 1000, MSG_NOSIGNAL) > 0 && n++ < 10000)
		serve(&d);
	assert_true(n < 10000);
	put(b, "fine\n");
	assert_int_equal(serve(&d), 1);
	assert_heard(b, "[fine]\n");
	close(a);
	close(b);
	desk_fini(&d);
}

static void more_than_there_is_room_for_wait_in_vain(void **state)
{
	int fds[CONTROL_CLIENTS], more;
	struct desk d;

	desk_init(&d);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = client();
		serve(&d);
	}
	more = client();
	serve(&d);
	assert_ended(more);
	close(fds[3]);
	serve(&d);
	fds[3] = client();
	put(fds[3], "now\n");
	assert_int_equal(serve(&d), 1);
	assert_heard(fds[3], "[now]\n");
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	desk_fini(&d);
}

static void only_a_dead_socket_is_replaced(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char longer[200];
	struct control *other = NULL;
	struct stat st;
	struct desk d;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(addr.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd); /* nobody listens there any more */
	desk_init(&d);
	assert_int_equal(control_new(&other, path, d.loop, TAG + 20), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);

	unlink(path); /* a file that came instead stays */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_new(&other, path, d.loop, TAG + 20), -EEXIST);
	control_free(d.control);
	loop_free(d.loop);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(path);

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(control_new(&other, longer, NULL, TAG), -EINVAL);
	assert_int_equal(control_new(&other, "/no/such/place", NULL, TAG), -ENOENT);
	assert_null(other);
	control_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_answered),
		cmocka_unit_test(a_line_has_its_bound),
		cmocka_unit_test(answers_have_their_bound),
		cmocka_unit_test(more_than_there_is_room_for_wait_in_vain),
		cmocka_unit_test(only_a_dead_socket_is_replaced),
	};

	return cmocka_run_group_tests_name("control", tests, make_dir, remove_dir);
}
