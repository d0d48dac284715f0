/* json_read.h - reads one flat JSON object, such as json.h writes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_JSON_READ_H
#define COMMON_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

/* A value of the object; the text is borrowed from the line, as it stands there. */
struct json_value {
	enum json_kind kind;
	const char *text; /* of a string: between the quotes */
	size_t len;
};

/*
 * Whether `line` is an object of names and values that are no objects or arrays themselves,
 * with nothing but blanks around it.
 */
bool json_is_flat(const char *line, size_t len);

/* The value of a name in such an object; of the first, if there are several. False: none. */
bool json_find(const char *line, size_t len, const char *name, struct json_value *ret);

/*
 * The characters of a string, ended by a NUL. Its length, or -EINVAL (no string, or a NUL in
 * it, or half a surrogate), -ENOSPC.
 */
int json_chars(const struct json_value *v, char *buf, size_t cap);

#endif
