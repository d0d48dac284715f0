/* mcast.c - tests of common/mcast: what the kernel has on its lists, and what gets through. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <net/if.h>
#include <poll.h>
#include <unistd.h>

#include "common/mcast.h"
#include "common/udp.h"
#include "tests/unit/netns.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct addr address(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text, 0) < 0)
		fail_msg("%s is an address", text);
	return a;
}

/* How many sockets include (exclude) a source, as /proc/net tells it. */
static unsigned n_filters(const struct addr *group, const struct addr *source, bool include)
{
	bool v6 = addr_family(group) == AF_INET6;
	FILE *f = fopen(v6 ? "/proc/net/mcfilter6" : "/proc/net/mcfilter", "r");
	char at[80] = "", from[80] = "", line[256];
	unsigned inc, exc, n = 0;
	size_t len;
	const uint8_t *g = addr_bytes(group, &len), *s = addr_bytes(source, &len);

	assert_non_null(f);
	for (size_t i = 0; i < len; i++) {
		snprintf(at + 2 * i, 3, "%02x", g[i]);
		snprintf(from + 2 * i, 3, "%02x", s[i]);
	}
	while (fgets(line, sizeof(line), f)) {
		const char *p = strstr(line, at);

		if (p && (p = strstr(p + strlen(at), from)) != NULL &&
		    sscanf(p + strlen(from), "%u %u", &inc, &exc) == 2)
			n += include ? inc : exc;
	}
	fclose(f);
	return n;
}

static int open_socket(const struct addr *group)
{
	int fd = socket(addr_family(group), SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/* -EADDRNOTAVAIL: it was not in the group. */
static int leave(int fd, const struct mcast_membership *m)
{
	bool v6 = addr_family(&m->group) == AF_INET6;
	struct group_req req = { .gr_interface = m->ifindex };

	memcpy(&req.gr_group, &m->group, sizeof(m->group));
	return setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_LEAVE_GROUP, &req,
			  sizeof(req)) < 0
		       ? -errno
		       : 0;
}

static void lists_reach_the_kernel(void **state)
{
	static const struct {
		const char *group, *source[3];
	} cases[] = {
		{ "232.83.87.1", { "10.83.0.7", "10.83.0.8", "192.0.2.1" } },
		{ "239.255.83.87", { "10.83.0.7", "10.83.0.8", "192.0.2.1" } },
		{ "ff3e::8387", { "fd83::7", "fd83::8", "2001:db8::1" } },
		{ "ff15::8387", { "fd83::7", "fd83::8", "2001:db8::1" } },
	};

	for (size_t i = 0; i < LEN(cases) * 2; i++) {
		struct mcast_membership m = { .group = address(cases[i / 2].group),
					      .ifindex = if_nametoindex("veth0") };
		struct addr list[3];
		bool include = i % 2 == 0;
		int fd = open_socket(&m.group);

		for (int k = 0; k < 3; k++)
			list[k] = address(cases[i / 2].source[k]);
		if (include)
			m.sources = list, m.n_sources = 3;
		else
			m.blocked = list, m.n_blocked = 3;
		if (!include && addr_is_ssm(&m.group)) {
			assert_int_equal(mcast_join(fd, &m), -EDESTADDRREQ);
			close(fd);
			continue;
		}
		assert_int_equal(mcast_join(fd, &m), 0);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(n_filters(&m.group, &list[k], include), 1);
			assert_int_equal(n_filters(&m.group, &list[k], !include), 0);
		}
		assert_int_equal(leave(fd, &m), 0);
		assert_int_equal(n_filters(&m.group, &list[0], include), 0);
		assert_int_equal(leave(fd, &m), -EADDRNOTAVAIL);
		close(fd);
	}
}

