/* netif.c - tests of common/netif and common/route in a network of their own. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/netif.h"
#include "common/route.h"
#include "tests/unit/netns.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int allocations_left = INT32_MAX;

void *__wrap_calloc(size_t n, size_t size)
{
	return allocations_left-- > 0 ? __real_calloc(n, size) : NULL;
}

static struct addr address(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text, 0) < 0)
		fail_msg("%s is an address", text);
	return a;
}

static void run(const char *command)
{
	if (netns_run(command) != 0)
		fail_msg("%s", command);
}

static int setup(void **state)
{
	static struct netif_list l;

	*state = &l;
	return netif_list_read(&l);
}

static int teardown(void **state)
{
	netif_list_free(*state);
	netif_list_free(*state); /* an empty one is fine */
	return 0;
}

static const struct netif *named(const struct netif_list *l, const char *name)
{
	const struct netif *i;

	if (netif_find(l, name, &i) < 0 || strcmp(i->name, name) != 0)
		fail_msg("%s", name);
	return i;
}

static void the_list_tells_what_is_there(void **state)
{
	const struct netif *lo = named(*state, "lo"), *veth = named(*state, "veth0");
	const struct netif_list *l = *state;

	assert_int_equal(l->n, 3);
	assert_int_equal(lo->index, if_nametoindex("lo"));
	assert_int_equal(veth->index, if_nametoindex("veth0"));
	assert_ptr_equal(netif_by_index(l, veth->index), veth);
	assert_null(netif_by_index(l, 9999));
	assert_int_equal(lo->mtu, 65536);
	assert_int_equal(veth->mtu, 1500);
	assert_int_equal(lo->speed, 0);
	assert_int_equal(veth->speed, 10000); /* what the driver of veth says */
	assert_true(lo->flags & IFF_LOOPBACK);
	assert_true((veth->flags & (IFF_UP | IFF_MULTICAST)) == (IFF_UP | IFF_MULTICAST));
}

static void every_form_of_a_name_is_found(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: none of that name */
		int error;
	} cases[] = {
		{ "lo", "lo" },
		{ "1", "lo" },
		{ "127.0.0.1", "lo" },
		{ "::1", "lo" },
		{ "veth0", "veth0" },
		{ "10.83.0.1", "veth0" },
		{ "10.83.0.0/24", "veth0" },
		{ "10.0.0.0/8", "veth0" },
		{ "fd83::1", "veth0" },
		{ "fd83::/16", "veth0" },
		{ "", NULL, -ENODEV },
		{ "veth", NULL, -ENODEV },
		{ "veth00", NULL, -ENODEV },
		{ "0", NULL, -ENODEV },
		{ "4294967297", NULL, -ENODEV },
		{ "1x", NULL, -ENODEV },
		{ "10.83.0.2", NULL, -ENODEV },
		{ "10.84.0.0/24", NULL, -ENODEV },
		{ "0.0.0.0/0", NULL, -ENOTUNIQ },
		{ "::/0", NULL, -ENOTUNIQ },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		const struct netif *f = NULL;

		assert_int_equal(netif_find(*state, cases[i].text, &f), cases[i].error);
		if (!cases[i].name)
			assert_null(f);
		else
			assert_string_equal(f->name, cases[i].name);
	}
}

/* The address of veth1 that the kernel made, which carries a zone. */
static void a_zone_counts(void **state)
{
	struct addr a = *netif_addr(named(*state, "veth1"), AF_INET6);
	char text[ADDR_TEXT];
	const struct netif *f;

	assert_int_equal(netif_find(*state, addr_format_host(&a, text), &f), 0);
	assert_string_equal(f->name, "veth1");
	a.in6.sin6_scope_id = if_nametoindex("veth0");
	assert_int_equal(netif_find(*state, addr_format_host(&a, text), &f), -ENODEV);
}

/* The label is what getifaddrs() gives as the interface's name. */
static void labelled_addresses_belong_to_their_interface(void **state)
{
	struct netif_list l;
	const struct netif *f;

	run("ip addr add 10.83.0.9/24 dev veth0 label veth0:1");
	assert_int_equal(netif_list_read(&l), 0);
	assert_int_equal(netif_find(&l, "10.83.0.9", &f), 0);
	assert_string_equal(f->name, "veth0");
	netif_list_free(&l);
	run("ip addr del 10.83.0.9/24 dev veth0");
}

static void the_first_address_is_not_a_link_local_one(void **state)
{
	const struct netif *veth0 = named(*state, "veth0");
	struct addr global = address("fd83::1"), v4 = address("10.83.0.1");

	assert_true(addr_equal(netif_addr(veth0, AF_INET6), &global));
	assert_true(addr_equal(netif_addr(veth0, AF_INET), &v4));
	assert_null(netif_addr(named(*state, "veth1"), AF_INET));
	assert_non_null(netif_addr(named(*state, "veth1"), AF_INET6)); /* fe80:: */
}

