/* utf8.h - is this text, and may a terminal see it? */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The length, 1 to 4, of the character at `s`, of which `len` bytes are there; 0 when they are
 * no valid UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF) or none.
 */
size_t utf8_char(const uint8_t *s, size_t len);

/* Whether a terminal may obey the character of `n` bytes at `s`: C0, DEL or C1. */
bool utf8_is_control(const uint8_t *s, size_t n);

/*
 * Any bytes as text for a terminal: those of control characters and of no valid UTF-8 become
 * \xNN. Ended by a NUL and cut, between characters, to fit `cap` >= 1 bytes. Returns its
 * length.
 */
size_t utf8_escape(char *to, size_t cap, const char *text, size_t len);

#endif
