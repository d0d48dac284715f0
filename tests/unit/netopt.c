/* netopt.c - tests of common/netopt in a network of their own. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "common/netopt.h"
#include "tests/unit/netns.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct conf {
	struct netopt net;
};

static const struct opt opts[] = {
	{ .help = "Network" },
	NETOPT_OPTS(struct conf, net, "who may send"),
	NETOPT_EXCLUDE_OPT(struct conf, net),
	NETOPT_REACH_OPTS(struct conf, net),
};
static const struct opt_prog prog = { .name = "test", .opts = opts, .n_opts = LEN(opts) };

/* Parses a command line (words parted by one space), and resolves it. */
static int resolve(const char *line, enum netopt_role role, struct netplan *ret, char *error)
{
	char copy[512], *argv[32] = { (char *)"test" }, *save;
	struct conf conf = { .net = NETOPT_INIT };
	struct opt_run run;
	int argc = 1, r;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	r = opt_parse(&prog, &conf, argc, argv, &run);
	if (r < 0)
		snprintf(error, NETOPT_TEXT, "%s", run.error);
	else
		r = netopt_resolve(&conf.net, role, ret, error);
	opt_fini(&run);
	return r;
}

static void run(const char *command)
{
	if (netns_run(command) != 0)
		fail_msg("%s", command);
}

static void defaults_follow_what_was_given(void **state)
{
	static const struct {
		const char *line;
		enum netopt_role role;
		const char *group, *ifname;
		int ttl;
	} cases[] = {
		{ "", NETOPT_SENDER, "239.255.83.87:8387", "veth0", 1 },
		{ "", NETOPT_RECEIVER, "239.255.83.87:8387", "veth0", 1 },
		{ "--source self", NETOPT_SENDER, "232.83.87.1:8387", "veth0", 1 },
		{ "--source 10.83.0.1", NETOPT_SENDER, "232.83.87.1:8387", "veth0", 1 },
		{ "--source 10.9.9.9", NETOPT_RECEIVER, "232.83.87.1:8387", "veth0", 1 },
		{ "-i veth0 --source fd83::9", NETOPT_RECEIVER, "[ff3e::8387]:8387", "veth0",
		  1 },
		{ "-i fd83::1", NETOPT_SENDER, "[ff15::8387]:8387", "veth0", 1 },
		{ "-i 10.83.0.0/24", NETOPT_SENDER, "239.255.83.87:8387", "veth0", 1 },
		{ "-i lo --ttl 0", NETOPT_SENDER, "239.255.83.87:8387", "lo", 0 },
		{ "-g 239.1.2.3:99 --scope site", NETOPT_SENDER, "239.1.2.3:99", "veth0", 31 },
		{ "-g 239.1.2.3 --ttl 4", NETOPT_SENDER, "239.1.2.3:8387", "veth0", 4 },
		{ "-i veth0 -g ff02::7", NETOPT_RECEIVER, "[ff02::7%veth0]:8387", "veth0", 1 },
		{ "-g 10.83.0.255", NETOPT_SENDER, "10.83.0.255:8387", "veth0", 1 },
		{ "-g 232.1.1.1", NETOPT_SENDER, "232.1.1.1:8387", "veth0", 1 },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		char error[NETOPT_TEXT] = "", group[ADDR_TEXT];
		struct netplan p;

		if (resolve(cases[i].line, cases[i].role, &p, error) < 0)
			fail_msg("%s: %s", cases[i].line, error);
		assert_string_equal(addr_format(&p.group, group), cases[i].group);
		assert_string_equal(p.ifname, cases[i].ifname);
		assert_int_equal(p.ttl, cases[i].ttl);
		assert_int_equal(p.broadcast, strcmp(cases[i].line, "-g 10.83.0.255") == 0);
		assert_string_equal(p.note, "");
		assert_string_equal(p.warning, "");
	}
}

static void a_mistake_is_explained(void **state)
{
	static const struct {
		const char *line;
		enum netopt_role role;
		int result;
		const char *says[2];
	} cases[] = {
		{ "-i eth7", NETOPT_SENDER, -EINVAL, { "--interface eth7: no such", "veth0" } },
		{ "-i 10.83.0.9", NETOPT_SENDER, -EINVAL, { "10.83.0.9", "10.83.0.1/24" } },
		{ "-g 10.0.0.1",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "--group 10.0.0.1: neither", "239.255.83.87" } },
		{ "-g 10.83.0.255 -i lo",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "not a broadcast address of lo", "ip -br addr" } },
		{ "-g nonsense",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "--group nonsense: not an address", "ADDR:PORT" } },
		{ "-g 232.1.1.1", NETOPT_RECEIVER, -EINVAL, { "232.1.1.1", "--source ADDR" } },
		{ "--source self", NETOPT_RECEIVER, -EINVAL, { "--source self", "192.0.2.1" } },
		{ "--source 10.9.9.9",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "10.83.0.1 (veth0)", "self" } },
		{ "--source 239.1.1.1",
		  NETOPT_RECEIVER,
		  -EINVAL,
		  { "--source 239.1.1.1", "" } },
		{ "--exclude fd83::2",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "--exclude fd83::2", "IPv4" } },
		{ "--range 10.0.0.0/33",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "--range 10.0.0.0/33", "192.0.2.0/24" } },
		{ "--range fd83::/64",
		  NETOPT_SENDER,
		  -EINVAL,
		  { "--range fd83::/64", "IPv4" } },
		{ "--ttl 256", NETOPT_SENDER, -EINVAL, { "--ttl 256", "255" } },
		{ "--ttl 2 --scope site", NETOPT_SENDER, -EINVAL, { "contradict", "--scope" } },
		{ "--source 10.0.0.1 --exclude 10.0.0.2",
		  NETOPT_RECEIVER,
		  -EINVAL,
		  { "contradict", "--exclude" } },
		{ "-i veth1 -g 239.1.1.1",
		  NETOPT_SENDER,
		  -EADDRNOTAVAIL,
		  { "veth1 has no IPv4 address", "ip -br addr" } },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		char error[NETOPT_TEXT] = "";
		struct netplan p;

		assert_int_equal(resolve(cases[i].line, cases[i].role, &p, error),
				 cases[i].result);
		for (size_t k = 0; k < 2; k++)
			if (!strstr(error, cases[i].says[k]))
				fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].line, error,
					 cases[i].says[k]);
	}
}

