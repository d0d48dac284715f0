/* hook.h - a program of the user's, run for each file or job that came to its end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_HOOK_H
#define RECEIVER_HOOK_H

#include "common/addr.h"
#include "proto/types.h"

#define HOOK_WAITING_MAX 4096
#define HOOK_TEXT        80
#define HOOK_OF_JOB      UINT64_MAX /* in place of an object's number */

struct hook_conf {
	const char *command; /* words_split() cuts it; borrowed, like the next */
	const char *output;  /* the directory that SOW_PATH begins with */
	unsigned parallel;   /* so many at a time */
	nsec_t timeout;      /* then it is told to end, and after 5 s made to */
};

/* Where the packets came from and where they went. */
struct hook_origin {
	struct addr peer, local, destination;
	unsigned ifindex;
};

/* What the program finds in its environment; the bytes of a name are nowhere interpreted. */
struct hook_news {
	const struct hook_origin *origin;
	const char *job;    /* id in hexadecimal; NULL: none */
	const char *name;   /* as the sender calls it */
	const char *path;   /* of what was stored, below the output directory; NULL: nothing */
	const char *status; /* file_status_name() */
	const uint8_t *digest; /* SHA256_LEN bytes; NULL: not known */
	uint64_t size;
};

/* How it ended. */
struct hook_end {
	void *owner; /* as given to hook_add() */
	uint64_t object;
	const char *name;       /* borrowed until the next hook_take() */
	char failed[HOOK_TEXT]; /* "exit 3"; empty: status 0 */
	nsec_t time;            /* it ran */
};

struct hook;

/* -EINVAL: a quote is not closed; -ENOENT, -EACCES: no program that may be run; -ENOMEM. */
int hook_new(struct hook **ret, const struct hook_conf *conf);
/* What runs is left to itself, what waits is not run. NULL is fine. */
void hook_free(struct hook *h);

/* Runs it as soon as there is room; hook_take() tells how it ended. -ENOBUFS: too many wait;
 * -ENOMEM. */
int hook_add(struct hook *h, const struct hook_news *news, void *owner, uint64_t object);

/* A SIGCHLD came: hook_go() looks who ended. */
void hook_child(struct hook *h);
/* Takes back who ended, ends who takes too long, starts who waits. Never blocks. */
void hook_go(struct hook *h, nsec_t now);
/* False: none ended. */
bool hook_take(struct hook *h, struct hook_end *ret);
/* When to call hook_go() if no SIGCHLD comes. */
nsec_t hook_deadline(const struct hook *h);

#endif
