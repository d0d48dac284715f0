/* log.c - one line on stderr for people; never from a loop over packets. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/log.h"
#include "common/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

const char *const log_level_names[] = {
	[LOG_LEVEL_ERR] = "error",   [LOG_LEVEL_WARN] = "warning", [LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_DEBUG + 1] = NULL,
};

static const char *prog;
static enum log_level max_level = LOG_LEVEL_INFO;
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

static void write_line(int r, const char *fmt, va_list ap) LOG_PRINTF(2, 0);

static void write_line(int r, const char *fmt, va_list ap)
{
	char text[LINE_MAX_LEN], line[LINE_MAX_LEN + 2];
	int saved = errno, n = 0;

	if (prog)
		n = snprintf(text, sizeof(text), "%s: ", prog);
	if (n >= 0 && (size_t)n < sizeof(text))
		n += vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	if (r < 0 && n >= 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(-r));

	size_t len = utf8_escape(line, sizeof(line) - 1, text, strlen(text));
	line[len++] = '\n';
	if (before_line)
		before_line(before_arg);
	/* Nobody is left to be told when stderr cannot be written. */
	if (write(STDERR_FILENO, line, len) < 0)
		errno = saved;
	errno = saved;
}

int log_err(int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(r, fmt, ap);
	va_end(ap);
	return r;
}

int log_warn(int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (max_level >= LOG_LEVEL_WARN)
		write_line(r, fmt, ap);
	va_end(ap);
	return r;
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (max_level >= LOG_LEVEL_INFO)
		write_line(0, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (max_level >= LOG_LEVEL_DEBUG)
		write_line(0, fmt, ap);
	va_end(ap);
}
