/* addr.h - an IPv4 or IPv6 address with a port. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * A value in the form that the socket calls take: `&a->sa` and addr_len(a). All zero bytes
 * (AF_UNSPEC) mean "no address".
 */
struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/* Room for the text of any address: brackets, zone, port and the final 0. */
#define ADDR_TEXT 80

/*
 * Reads "192.0.2.1", "192.0.2.1:8387", "2001:db8::1", "fe80::1%eth0", "[2001:db8::1]" or
 * "[2001:db8::1]:8387"; a port that the text does not give is `port`. Names are not resolved.
 * 0, -EINVAL (no such form; a port not in 1..65535), -ENODEV (no interface of that zone).
 */
int addr_parse(struct addr *ret, const char *text, uint16_t port);

/* The address with its port in the form that addr_parse() reads; without it when the port is 0.
 * "none" for AF_UNSPEC. Returns buf. */
const char *addr_format(const struct addr *a, char buf[static ADDR_TEXT]);
/* The address alone, without brackets. Returns buf. */
const char *addr_format_host(const struct addr *a, char buf[static ADDR_TEXT]);

/* What bind(), connect() and sendto() want as length; 0 for AF_UNSPEC. */
socklen_t addr_len(const struct addr *a);
/* AF_INET, AF_INET6 or AF_UNSPEC. */
sa_family_t addr_family(const struct addr *a);
/* Host byte order. */
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/* The bytes of the address in network order, borrowed, 4 or 16 of them: *ret_len. */
const uint8_t *addr_bytes(const struct addr *a, size_t *ret_len);
/* The wildcard address of a family with a port. */
struct addr addr_any(sa_family_t family, uint16_t port);

/* Same family, address and port. Zones (scope ids) are compared only when both have one. */
bool addr_equal(const struct addr *a, const struct addr *b);
/* The same without the port. */
bool addr_same_host(const struct addr *a, const struct addr *b);

bool addr_is_multicast(const struct addr *a);
/* Multicast of the source-specific range (RFC 4607): 232/8, ff3x::/32 (RFC 3306's ff3x::/96
 * with its neighbours). */
bool addr_is_ssm(const struct addr *a);
/* 255.255.255.255. A subnet's broadcast address needs the interface: netif_broadcasts(). */
bool addr_is_broadcast(const struct addr *a);

#endif
