/* entry.h - what comes before all else: the log, the lock, and for whom it is. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_ENTRY_H
#define SENDER_ENTRY_H

#include "sender/conf.h"
#include "sender/expected.h"

struct entry {
	int lock;                  /* held until it is closed; -1: none */
	struct expected *expected; /* NULL: whoever comes */
};

/* 0; 1: there is nothing to do; -errno, which was logged. entry_close() in every case. */
int entry_open(struct entry *e, const struct conf *c);
void entry_close(struct entry *e);

#endif
