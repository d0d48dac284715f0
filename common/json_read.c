/* json_read.c - reads one flat JSON object. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/json_read.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const char *p, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && strchr(" \t\r\n", *c->p) && *c->p)
		c->p++;
}

static bool take(struct cursor *c, char what)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != what)
		return false;
	c->p++;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind the backslash. */
static bool take_escape(struct cursor *c)
{
	if (c->p == c->end)
		return false;
	if (*c->p != 'u')
		return *c->p && strchr("\"\\/bfnrt", *c->p++);
	c->p++;
	for (int i = 0; i < 4; i++, c->p++)
		if (c->p == c->end || !is_hex(*c->p))
			return false;
	return true;
}

static bool take_string(struct cursor *c, struct json_value *ret)
{
	if (!take(c, '"'))
		return false;
	ret->kind = JSON_STRING;
	ret->text = c->p;
	while (c->p < c->end && *c->p != '"') {
		if ((unsigned char)*c->p < ' ')
			return false;
		if (*c->p++ == '\\' && !take_escape(c))
			return false;
	}
	ret->len = (size_t)(c->p - ret->text);
	return take(c, '"');
}

static bool take_word(struct cursor *c, const char *word, enum json_kind kind,
		      struct json_value *ret)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len) != 0)
		return false;
	*ret = (struct json_value){ kind, c->p, len };
	c->p += len;
	return true;
}

/* Not all that looks like a number here is one: nobody computes with it. */
static bool take_number(struct cursor *c, struct json_value *ret)
{
	*ret = (struct json_value){ JSON_NUMBER, c->p, 0 };
	while (c->p < c->end && *c->p && strchr("+-.eE0123456789", *c->p))
		c->p++;
	ret->len = (size_t)(c->p - ret->text);
	return ret->len > 0;
}

static bool take_value(struct cursor *c, struct json_value *ret)
{
	skip_blanks(c);
	if (c->p == c->end)
		return false;
	if (*c->p == '"')
		return take_string(c, ret);
	return take_word(c, "true", JSON_TRUE, ret) || take_word(c, "false", JSON_FALSE, ret) ||
	       take_word(c, "null", JSON_NULL, ret) || take_number(c, ret);
}

/* Goes through all members, to the end or, with `name`, to that one. True: it came there. */
static bool walk(struct cursor c, const char *name, struct json_value *ret)
{
	struct json_value key;

	if (!take(&c, '{'))
		return false;
	if (!name && take(&c, '}')) {
		skip_blanks(&c);
		return c.p == c.end;
	}
	do {
		if (!take_string(&c, &key) || !take(&c, ':') || !take_value(&c, ret))
			return false;
		if (name && key.len == strlen(name) && memcmp(key.text, name, key.len) == 0)
			return true;
	} while (take(&c, ','));
	if (name || !take(&c, '}'))
		return false;
	skip_blanks(&c);
	return c.p == c.end;
}

bool json_is_flat(const char *line, size_t len)
{
	struct json_value ignored;

	return walk((struct cursor){ line, line + len }, NULL, &ignored);
}

bool json_find(const char *line, size_t len, const char *name, struct json_value *ret)
{
	struct json_value found;

	if (!walk((struct cursor){ line, line + len }, name, &found))
		return false;
	*ret = found;
	return true;
}

/* --- strings --- */

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return v;
}

/* The character behind "\u"; 0 when it cannot be one. */
static uint32_t take_unicode(struct cursor *c)
{
	uint32_t high = hex4(c->p), low;

	c->p += 4;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u')
		return 0;
	low = hex4(c->p + 2);
	c->p += 6;
	return low >= 0xdc00 && low <= 0xdfff
		       ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
		       : 0;
}

static uint32_t take_char(struct cursor *c)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known;
	char e;

	if (*c->p != '\\')
		return (unsigned char)*c->p++;
	e = c->p[1];
	c->p += 2;
	if (e == 'u')
		return take_unicode(c);
	known = strchr(from, e);
	return (unsigned char)(known ? to[known - from] : e);
}

static size_t put_utf8(char buf[static 4], uint32_t v)
{
	if (v < 0x80) {
		buf[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		buf[0] = (char)(0xc0 | v >> 6);
		buf[1] = (char)(0x80 | (v & 0x3f));
		return 2;
	}
	if (v < 0x10000) {
		buf[0] = (char)(0xe0 | v >> 12);
		buf[1] = (char)(0x80 | (v >> 6 & 0x3f));
		buf[2] = (char)(0x80 | (v & 0x3f));
		return 3;
	}
	buf[0] = (char)(0xf0 | v >> 18);
	buf[1] = (char)(0x80 | (v >> 12 & 0x3f));
	buf[2] = (char)(0x80 | (v >> 6 & 0x3f));
	buf[3] = (char)(0x80 | (v & 0x3f));
	return 4;
}

int json_chars(const struct json_value *v, char *buf, size_t cap)
{
	struct cursor c = { v->text, v->text + v->len };
	size_t len = 0;

	if (v->kind != JSON_STRING)
		return -EINVAL;
	while (c.p < c.end) {
		bool raw = *c.p != '\\';
		uint32_t ch = take_char(&c);
		char utf8[4];
		size_t n = 1;

		if (ch == 0)
			return -EINVAL;
		if (raw)
			utf8[0] = (char)ch;
		else
			n = put_utf8(utf8, ch);
		if (n >= cap - len)
			return -ENOSPC;
		memcpy(buf + len, utf8, n);
		len += n;
	}
	if (cap == 0)
		return -ENOSPC;
	buf[len] = '\0';
	return (int)len;
}
