/* json.c - one JSON object in a line, for scripts that read our standard output. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/json.h"
#include "common/file.h"
#include "common/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(struct json *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct json *j, const char *fmt, ...)
{
	size_t left = sizeof(j->line) - j->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(j->line + j->len, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left)
		j->full = true;
	else
		j->len += (size_t)n;
}

static void put_char(struct json *j, const uint8_t *s, size_t n)
{
	if (n == 0)
		put(j, "\\ufffd");
	else if (*s == '"' || *s == '\\')
		put(j, "\\%c", *s);
	else if (utf8_is_control(s, n))
		put(j, "\\u%04x", s[n - 1]); /* of C1, too, the last byte is the number */
	else
		put(j, "%.*s", (int)n, (const char *)s);
}

static void put_text(struct json *j, const char *bytes, size_t len)
{
	const uint8_t *s = (const uint8_t *)bytes;
	size_t n;

	put(j, "\"");
	for (size_t i = 0; i < len && !j->full; i += n ? n : 1) {
		n = utf8_char(s + i, len - i);
		put_char(j, s + i, n);
	}
	put(j, "\"");
}

void json_begin(struct json *j, const char *event)
{
	j->len = 0;
	j->full = false;
	put(j, "{\"event\":");
	put_text(j, event, strlen(event));
}

void json_text(struct json *j, const char *key, const char *bytes, size_t len)
{
	put(j, ",\"%s\":", key);
	put_text(j, bytes, len);
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (value)
		json_text(j, key, value, strlen(value));
	else
		put(j, ",\"%s\":null", key);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	put(j, ",\"%s\":%" PRIu64, key, value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	put(j, ",\"%s\":%" PRId64, key, value);
}

void json_real(struct json *j, const char *key, double value)
{
	if (isfinite(value))
		put(j, ",\"%s\":%.9g", key, value);
	else
		put(j, ",\"%s\":null", key);
}

void json_bool(struct json *j, const char *key, bool value)
{
	put(j, ",\"%s\":%s", key, value ? "true" : "false");
}

int json_end(struct json *j, const char **ret, size_t *ret_len)
{
	put(j, "}\n");
	if (j->full)
		return -ENOSPC;
	*ret = j->line;
	*ret_len = j->len;
	return 0;
}

int json_write(struct json *j, int fd)
{
	const char *line;
	size_t len;
	int r = json_end(j, &line, &len);

	return r < 0 ? r : file_write_all(fd, line, len);
}
