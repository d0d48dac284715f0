/* sockopt.h - socket options as lists. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_SOCKOPT_H
#define COMMON_SOCKOPT_H

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

/* An option whose value is an int, as nearly all are. */
struct sockopt {
	int level, name, value;
};

/* 0 or -errno. */
static inline int sockopt_set(int fd, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, level, name, value, len) < 0 ? -errno : 0;
}

static inline int sockopt_set_int(int fd, struct sockopt o)
{
	return sockopt_set(fd, o.level, o.name, &o.value, sizeof(o.value));
}

/* Sets n options in order; 0, or -errno of the first that is refused. */
static inline int sockopt_set_all(int fd, const struct sockopt *o, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = sockopt_set_int(fd, o[i]);
	return r;
}

#endif
