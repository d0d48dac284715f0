/* progress.h - one line that says how far it is, redrawn in place. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the line shows; a value of the caller's. */
struct progress_now {
	uint64_t done, total; /* bytes; total 0: not known */
	const char *note;     /* at the end of the line ("4 receivers"), or NULL */
};

/*
 * On a terminal the line is redrawn in place, ten times a second at most; elsewhere there is
 * none, or, when asked for, a new line every second. Public so that it can be embedded.
 */
struct progress {
	int fd;
	bool on, terminal;
	bool drawn;        /* a line is on the screen */
	int64_t redraw_at; /* not before */
	int64_t rated_at;  /* time and bytes where the present rate interval began */
	uint64_t rated_done;
	double rate; /* bytes a second, smoothed; 0: not known yet */
};

enum progress_mode { PROGRESS_AUTO, PROGRESS_NEVER, PROGRESS_ALWAYS };

void progress_init(struct progress *p, int fd, enum progress_mode mode);

/* Draws when it is time to; cheap enough for every wake-up. `now` in ns, never going back. */
void progress_show(struct progress *p, int64_t now, const struct progress_now *is);

/* Takes the line off the screen; the next progress_show() draws it again. Fits
 * log_before_line(). */
void progress_clear(void *progress);

/* Draws once more, ends the line. */
void progress_end(struct progress *p, int64_t now, const struct progress_now *is);

/* The line itself, at most `width` columns; `cap` > 0. */
void progress_format(char *buf, size_t cap, unsigned width, const struct progress_now *is,
		     double rate);

#endif