static void a_bad_membership_leaves_nothing_joined(void **state)
{
	static const struct {
		const char *group, *source[2], *blocked[2];
		unsigned ifindex;
		int error;
	} cases[] = {
		{ "192.0.2.1", {}, {}, 1, -EINVAL },
		{ "255.255.255.255", {}, {}, 1, -EINVAL },
		{ "2001:db8::1", {}, {}, 1, -EINVAL },
		{ "239.255.83.87", { "192.0.2.1" }, { "192.0.2.2" }, 1, -EINVAL },
		{ "239.255.83.87", { "2001:db8::1" }, {}, 1, -EINVAL },
		{ "ff15::8387", { "192.0.2.1" }, {}, 1, -EINVAL },
		{ "239.255.83.87", {}, { "239.1.1.1" }, 1, -EINVAL },
		{ "232.83.87.1", {}, {}, 1, -EDESTADDRREQ },
		{ "232.83.87.1", {}, { "192.0.2.1" }, 1, -EDESTADDRREQ },
		{ "ff3e::8387", {}, {}, 1, -EDESTADDRREQ },
		{ "239.255.83.87", {}, {}, 9999, -ENODEV },
		{ "239.255.83.87", { "192.0.2.1" }, {}, 9999, -ENODEV },
		{ "ff15::8387", {}, {}, 9999, -ENODEV },
		{ "239.255.83.87", { "192.0.2.1", "192.0.2.1" }, {}, 1, -EADDRINUSE },
		{ "239.255.83.87", {}, { "192.0.2.1", "192.0.2.1" }, 1, -EADDRINUSE },
		{ "ff15::8387", { "2001:db8::1", "2001:db8::1" }, {}, 1, -EADDRINUSE },
		{ "ff15::8387", {}, { "2001:db8::1", "2001:db8::1" }, 1, -EADDRINUSE },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct addr sources[2], blocked[2];
		struct mcast_membership m = { .group = address(cases[i].group),
					      .ifindex = cases[i].ifindex,
					      .sources = sources,
					      .blocked = blocked };
		int fd = open_socket(&m.group);

		for (int k = 0; k < 2 && cases[i].source[k]; k++)
			sources[m.n_sources++] = address(cases[i].source[k]);
		for (int k = 0; k < 2 && cases[i].blocked[k]; k++)
			blocked[m.n_blocked++] = address(cases[i].blocked[k]);
		assert_int_equal(mcast_join(fd, &m), cases[i].error);
		assert_int_not_equal(leave(fd, &m), 0);
		close(fd);
	}
}

/* net.ipv4.igmp_max_msf is 10 unless the test network's maker changed it. */
static void more_sources_than_the_system_allows(void **state)
{
	struct mcast_membership m = { .group = address("232.83.87.1"), .ifindex = 1 };
	struct addr list[11];
	int fd = open_socket(&m.group);

	assert_int_equal(netns_run("sysctl -qw net.ipv4.igmp_max_msf=10"), 0);
	for (unsigned i = 0; i < LEN(list); i++) {
		list[i] = address("192.0.2.1");
		list[i].in.sin_addr.s_addr += htonl(i);
	}
	m.sources = list;
	m.n_sources = 11;
	assert_int_equal(mcast_join(fd, &m), -ENOBUFS);
	assert_int_equal(n_filters(&m.group, &list[0], true), 0);
	m.n_sources = 10;
	assert_int_equal(mcast_join(fd, &m), 0);
	assert_int_equal(n_filters(&m.group, &list[9], true), 1);
	close(fd);
}

static void joining_twice_is_refused(void **state)
{
	const struct mcast_membership m[] = {
		{ .group = address("239.255.83.87"), .ifindex = 1 },
		{ .group = address("ff15::8387"), .ifindex = 1 },
	};

	for (size_t i = 0; i < LEN(m); i++) {
		int fd = open_socket(&m[i].group);

		assert_int_equal(mcast_join(fd, &m[i]), 0);
		assert_int_equal(mcast_join(fd, &m[i]), -EADDRINUSE);
		close(fd);
	}
}

static void open_listener(struct udp *u, const struct mcast_membership *m)
{
	const struct udp_conf c = { .role = UDP_LISTEN,
				    .group = m->group,
				    .ifindex = m->ifindex };

	assert_int_equal(udp_open(u, &c), 0);
	assert_int_equal(mcast_join(u->fd, m), 0);
}

static bool hears(const struct udp *u, int wait_ms)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

/*
 * Five sockets on one port of this host. The kernel gives a datagram to all of them in one go:
 * once the last to be opened and the first have it, nobody else will get it.
 */