static void broadcast_addresses(void **state)
{
	static const struct {
		const char *text;
		bool yes;
	} cases[] = {
		{ "255.255.255.255", true },  { "10.83.0.255", true }, { "10.83.0.254", false },
		{ "10.83.1.255", false },     { "10.83.0.0", false },  { "fd83::ffff", false },
		{ "127.255.255.255", false },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct addr a = address(cases[i].text);

		assert_int_equal(netif_broadcasts(named(*state, "veth0"), &a), cases[i].yes);
	}
}

static void the_list_has_a_text(void **state)
{
	char text[400], cut[20];

	netif_list_format(*state, text, sizeof(text));
	assert_non_null(strstr(text, "lo (127.0.0.1/8, ::1/128), "));
	assert_non_null(strstr(text, "veth0 (10.83.0.1/24, fd83::1/64, "));
	netif_list_format(*state, cut, sizeof(cut));
	assert_int_equal(strlen(cut), sizeof(cut) - 1);
	assert_memory_equal(cut, text, sizeof(cut) - 1);
}

struct choice {
	const char *group, *name;
	int error;
	const char *taken;
	enum netif_why why;
	unsigned n;
};

static void check_choices(const struct choice *c, size_t n)
{
	struct netif_list l;

	assert_int_equal(netif_list_read(&l), 0);
	for (size_t i = 0; i < n; i++) {
		struct addr group = address(c[i].group);
		struct netif_choice ret = { 0 };

		assert_int_equal(netif_choose(&l, c[i].name, &group, &ret), c[i].error);
		if (c[i].error)
			continue;
		assert_string_equal(ret.netif->name, c[i].taken);
		assert_int_equal(ret.why, c[i].why);
		assert_int_equal(ret.n_candidates, c[i].n);
	}
	netif_list_free(&l);
}

/* Groups are routed to lo here; veth1 has no IPv4 address at first. */
static void choices(void **state)
{
	static const struct choice one[] = {
		{ "239.255.83.87", NULL, 0, "veth0", NETIF_ONLY, 1 },
		{ "10.83.0.255", NULL, 0, "veth0", NETIF_ONLY, 1 },
		{ "239.255.83.87", "lo", 0, "lo", NETIF_NAMED, 0 },
		{ "239.255.83.87", "veth1", 0, "veth1", NETIF_NAMED, 0 },
		{ "239.255.83.87", "eth9", -ENODEV },
		{ "239.255.83.87", "0.0.0.0/0", -ENOTUNIQ },
		{ "10.99.0.255", NULL, -ENODEV },
	};
	static const struct choice two[] = {
		{ "239.255.83.87", NULL, 0, "lo", NETIF_ROUTE, 2 },
		{ "239.1.1.1", NULL, 0, "veth1", NETIF_ROUTE, 2 },
		{ "10.83.1.255", NULL, 0, "veth1", NETIF_ONLY, 1 },
	};
	static const struct choice unrouted[] = {
		{ "239.255.83.87", NULL, 0, NULL, NETIF_FIRST, 2 },
	};
	static const struct choice down[] = {
		{ "239.255.83.87", NULL, -ENODEV },
		{ "239.255.83.87", "veth1", -ENETDOWN },
	};
	struct choice first = unrouted[0];

	check_choices(one, LEN(one));
	run("ip addr add 10.83.1.1/24 brd + dev veth1");
	run("ip route add 239.1.0.0/16 dev veth1");
	check_choices(two, LEN(two));
	run("ip route del 224.0.0.0/4");
	first.taken = if_nametoindex("veth0") < if_nametoindex("veth1") ? "veth0" : "veth1";
	check_choices(&first, 1);
	run("ip link set veth0 down; ip link set veth1 down");
	check_choices(down, LEN(down));
}

/* The state of the network that choices() leaves: everything but lo is down. */
static void routes(void **state)
{
	struct addr none = { 0 }, out = address("192.0.2.1"), own = address("127.0.0.2");

	assert_int_equal(route_ifindex(&none), -EAFNOSUPPORT);
	assert_int_equal(route_ifindex(&out), -ENETUNREACH);
	assert_int_equal(route_ifindex(&own), if_nametoindex("lo"));
}

static void a_failed_allocation_is_an_error(void **state)
{
	struct netif_list l = { .n = 7 };

	for (int i = 0; i < 2; i++) {
		allocations_left = i;
		assert_int_equal(netif_list_read(&l), -ENOMEM);
		assert_int_equal(l.n, 7);
	}
	allocations_left = INT32_MAX;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_list_tells_what_is_there),
		TEST(every_form_of_a_name_is_found),
		TEST(a_zone_counts),
		TEST(labelled_addresses_belong_to_their_interface),
		TEST(the_first_address_is_not_a_link_local_one),
		TEST(broadcast_addresses),
		TEST(the_list_has_a_text),
		TEST(a_failed_allocation_is_an_error),
		cmocka_unit_test(choices),
		cmocka_unit_test(routes),
	};

	if (netns_enter() != 0)
		return 77;
	return cmocka_run_group_tests_name("netif", tests, NULL, NULL);
}
