/* pair.c - a listener and a sender to its group on one interface, for the tests of udp. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <net/if.h>
#include <poll.h>

#include "common/mcast.h"
#include "tests/unit/pair.h"

#define CAP     256
#define HDR     20
#define PAYLOAD (PAIR_SIZE - HDR)

struct addr pair_address(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text, 0) < 0)
		fail_msg("%s is an address", text);
	return a;
}

struct udp_conf pair_conf(enum udp_role role, const char *group, const char *ifname)
{
	return (struct udp_conf){
		.role = role,
		.group = pair_address(group),
		.ifindex = if_nametoindex(ifname),
		.ttl = 1,
	};
}

void pair_listen(struct udp *u, const struct udp_conf *conf)
{
	const struct mcast_membership m = { .group = conf->group, .ifindex = conf->ifindex };

	assert_int_equal(udp_open(u, conf), 0);
	assert_int_equal(mcast_join(u->fd, &m), 0);
}

void pair_open(struct pair *p, const char *group, const char *ifname, bool plain)
{
	struct udp_conf c = pair_conf(UDP_LISTEN, group, ifname);

	c.plain = plain;
	pair_listen(&p->listen, &c);
	c.role = UDP_SEND;
	assert_int_equal(udp_open(&p->send, &c), 0);
	assert_int_equal(udp_in_new(&p->in, &p->listen), 0);
	assert_int_equal(udp_out_new(&p->out, CAP), 0);
}

void pair_close(struct pair *p)
{
	udp_in_free(p->in);
	udp_out_free(p->out);
	udp_close(&p->listen);
	udp_close(&p->send);
}

static uint8_t pattern(unsigned n, size_t k)
{
	return (uint8_t)(n * 31 + k * 7 + k / 251);
}

void pair_add(struct pair *p, unsigned n, size_t len)
{
	static uint8_t payload[CAP][PAYLOAD];
	uint8_t all[PAIR_SIZE];
	size_t hdr_len = len < HDR ? len : HDR;
	const struct udp_packet packet = {
		.to = &p->listen.group,
		.hdr = all,
		.hdr_len = hdr_len,
		.payload = payload[n % CAP],
		.payload_len = len - hdr_len,
	};

	assert_true(len <= sizeof(all));
	for (size_t k = 0; k < len; k++)
		all[k] = pattern(n, k);
	memcpy(payload[n % CAP], all + hdr_len, len - hdr_len);
	assert_int_equal(udp_out_add(p->out, &packet), 0);
}

void pair_expect(struct pair *p, unsigned n, size_t len)
{
	struct udp_datagram d;

	assert_true(pair_next(p->in, &p->listen, &d));
	assert_int_equal(d.len, len);
	for (size_t k = 0; k < len; k++)
		if (d.data[k] != pattern(n, k))
			fail_msg("packet %u byte %zu", n, k);
	assert_true(addr_equal(&d.to, &p->listen.group));
	assert_int_equal(d.ifindex, p->listen.ifindex);
	assert_int_equal(addr_port(&d.from), addr_port(&p->send.local));
}

bool pair_next(struct udp_in *in, const struct udp *u, struct udp_datagram *ret)
{
	while (!udp_in_next(in, ret)) {
		if (!pair_readable(u, 2000))
			return false;
		assert_true(udp_in_read(in) >= 0);
	}
	return true;
}

bool pair_readable(const struct udp *u, int ms)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

bool pair_has_error(const struct udp *u)
{
	struct pollfd p = { .fd = u->fd };

	return poll(&p, 1, 0) == 1;
}