static void only_wanted_sources_get_through(void **state)
{
	static const struct {
		const char *group, *sender, *other;
	} cases[] = {
		{ "239.255.83.87:8387", "10.83.0.1", "10.83.0.2" },
		{ "[ff15::8387]:8387", "fd83::1", "fd83::2" },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct addr sender = address(cases[i].sender), other = address(cases[i].other);
		struct mcast_membership any = { .group = address(cases[i].group),
						.ifindex = if_nametoindex("veth0") };
		struct mcast_membership from_sender = any, from_other = any, not_sender = any;
		struct udp_conf c = {
			.role = UDP_SEND, .group = any.group, .ifindex = any.ifindex, .ttl = 1
		};
		struct udp first, wanted, unwanted, blocked, last, out;

		from_sender.sources = &sender;
		from_other.sources = &other;
		not_sender.blocked = &sender;
		from_sender.n_sources = from_other.n_sources = not_sender.n_blocked = 1;
		open_listener(&first, &any);
		open_listener(&wanted, &from_sender);
		open_listener(&unwanted, &from_other);
		open_listener(&blocked, &not_sender);
		open_listener(&last, &any);
		assert_int_equal(udp_open(&out, &c), 0);
		assert_int_equal(udp_send(&out, &any.group, "x", 1), 0);
		assert_true(hears(&first, 2000) && hears(&last, 2000) && hears(&wanted, 2000));
		assert_false(hears(&unwanted, 0));
		assert_false(hears(&blocked, 0));
		udp_close(&first);
		udp_close(&wanted);
		udp_close(&unwanted);
		udp_close(&blocked);
		udp_close(&last);
		udp_close(&out);
	}
}

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static void the_way_out_is_set(void **state)
{
	int v4 = socket(AF_INET, SOCK_DGRAM, 0), v6 = socket(AF_INET6, SOCK_DGRAM, 0);

	for (int ttl = 0; ttl <= 255; ttl += 51) {
		assert_int_equal(mcast_set_ttl(v4, AF_INET, ttl), 0);
		assert_int_equal(option(v4, IPPROTO_IP, IP_MULTICAST_TTL), ttl);
		assert_int_equal(mcast_set_ttl(v6, AF_INET6, ttl), 0);
		assert_int_equal(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), ttl);
	}
	assert_int_equal(mcast_set_ttl(v4, AF_INET, -1), -EINVAL);
	assert_int_equal(mcast_set_ttl(v6, AF_INET6, 256), -EINVAL);
	for (int on = 0; on <= 1; on++) {
		assert_int_equal(mcast_set_loop(v4, AF_INET, on), 0);
		assert_int_equal(option(v4, IPPROTO_IP, IP_MULTICAST_LOOP), on);
		assert_int_equal(mcast_set_loop(v6, AF_INET6, on), 0);
		assert_int_equal(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP), on);
	}
	assert_int_equal(mcast_own_only(v4, AF_INET), 0);
	assert_int_equal(option(v4, IPPROTO_IP, IP_MULTICAST_ALL), 0);
	assert_int_equal(mcast_own_only(v6, AF_INET6), 0);
	assert_int_equal(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_ALL), 0);
	assert_int_equal(mcast_set_interface(v6, AF_INET6, if_nametoindex("veth0"), NULL), 0);
	assert_int_equal(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_IF), if_nametoindex("veth0"));
	assert_int_equal(mcast_set_interface(v4, AF_INET, 9999, NULL), -ENODEV);
	assert_int_equal(mcast_set_interface(v6, AF_INET6, 9999, NULL), -ENODEV);
	close(v4);
	close(v6);
}

static void a_ttl_beyond_the_scope_is_told(void **state)
{
	static const struct {
		const char *group;
		int ttl;
		bool beyond;
	} cases[] = {
		{ "224.0.0.251", 1, false },    { "224.0.0.251", 2, true },
		{ "239.255.83.87", 31, false }, { "239.255.83.87", 32, true },
		{ "239.192.0.1", 63, false },   { "239.192.0.1", 64, true },
		{ "232.83.87.1", 255, false },  { "224.0.1.1", 0, false },
		{ "ff01::1", 0, false },        { "ff01::1", 1, true },
		{ "ff02::1", 1, false },        { "ff12::1", 2, true },
		{ "ff15::8387", 31, false },    { "ff15::8387", 32, true },
		{ "ff3e::8387", 255, false },   { "192.0.2.1", 255, false },
	};
	struct addr group;
	char text[200];

	for (size_t i = 0; i < LEN(cases); i++) {
		group = address(cases[i].group);
		if (mcast_ttl_exceeds_scope(&group, cases[i].ttl, text, sizeof(text)) !=
		    cases[i].beyond)
			fail_msg("%s %d", cases[i].group, cases[i].ttl);
	}
	group = address("239.255.83.87:1");
	assert_true(mcast_ttl_exceeds_scope(&group, 64, text, sizeof(text)));
	assert_string_equal(
		text,
		"TTL 64 reaches beyond 239.255.83.87, a group of site scope (TTL up to 31)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_reach_the_kernel),
		cmocka_unit_test(a_bad_membership_leaves_nothing_joined),
		cmocka_unit_test(more_sources_than_the_system_allows),
		cmocka_unit_test(joining_twice_is_refused),
		cmocka_unit_test(only_wanted_sources_get_through),
		cmocka_unit_test(the_way_out_is_set),
		cmocka_unit_test(a_ttl_beyond_the_scope_is_told),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("mcast", tests, NULL, NULL);
}
