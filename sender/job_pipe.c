/* job_pipe.c - a job of unknown size, in parts (doc/PROTOCOL.md, "A job of unknown size"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/job_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define PART ((size_t)64 << 20) /* bytes; two of them are in memory */

/* As the shell would make it. */
static uint16_t file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return (uint16_t)(0666 & ~mask);
}

static int describe(struct job *j)
{
	const char *name = j->conf.input_name;
	int64_t now = clock_wall_ns();
	struct manifest_entry e = {
		.type = MANIFEST_FILE,
		.path = name,
		.path_len = (uint16_t)MIN(strlen(name), MANIFEST_PATH_MAX + 1),
		.mode = file_mode(),
		.mtime_sec = now / NSEC_PER_SEC,
		.mtime_nsec = (uint32_t)(now % NSEC_PER_SEC),
		.open = true,
	};
	const struct pack pack = { .m = { .n_entries = 1, .entries = &e } };
	int r = pack_encode(&pack, &j->wire);

	if (r == -EINVAL)
		log_err(0,
			"--name %s: no file can have that name; give a relative path, without "
			"\".\" and \"..\", and no part of it longer than %d bytes",
			name, MANIFEST_PART_MAX);
	else if (r < 0)
		log_err(r, "describe standard input");
	j->scanned_at = e.mtime_sec;
	return r;
}

int job_pipe_init(struct job *j)
{
	size_t part = j->conf.input_part ? j->conf.input_part : PART;
	int r;

	if (isatty(STDIN_FILENO) == 1)
		return log_err(0, "-: standard input is a terminal; let a command write to "
				  "sow, or name a file"),
		       -EINVAL;
	r = describe(j);
	if (r == 0)
		r = job_fit_name(j, j->conf.input_name);
	if (r < 0)
		return r;
	j->largest = part;
	r = input_new(&j->input, STDIN_FILENO, part);
	return r < 0 ? log_err(r, "read standard input") : 0;
}

/* Who has all so far, and may get the rest. */
static bool somebody_is_there(const struct tx *tx)
{
	for (unsigned i = 0; i < tx_n_receivers(tx); i++) {
		enum tx_rx_state state = tx_receiver(tx, i).state;

		if (state == TX_RX_ACKED || state == TX_RX_ACTIVE)
			return true;
	}
	return false;
}

/* Nobody will have the file. */
static void give_up(struct job *j, struct tx *tx, nsec_t now)
{
	tx_abort(tx, now);
	j->n_failed++;
	j->state = JOB_DONE;
}

static void send_part(struct job *j, struct tx *tx, nsec_t now)
{
	if (job_add(j, tx, now, JOBINFO_PART, j->part.len) < 0) {
		give_up(j, tx, now);
	} else if (j->part.last) {
		tx_finish(tx, now);
		j->state = JOB_DONE;
	} else {
		tx_settle(tx, now);
	}
}

/* Everybody who is there has the part before: the next one, when it has been read. */
static void next_part(struct job *j, struct tx *tx, nsec_t now)
{
	int r;

	if (!somebody_is_there(tx)) {
		log_err(0, "nobody is left who could take the rest of standard input");
		give_up(j, tx, now);
		return;
	}
	r = input_take(j->input, &j->part);
	if (r < 0) {
		log_err(r, "read standard input; nobody stores what came of it");
		give_up(j, tx, now);
	} else if (r > 0) {
		send_part(j, tx, now);
	}
}

bool job_pipe_feed(struct job *j, struct tx *tx, nsec_t now)
{
	switch (j->state) {
	case JOB_BEGIN:
		if (job_add(j, tx, now, JOBINFO_MANIFEST, j->wire.len) == 0)
			tx_settle(tx, now);
		j->state = j->broken ? JOB_DONE : JOB_CONTENT;
		break;
	case JOB_CONTENT:
		if (tx_settled(tx) && j->reads == 0)
			next_part(j, tx, now);
		break;
	case JOB_MANIFEST:
	case JOB_HASHING:
	case JOB_DIGESTS:
	case JOB_DONE:
		break;
	}
	return false;
}
