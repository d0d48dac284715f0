/* addr.c - an IPv4 or IPv6 address with a port. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decimal digits only: strtoul() alone would take " +7" and "-1". */
static int parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long v;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned long v;

	if (parse_number(text, UINT16_MAX, &v) < 0 || v == 0)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

static int parse_zone(const char *text, uint32_t *ret)
{
	unsigned long v = if_nametoindex(text);

	if (v == 0 && (parse_number(text, UINT32_MAX, &v) < 0 || v == 0))
		return -ENODEV;
	*ret = (uint32_t)v;
	return 0;
}

static int parse_v4(struct addr *ret, const char *host, uint16_t port)
{
	struct addr a = { .in = { .sin_family = AF_INET, .sin_port = htons(port) } };

	if (inet_pton(AF_INET, host, &a.in.sin_addr) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

/* `host` is the caller's copy: the zone is cut off in place. */
static int parse_v6(struct addr *ret, char *host, uint16_t port)
{
	struct addr a = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	char *zone = strchr(host, '%');

	if (zone)
		*zone++ = 0;
	if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) != 1)
		return -EINVAL;
	if (zone && parse_zone(zone, &a.in6.sin6_scope_id) < 0)
		return -ENODEV;
	*ret = a;
	return 0;
}

/* "v6]" or "v6]:port", what follows the opening bracket. */
static int parse_bracketed(struct addr *ret, char *host, uint16_t port)
{
	char *end = strchr(host, ']');

	if (!end)
		return -EINVAL;
	*end++ = 0;
	if (*end && (*end != ':' || parse_port(end + 1, &port) < 0))
		return -EINVAL;
	return parse_v6(ret, host, port);
}

int addr_parse(struct addr *ret, const char *text, uint16_t port)
{
	char host[ADDR_TEXT], *colon;
	size_t len = strlen(text);

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len + 1);
	if (host[0] == '[')
		return parse_bracketed(ret, host + 1, port);
	colon = strchr(host, ':');
	if (colon && strchr(colon + 1, ':'))
		return parse_v6(ret, host, port);
	if (colon) {
		*colon = 0;
		if (parse_port(colon + 1, &port) < 0)
			return -EINVAL;
	}
	return parse_v4(ret, host, port);
}

const char *addr_format_host(const struct addr *a, char buf[static ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN], zone[IF_NAMESIZE];
	size_t len;

	if (!addr_bytes(a, &len)) {
		snprintf(buf, ADDR_TEXT, "none");
		return buf;
	}
	inet_ntop(a->sa.sa_family, addr_bytes(a, &len), host, sizeof(host));
	if (a->sa.sa_family == AF_INET || !a->in6.sin6_scope_id)
		snprintf(buf, ADDR_TEXT, "%s", host);
	else if (if_indextoname(a->in6.sin6_scope_id, zone))
		snprintf(buf, ADDR_TEXT, "%s%%%s", host, zone);
	else
		snprintf(buf, ADDR_TEXT, "%s%%%u", host, a->in6.sin6_scope_id);
	return buf;
}

const char *addr_format(const struct addr *a, char buf[static ADDR_TEXT])
{
	char host[ADDR_TEXT];
	const char *form = a->sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u";

	if (addr_port(a) == 0)
		return addr_format_host(a, buf);
	addr_format_host(a, host);
	/* host is at most INET6_ADDRSTRLEN + IF_NAMESIZE: brackets and port still fit */
	if (snprintf(buf, ADDR_TEXT, form, host, addr_port(a)) >= ADDR_TEXT)
		buf[ADDR_TEXT - 1] = 0;
	return buf;
}

socklen_t addr_len(const struct addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return sizeof(a->in);
	case AF_INET6:
		return sizeof(a->in6);
	default:
		return 0;
	}
}

sa_family_t addr_family(const struct addr *a)
{
	return a->sa.sa_family;
}

uint16_t addr_port(const struct addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

const uint8_t *addr_bytes(const struct addr *a, size_t *ret_len)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		*ret_len = 4;
		return (const uint8_t *)&a->in.sin_addr;
	case AF_INET6:
		*ret_len = 16;
		return a->in6.sin6_addr.s6_addr;
	default:
		*ret_len = 0;
		return NULL;
	}
}

struct addr addr_any(sa_family_t family, uint16_t port)
{
	struct addr a = { 0 };

	a.sa.sa_family = family;
	addr_set_port(&a, port);
	return a;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	size_t n, m;
	const uint8_t *x = addr_bytes(a, &n), *y = addr_bytes(b, &m);

	if (n != m || (n && memcmp(x, y, n) != 0))
		return false;
	return a->sa.sa_family != AF_INET6 || !a->in6.sin6_scope_id || !b->in6.sin6_scope_id ||
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_port(a) == addr_port(b) && addr_same_host(a, b);
}

bool addr_is_multicast(const struct addr *a)
{
	size_t n;
	const uint8_t *b = addr_bytes(a, &n);

	return (n == 4 && b[0] >> 4 == 0xe) || (n == 16 && b[0] == 0xff);
}

bool addr_is_ssm(const struct addr *a)
{
	size_t n;
	const uint8_t *b = addr_bytes(a, &n);

	return (n == 4 && b[0] == 232) ||
	       (n == 16 && b[0] == 0xff && b[1] >> 4 == 3 && b[2] == 0 && b[3] == 0);
}

bool addr_is_broadcast(const struct addr *a)
{
	return a->sa.sa_family == AF_INET && a->in.sin_addr.s_addr == INADDR_BROADCAST;
}
