/* utf8.c - is this text, and may a terminal see it? */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/utf8.h"

#include <stdio.h>
#include <string.h>

size_t utf8_char(const uint8_t *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n;
	uint32_t c;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc0 || s[0] >= 0xf8 || n > len)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

bool utf8_is_control(const uint8_t *s, size_t n)
{
	return (n == 1 && (s[0] < 0x20 || s[0] == 0x7f)) ||
	       (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

size_t utf8_escape(char *to, size_t cap, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t at = 0, n, room;

	for (size_t i = 0; i < len; i += n, at += room) {
		bool shown;

		n = room = utf8_char(s + i, len - i);
		shown = n > 0 && !utf8_is_control(s + i, n);
		if (!shown) { /* what follows in a longer one is no character by itself */
			n = 1;
			room = 4;
		}
		if (at + room >= cap)
			break;
		if (shown)
			memcpy(to + at, s + i, n);
		else
			snprintf(to + at, cap - at, "\\x%02x", s[i]);
	}
	to[at] = '\0';
	return at;
}
