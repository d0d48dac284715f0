/* loop.c - waits for sockets, one deadline, signals and wake-ups; calls nothing back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/loop.h"
#include "common/file.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 32

/* What epoll carries for us: a tag of the caller's, or one of these above all tags. */
enum own {
	OWN_TIMER = 1,
	OWN_WAKE,
	OWN_SIGNAL,
};

/*
 * The deadline is a timerfd and not the timeout of epoll_wait(): that one is relative, so that
 * the clock would be read once more, and its timer has 50 us of slack.
 */
struct loop {
	int epoll, timer, wake;
	int signals;      /* -1 until loop_catch() */
	int64_t deadline; /* that the timer is set to */
	sigset_t before;  /* the mask that loop_catch() found */
};

static uint64_t own_data(enum own own)
{
	return (uint64_t)own << 32;
}

static uint32_t to_epoll(uint32_t bits)
{
	return (bits & LOOP_READ ? (uint32_t)EPOLLIN : 0) |
	       (bits & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
}

static uint32_t from_epoll(uint32_t events)
{
	return (events & EPOLLIN ? LOOP_READ : 0) | (events & EPOLLOUT ? LOOP_WRITE : 0) |
	       (events & (EPOLLERR | EPOLLHUP) ? LOOP_ERROR : 0);
}

static int control(struct loop *l, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return epoll_ctl(l->epoll, op, fd, &ev) < 0 ? -errno : 0;
}

static int open_all(struct loop *l)
{
	int r;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer < 0)
		return -errno;
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->wake < 0)
		return -errno;
	r = control(l, EPOLL_CTL_ADD, l->timer, EPOLLIN, own_data(OWN_TIMER));
	if (r == 0)
		r = control(l, EPOLL_CTL_ADD, l->wake, EPOLLIN, own_data(OWN_WAKE));
	return r;
}

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*l = (struct loop){ -1, -1, -1, -1, LOOP_NEVER };
	r = open_all(l);
	if (r < 0)
		loop_free(l);
	else
		*ret = l;
	return r;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signals >= 0)
		pthread_sigmask(SIG_SETMASK, &l->before, NULL);
	close_fd(&l->signals);
	close_fd(&l->wake);
	close_fd(&l->timer);
	close_fd(&l->epoll);
	free(l);
}

int loop_add(struct loop *l, int fd, uint32_t bits, uint32_t tag)
{
	return control(l, EPOLL_CTL_ADD, fd, to_epoll(bits), tag);
}

int loop_change(struct loop *l, int fd, uint32_t bits, uint32_t tag)
{
	return control(l, EPOLL_CTL_MOD, fd, to_epoll(bits), tag);
}

void loop_remove(struct loop *l, int fd)
{
	control(l, EPOLL_CTL_DEL, fd, 0, 0);
}

/* nohup(1) starts programs so: a terminal that goes away shall not end them. A blocked signal
 * would arrive even if it is ignored. */
static bool is_hangup_ignored(int signo)
{
	struct sigaction is;

	return signo == SIGHUP && sigaction(signo, NULL, &is) == 0 && is.sa_handler == SIG_IGN;
}

int loop_catch(struct loop *l, const int *signals, size_t n)
{
	sigset_t set;
	int r;

	if (l->signals >= 0)
		return -EALREADY;
	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		if (!is_hangup_ignored(signals[i]) && sigaddset(&set, signals[i]) < 0)
			return -errno;
	l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signals < 0)
		return -errno;
	pthread_sigmask(SIG_BLOCK, &set, &l->before);
	r = control(l, EPOLL_CTL_ADD, l->signals, EPOLLIN, own_data(OWN_SIGNAL));
	if (r < 0) {
		pthread_sigmask(SIG_SETMASK, &l->before, NULL);
		close_fd(&l->signals);
	}
	return r;
}

/* The one failure is a counter near 2^64: then a wake-up is pending anyway. */
void loop_wake(struct loop *l)
{
	int saved = errno;
	uint64_t one = 1;

	if (write(l->wake, &one, sizeof(one)) < 0)
		errno = saved;
}

/* Setting a timer also makes an expired one unready; an unchanged deadline stays as it is. */
static int set_deadline(struct loop *l, int64_t deadline)
{
	struct itimerspec t = { 0 };

	if (deadline == l->deadline)
		return 0;
	if (deadline != LOOP_NEVER) {
		int64_t at = deadline > 0 ? deadline : 1; /* 0 would stop the timer */

		t.it_value.tv_sec = at / 1000000000;
		t.it_value.tv_nsec = at % 1000000000;
	}
	if (timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &t, NULL) < 0)
		return -errno;
	l->deadline = deadline;
	return 0;
}

/* Whether the epoll event means something to the caller. */
static bool translate(struct loop *l, const struct epoll_event *ev, struct loop_event *ret)
{
	struct signalfd_siginfo info;
	uint64_t count;

	switch (ev->data.u64 >> 32) {
	case OWN_TIMER:
		return false;
	case OWN_WAKE:
		*ret = (struct loop_event){ .tag = LOOP_TAG_WAKE, .ready = LOOP_READ };
		return read(l->wake, &count, sizeof(count)) == sizeof(count);
	case OWN_SIGNAL:
		if (read(l->signals, &info, sizeof(info)) != sizeof(info))
			return false;
		*ret = (struct loop_event){ .tag = LOOP_TAG_SIGNAL,
					    .ready = LOOP_READ,
					    .signo = (int)info.ssi_signo };
		return true;
	default:
		*ret = (struct loop_event){ .tag = (uint32_t)ev->data.u64,
					    .ready = from_epoll(ev->events) };
		return true;
	}
}

int loop_wait(struct loop *l, int64_t deadline, struct loop_event *ret, size_t cap)
{
	struct epoll_event ev[EVENTS_MAX];
	int r, n = 0;

	r = set_deadline(l, deadline);
	if (r < 0)
		return r;
	r = epoll_wait(l->epoll, ev, cap < EVENTS_MAX ? (int)cap : EVENTS_MAX, -1);
	if (r < 0)
		return -errno;
	for (int i = 0; i < r; i++)
		n += translate(l, &ev[i], &ret[n]);
	return n;
}
