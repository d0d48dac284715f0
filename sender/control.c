/* control.c - a Unix socket that takes commands, a line each, and answers them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

#define OUT_MAX  16384 /* of answers that were not read */
#define BACKLOG  16
#define TOO_LONG "{\"event\":\"answer\",\"ok\":false,\"error\":\"that line is too long\"}\n"

struct client {
	int fd;       /* -1: nobody */
	bool ended;   /* it sends no more */
	bool writing; /* the loop waits until it reads */
	size_t in_len, out_len;
	char in[COMMAND_LINE_MAX + 1], out[OUT_MAX];
};

struct control {
	struct loop *loop;
	uint32_t tag; /* of the listening socket; clients have the next ones */
	int fd;
	struct sockaddr_un addr; /* "": nothing to be removed */
	dev_t dev;               /* of our socket, */
	ino_t ino;               /* which alone is to be removed */
	unsigned taken;          /* bytes of the line that was handed out, */
	unsigned from;           /* by this client */
	struct client client[CONTROL_CLIENTS];
};

/* --- the socket --- */

/* Whether a process listens there. */
static bool is_alive(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive =
		fd >= 0 && (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
			    errno != ECONNREFUSED);

	close_fd(&fd);
	return alive;
}

/* Of nobody but us: no other user may connect, at no time. */
static int bind_private(int fd, const struct sockaddr_un *addr)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;

	umask(before);
	return r;
}

