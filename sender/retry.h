/* retry.h - who failed in an earlier run, by its report. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_RETRY_H
#define SENDER_RETRY_H

#include "sender/expected.h"

/*
 * Adds everyone to `e` who has not everything according to the report of --report, or the
 * output of --json: by its host name, or, where that is no one's alone, by its address. How
 * many; -EINVAL: it is no such report, or tells of a failure but not whose, which was logged as
 * a mistake of --retry-failed; -ENOMEM.
 */
int retry_read(struct expected *e, const char *path);

#endif
