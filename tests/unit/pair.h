/* pair.h - a listener and a sender to its group on one interface, for the tests of udp. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_PAIR_H
#define TESTS_UNIT_PAIR_H

#include "common/udp_in.h"
#include "common/udp_out.h"

#define PAIR_V4   "239.255.83.87:8387"
#define PAIR_V6   "[ff15::8387]:8387"
#define PAIR_SIZE 2000 /* largest packet */

struct pair {
	struct udp listen, send;
	struct udp_in *in;   /* of listen */
	struct udp_out *out; /* to send by */
};

/* Any failure in here fails the test. */
struct addr pair_address(const char *text);
struct udp_conf pair_conf(enum udp_role role, const char *group, const char *ifname);
/* Opens a member of the group. */
void pair_listen(struct udp *u, const struct udp_conf *conf);
void pair_open(struct pair *p, const char *group, const char *ifname, bool plain);
void pair_close(struct pair *p);

/* Queues packet number n, whose bytes follow from n; pair_expect() wants to see it next. */
void pair_add(struct pair *p, unsigned n, size_t len);
void pair_expect(struct pair *p, unsigned n, size_t len);

/* The next datagram, waiting for as long as a loopback device may ever take. */
bool pair_next(struct udp_in *in, const struct udp *u, struct udp_datagram *ret);
/* Whether something waits to be read, now or within `ms`. */
bool pair_readable(const struct udp *u, int ms);
/* Whether the socket has an error to report, for which epoll would return at once. */
bool pair_has_error(const struct udp *u);

#endif
