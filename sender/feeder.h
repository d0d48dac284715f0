/* feeder.h - serves what the session asks for, file bytes and parity, at once or by threads. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_FEEDER_H
#define SENDER_FEEDER_H

#include "common/worker.h"
#include "sender/job.h"

struct feeder;

/* n_threads: 0, WORKER_AUTO, ... The job and the session are borrowed. -ENOMEM, what
 * worker_new() says. */
int feeder_new(struct feeder **ret, uint32_t n_threads, struct loop *loop);
/* Ends the threads; what waits is not served. Before the session and the job. NULL is fine. */
void feeder_free(struct feeder *f);

/*
 * Takes back what was served, and serves or hands out what the session asks for, and what the
 * job wants hashed; loop_wake() tells when there is something to take back. True: some was
 * hashed, and job_feed() and another call may have more to do.
 */
bool feeder_serve(struct feeder *f, struct tx *tx, struct job *job, nsec_t now);
/* Whether the loop has more to send than it can: then small work is left to threads. */
void feeder_rush(struct feeder *f, bool rushed);

#endif
