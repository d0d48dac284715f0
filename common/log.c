/* log.c - one line on stderr for people, and in a file; never from a loop over packets. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/log.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

const char *const log_level_names[] = {
	[LOG_LEVEL_ERR] = "error",   [LOG_LEVEL_WARN] = "warning", [LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_DEBUG + 1] = NULL,
};

static const char *prog;
static enum log_level max_level = LOG_LEVEL_INFO, kept_level = LOG_LEVEL_ERR;
static int file = -1;
static bool to_syslog, short_of; /* `short_of`: the file misses a line, which was said */
static void (*before_line)(void *);
static void *before_arg;

void log_init(const char *name)
{
	prog = name;
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_before_line(void (*fn)(void *arg), void *arg)
{
	before_line = fn;
	before_arg = arg;
}

int log_keep(const char *path, bool with_syslog, enum log_level level)
{
	log_close();
	if (path) {
		file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
		if (file < 0)
			return -errno;
	}
	if (with_syslog)
		openlog(prog ? prog : "", LOG_PID, LOG_USER);
	to_syslog = with_syslog;
	short_of = false;
	kept_level = level;
	return 0;
}

void log_close(void)
{
	close_fd(&file);
	if (to_syslog)
		closelog();
	to_syslog = false;
}

/* The text, with the error behind it, safe for a terminal. Its length. */
static size_t format(char line[static LINE_MAX_LEN + 2], int r, const char *fmt, va_list ap)
{
	char text[LINE_MAX_LEN];
	int n = 0;

	if (prog)
		n = snprintf(text, sizeof(text), "%s: ", prog);
	if (n >= 0 && (size_t)n < sizeof(text))
		n += vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	if (r < 0 && n >= 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(-r));
	return utf8_escape(line, LINE_MAX_LEN + 1, text, strlen(text));
}

/* Once: nothing can be done about it in the middle of a transfer. */
static void say_short_of(int r)
{
	char line[160];

	snprintf(line, sizeof(line), "%s%sthe log file misses lines from here on: %s\n",
		 prog ? prog : "", prog ? ": " : "", strerror(-r));
	if (!short_of)
		file_write_all(STDERR_FILENO, line, strlen(line));
	short_of = true;
}

static void keep(enum log_level level, const char *line)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	char stamp[32] = "", record[LINE_MAX_LEN + 64];
	time_t now = (time_t)clock_wall();
	struct tm tm;
	int n, r;

	if (!to_syslog && file < 0)
		return;
	if (to_syslog)
		syslog(priorities[level], "%s", line + (prog ? strlen(prog) + 2 : 0));
	if (file < 0)
		return;
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S ", &tm);
	n = snprintf(record, sizeof(record), "%s%s\n", stamp, line);
	r = file_write_all(file, record, (size_t)n);
	if (r < 0)
		say_short_of(r);
}

static void write_line(enum log_level level, int r, const char *fmt, va_list ap)
	LOG_PRINTF(3, 0);

static void write_line(enum log_level level, int r, const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN + 2];
	int saved = errno;
	size_t len;

	if (level > max_level && level > kept_level)
		return;
	len = format(line, r, fmt, ap);
	if (level <= kept_level)
		keep(level, line);
	if (level <= max_level) {
		line[len++] = '\n';
		if (before_line)
			before_line(before_arg);
		file_write_all(STDERR_FILENO, line, len);
	}
	errno = saved;
}

void log_record(const char *fmt, ...)
{
	char line[LINE_MAX_LEN + 2];
	va_list ap;

	va_start(ap, fmt);
	format(line, 0, fmt, ap);
	va_end(ap);
	keep(LOG_LEVEL_INFO, line);
}

int log_err(int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(LOG_LEVEL_ERR, r, fmt, ap);
	va_end(ap);
	return r;
}

int log_warn(int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(LOG_LEVEL_WARN, r, fmt, ap);
	va_end(ap);
	return r;
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(LOG_LEVEL_INFO, 0, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(LOG_LEVEL_DEBUG, 0, fmt, ap);
	va_end(ap);
}
