/* cidr.c - a range of addresses: "192.0.2.0/24". */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/cidr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* At most three digits, nothing else. */
static int parse_bits(const char *text, unsigned max, unsigned *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned v = 0;

	if (n < 1 || n > 3 || text[n])
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(text[i] - '0');
	if (v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

int cidr_parse(struct cidr *ret, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char host[ADDR_TEXT];
	struct cidr c;

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = 0;
	/* a port or brackets have no place here: addr_parse() would take them */
	if (host[0] == '[' || addr_parse(&c.net, host, 0) < 0 || addr_port(&c.net))
		return -EINVAL;
	addr_bytes(&c.net, &n);
	c.bits = (unsigned)n * 8;
	if (slash && parse_bits(slash + 1, c.bits, &c.bits) < 0)
		return -EINVAL;
	*ret = c;
	return 0;
}

bool cidr_has(const struct cidr *c, const struct addr *a)
{
	size_t n, m;
	const uint8_t *x = addr_bytes(&c->net, &n), *y = addr_bytes(a, &m);
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (n != m || n == 0 || memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || ((x[whole] ^ y[whole]) >> (8 - rest)) == 0;
}

bool cidr_allows(const struct cidr *list, size_t n, const struct addr *a)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (cidr_has(&list[i], a))
			return true;
	return false;
}