static int bind_there(struct control *c)
{
	struct stat st;
	int r = bind_private(c->fd, &c->addr);

	if (r != -EADDRINUSE)
		return r;
	if (lstat(c->addr.sun_path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return log_err(0, "--control %s: is no socket; give another name",
			       c->addr.sun_path),
		       -EEXIST;
	if (is_alive(&c->addr))
		return log_err(0, "--control %s: another process listens there",
			       c->addr.sun_path),
		       -EEXIST;
	if (unlink(c->addr.sun_path) < 0)
		return -errno;
	return bind_private(c->fd, &c->addr);
}

static int open_socket(struct control *c, const char *path)
{
	struct stat st;
	int r;

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	memcpy(c->addr.sun_path, path, strlen(path));
	r = bind_there(c);
	if (r < 0) {
		c->addr.sun_path[0] = '\0';
		return r;
	}
	if (lstat(path, &st) < 0 || listen(c->fd, BACKLOG) < 0)
		return -errno;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	return loop_add(c->loop, c->fd, LOOP_READ, c->tag);
}

int control_new(struct control **ret, const char *path, struct loop *loop, uint32_t first_tag)
{
	struct control *c;
	int r = 0;

	if (strlen(path) >= sizeof(c->addr.sun_path))
		return log_err(0, "--control %s: a socket's name has at most %zu bytes", path,
			       sizeof(c->addr.sun_path) - 1),
		       -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return log_err(-ENOMEM, "--control");
	*c = (struct control){
		.loop = loop, .tag = first_tag, .fd = -1, .addr.sun_family = AF_UNIX
	};
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
	r = open_socket(c, path);
	if (r == 0) {
		*ret = c;
		return 0;
	}
	if (r != -EEXIST)
		log_err(r, "--control %s", path);
	control_free(c);
	return r;
}

/* --- clients --- */

static void let_go(struct control *c, struct client *cl)
{
	if (cl->fd < 0)
		return;
	loop_remove(c->loop, cl->fd);
	close_fd(&cl->fd);
	cl->in_len = cl->out_len = 0;
	if (cl == &c->client[c->from])
		c->taken = 0;
}

static void welcome(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	unsigned i = 0;

	if (fd < 0)
		return;
	while (i < CONTROL_CLIENTS && c->client[i].fd >= 0)
		i++;
	if (i == CONTROL_CLIENTS || loop_add(c->loop, fd, LOOP_READ, c->tag + 1 + i) < 0) {
		close_fd(&fd);
		return;
	}
	c->client[i] = (struct client){ .fd = fd };
}

static void send_out(struct control *c, struct client *cl)
{
	ssize_t n = 0;

	while (cl->out_len && n >= 0) {
		n = send(cl->fd, cl->out, cl->out_len, MSG_NOSIGNAL);
		if (n > 0) {
			cl->out_len -= (size_t)n;
			memmove(cl->out, cl->out + n, cl->out_len);
		}
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		let_go(c, cl);
		return;
	}
	if (cl->writing != (cl->out_len > 0)) {
		cl->writing = !cl->writing;
		loop_change(c->loop, cl->fd,
			    (cl->ended ? 0 : LOOP_READ) | (cl->writing ? LOOP_WRITE : 0),
			    c->tag + 1 + (uint32_t)(cl - c->client));
	}
}

static void put_out(struct control *c, struct client *cl, const char *text, size_t len)
{
	if (cl->fd < 0)
		return;
	if (len > sizeof(cl->out) - cl->out_len) {
		let_go(c, cl);
		return;
	}
	memcpy(cl->out + cl->out_len, text, len);
	cl->out_len += len;
	send_out(c, cl);
}

static void read_in(struct control *c, struct client *cl)
{
	ssize_t n = recv(cl->fd, cl->in + cl->in_len, sizeof(cl->in) - cl->in_len, 0);

	if (n > 0) {
		cl->in_len += (size_t)n;
	} else if (n == 0) {
		cl->ended = true;
		loop_change(c->loop, cl->fd, cl->writing ? LOOP_WRITE : 0,
			    c->tag + 1 + (uint32_t)(cl - c->client));
	} else if (errno != EAGAIN && errno != EINTR) {
		let_go(c, cl);
	}
}

void control_event(struct control *c, const struct loop_event *ev)
{
	struct client *cl;

	if (!c || ev->tag < c->tag || ev->tag >= c->tag + CONTROL_TAGS)
		return;
	if (ev->tag == c->tag) {
		welcome(c);
		return;
	}
	cl = &c->client[ev->tag - c->tag - 1];
	if (cl->fd >= 0 && (ev->ready & LOOP_WRITE))
		send_out(c, cl);
	if (cl->fd >= 0 && !cl->ended && (ev->ready & (LOOP_READ | LOOP_ERROR)))
		read_in(c, cl);
	else if (cl->fd >= 0 && (ev->ready & LOOP_ERROR))
		let_go(c, cl);
}

/* --- lines --- */

static void forget_line(struct control *c)
{
	struct client *cl = &c->client[c->from];

	if (cl->fd >= 0 && c->taken) {
		cl->in_len -= c->taken;
		memmove(cl->in, cl->in + c->taken, cl->in_len);
	}
	c->taken = 0;
}

/* The length of the client's next line, -1: none. */
static int line_len(struct control *c, struct client *cl)
{
	char *end;

	if (cl->fd < 0)
		return -1;
	end = memchr(cl->in, '\n', cl->in_len);
	if (end)
		return (int)(end - cl->in);
	if (cl->in_len > COMMAND_LINE_MAX) {
		put_out(c, cl, TOO_LONG, sizeof(TOO_LONG) - 1);
		let_go(c, cl);
	} else if (cl->ended && cl->in_len) {
		return (int)cl->in_len;
	} else if (cl->ended && !cl->out_len) {
		let_go(c, cl);
	}
	return -1;
}

bool control_line(struct control *c, const char **ret, size_t *ret_len)
{
	if (!c)
		return false;
	forget_line(c);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *cl = &c->client[i];
		int len = line_len(c, cl);

		if (len < 0)
			continue;
		c->from = i;
		c->taken = (unsigned)len + ((size_t)len < cl->in_len); /* its end, too */
		*ret = cl->in;
		*ret_len = (size_t)len;
		return true;
	}
	return false;
}

void control_answer(struct control *c, const char *text, size_t len)
{
	put_out(c, &c->client[c->from], text, len);
}

void control_free(struct control *c)
{
	struct stat st;

	if (!c)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		let_go(c, &c->client[i]);
	if (c->addr.sun_path[0] && lstat(c->addr.sun_path, &st) == 0 && st.st_dev == c->dev &&
	    st.st_ino == c->ino)
		unlink(c->addr.sun_path);
	close_fd(&c->fd);
	free(c);
}
