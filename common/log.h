/* log.h - one line on stderr for people, and in a file; never from a loop over packets. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#define LOG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO, /* the level at the start */
	LOG_LEVEL_DEBUG,
};

/* The names of the levels in their order, ended by NULL; fits struct opt's `choices`. */
extern const char *const log_level_names[];

/* The program's name in front of each line ("sow: ..."); not copied, NULL: none. */
void log_init(const char *name);

/* Lines above this level are not written to stderr. */
void log_set_level(enum log_level level);

/*
 * Keeps lines up to this level also in a file, to which they are appended with the time, and
 * with syslog(3). NULL: no file; false: no syslog. 0, or -errno of the file. log_close() ends
 * it.
 */
int log_keep(const char *path, bool with_syslog, enum log_level level);
void log_close(void);

/* A line only for what log_keep() asks for: people see it elsewhere. */
void log_record(const char *fmt, ...) LOG_PRINTF(1, 2);

/*
 * Writes "NAME: " and the text, then ": " and the text of the error when `r` is a negative
 * errno. Returns `r`, so that a caller can say what it was doing and give up in one statement:
 *
 *	return log_err(r, "join %s on %s", group, ifname);
 *
 * The line leaves in one write, is cut at 1 KiB, and control characters in it and what is no
 * UTF-8 (a name from the network, say) become \xNN. errno is kept.
 */
int log_err(int r, const char *fmt, ...) LOG_PRINTF(2, 3);
int log_warn(int r, const char *fmt, ...) LOG_PRINTF(2, 3);
void log_info(const char *fmt, ...) LOG_PRINTF(1, 2);
void log_debug(const char *fmt, ...) LOG_PRINTF(1, 2);

/* Called before each line that is written: a progress bar takes itself off the screen. NULL:
 * nothing to call. */
void log_before_line(void (*fn)(void *arg), void *arg);

#endif