static void a_ttl_beyond_the_scope_is_a_warning(void **state)
{
	char error[NETOPT_TEXT];
	struct netplan p;

	assert_int_equal(resolve("--ttl 64", NETOPT_SENDER, &p, error), 0);
	assert_non_null(strstr(p.warning, "TTL 64 reaches beyond 239.255.83.87"));
	assert_int_equal(p.ttl, 64);
}

static void lists_decide_who_is_heard(void **state)
{
	static const struct {
		const char *line, *from;
		bool accepted;
	} cases[] = {
		{ "", "192.0.2.1", true },
		{ "--range 10.0.0.0/8", "10.9.9.9", true },
		{ "--range 10.0.0.0/8", "192.0.2.1", false },
		{ "--range 10.0.0.0/8 --range 192.0.2.0/24", "192.0.2.1", true },
		{ "--exclude 192.0.2.1", "192.0.2.1", false },
		{ "--exclude 192.0.2.1", "192.0.2.2", true },
		{ "--exclude 10.0.0.2 --range 10.0.0.0/8", "10.0.0.2", false },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		char error[NETOPT_TEXT];
		struct netplan p;
		struct addr from;

		assert_int_equal(addr_parse(&from, cases[i].from, 99), 0);
		assert_int_equal(resolve(cases[i].line, NETOPT_RECEIVER, &p, error), 0);
		if (netplan_accepts(&p, &from) != cases[i].accepted)
			fail_msg("%s: %s", cases[i].line, cases[i].from);
	}
}

static void sockets_open_as_planned(void **state)
{
	static const char *const lines[] = { "",
					     "--source 10.83.0.2",
					     "--exclude 10.83.0.2",
					     "-g 10.83.0.255",
					     "-i veth0 -g ff02::7",
					     "-g 239.1.1.1:999 --rcvbuf 64K --dscp 46" };

	for (size_t i = 0; i < LEN(lines); i++) {
		char error[NETOPT_TEXT];
		struct netplan p;
		struct udp u;

		if (resolve(lines[i], NETOPT_RECEIVER, &p, error) < 0 ||
		    netplan_open(&p, UDP_LISTEN, &u, error) < 0)
			fail_msg("%s: %s", lines[i], error);
		udp_close(&u);
		assert_int_equal(netplan_open(&p, UDP_SEND, &u, error), 0);
		udp_close(&u);
	}
}

static void a_busy_port_is_explained(void **state)
{
	char error[NETOPT_TEXT] = "";
	struct addr any = addr_any(AF_INET, NETOPT_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct netplan p;
	struct udp u;

	assert_int_equal(bind(fd, &any.sa, addr_len(&any)), 0);
	assert_int_equal(resolve("", NETOPT_RECEIVER, &p, error), 0);
	assert_int_equal(netplan_open(&p, UDP_LISTEN, &u, error), -EADDRINUSE);
	assert_non_null(strstr(error, "sport = :8387"));
	close(fd);
}

static void the_choice_of_several_is_told(void **state)
{
	char error[NETOPT_TEXT] = "";
	struct netplan p;

	run("ip addr add 10.84.0.1/24 dev veth1");
	assert_int_equal(resolve("-i veth1", NETOPT_SENDER, &p, error), 0);
	assert_string_equal(p.note, "");
	assert_int_equal(resolve("", NETOPT_SENDER, &p, error), 0);
	assert_non_null(strstr(p.note, p.ifname));
	assert_non_null(strstr(p.note, "of 2 interfaces"));
	assert_int_equal(resolve("-i 10.84.0.0/16", NETOPT_SENDER, &p, error), 0);
	assert_string_equal(p.ifname, "veth1");
}

static void no_network_is_explained(void **state)
{
	char error[NETOPT_TEXT] = "";
	struct netplan p;

	run("ip link set veth0 down");
	assert_int_equal(resolve("-i veth0", NETOPT_SENDER, &p, error), -ENETDOWN);
	assert_non_null(strstr(error, "ip link set veth0 up"));
	run("ip link del veth0 && ip route del 224.0.0.0/4");
	assert_int_equal(resolve("", NETOPT_SENDER, &p, error), -ENODEV);
	assert_non_null(strstr(error, "ip -br addr"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_follow_what_was_given),
		cmocka_unit_test(a_mistake_is_explained),
		cmocka_unit_test(a_ttl_beyond_the_scope_is_a_warning),
		cmocka_unit_test(lists_decide_who_is_heard),
		cmocka_unit_test(sockets_open_as_planned),
		cmocka_unit_test(a_busy_port_is_explained),
		cmocka_unit_test(the_choice_of_several_is_told),
		cmocka_unit_test(no_network_is_explained), /* the last: it takes the network
							      away */
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("netopt", tests, NULL, NULL);
}
