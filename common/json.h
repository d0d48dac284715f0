/* json.h - one JSON object in a line, for scripts that read our standard output. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_LINE_MAX 8192

/*
 * A value; start with json_begin(), add members, end with json_write() or json_end():
 *
 *	struct json j;
 *
 *	json_begin(&j, "complete");
 *	json_text(&j, "name", name, name_len);
 *	json_u64(&j, "bytes", size);
 *	r = json_write(&j, STDOUT_FILENO);
 *
 * writes {"event":"complete","name":"image.iso","bytes":1048576}. Keys are constants of ours
 * and need no escape. What does not fit makes the line fail as a whole, never half of it.
 */
struct json {
	size_t len;
	bool full;
	char line[JSON_LINE_MAX];
};

void json_begin(struct json *j, const char *event);
void json_string(struct json *j, const char *key, const char *value); /* NULL: null */
/* Any bytes: what is no valid UTF-8 becomes U+FFFD, a byte at a time. */
void json_text(struct json *j, const char *key, const char *bytes, size_t len);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_real(struct json *j, const char *key, double value); /* not finite: null */
void json_bool(struct json *j, const char *key, bool value);

/* Closes the object and the line; the text and its length, or -ENOSPC. */
int json_end(struct json *j, const char **ret, size_t *ret_len);

/* json_end(), then one write of the line. 0 or -errno. */
int json_write(struct json *j, int fd);

#endif
