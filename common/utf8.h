/* utf8.h - is this text? */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The length, 1 to 4, of the character at `s`, of which `len` bytes are there; 0 when they are
 * no valid UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF) or none.
 */
size_t utf8_char(const uint8_t *s, size_t len);

#endif
