/* loop.h - waits for sockets, one deadline, signals and wake-ups; calls nothing back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* What is ready, and what to wait for, as bits. */
enum loop_bits {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_ERROR = 4, /* reported without being asked for; reading or writing tells which */
};

/* Tags that the loop itself reports; those of file descriptors are smaller. */
#define LOOP_TAG_SIGNAL (UINT32_MAX - 1)
#define LOOP_TAG_WAKE   UINT32_MAX

struct loop_event {
	uint32_t tag;   /* as given to loop_add(), or LOOP_TAG_* */
	uint32_t ready; /* enum loop_bits */
	int signo;      /* LOOP_TAG_SIGNAL: which */
};

#define LOOP_NEVER INT64_MAX

struct loop;

/* -ENOMEM, -EMFILE, ... */
int loop_new(struct loop **ret);
/* Closes what the loop opened, not what was added; signals are deliverable again. */
void loop_free(struct loop *l);

/* Waits for `bits` of fd (level-triggered) and reports them under `tag`. 0, -EEXIST, -EPERM (a
 * regular file: always ready), -errno. */
int loop_add(struct loop *l, int fd, uint32_t bits, uint32_t tag);
/* Changes what is waited for; 0 bits: only errors. -ENOENT. */
int loop_change(struct loop *l, int fd, uint32_t bits, uint32_t tag);
/* Before the fd is closed. */
void loop_remove(struct loop *l, int fd);

/*
 * From now on these signals arrive as events and not as signals: they are blocked in the
 * calling thread and in threads that it starts later. SIGHUP is left alone when it is ignored.
 * 0; -EALREADY (once for each loop), -errno.
 */
int loop_catch(struct loop *l, const int *signals, size_t n);

/* Makes loop_wait() return LOOP_TAG_WAKE soon, once for any number of calls; from any thread or
 * signal handler. */
void loop_wake(struct loop *l);

/*
 * Sleeps until something is ready or the clock (clock_now(), nanoseconds) reaches `deadline`:
 * LOOP_NEVER waits for ever, the past not at all, and the precision is the kernel's
 * high-resolution timer's. Returns how many events are in ret[0..cap), 0 when only the deadline
 * passed; cap >= 1. -EINTR (a signal that was not caught), -errno.
 */
int loop_wait(struct loop *l, int64_t deadline, struct loop_event *ret, size_t cap);

#endif
