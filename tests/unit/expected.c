/* expected.c - tests of sender/expected. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/log.h"
#include "sender/conf.h"
#include "sender/expected.h"
#include "tests/unit/nomem.h"

#include <unistd.h>

static int read_lists(struct expected **ret, const struct opt_list *lists)
{
	struct expected *e;
	int r = expected_new(&e);

	if (r < 0)
		return r;
	r = expected_read(e, lists);
	if (r == 0)
		*ret = e;
	else
		expected_free(e);
	return r;
}

static struct expected *expect(const char *items)
{
	struct opt_list list = { 1, { items } };
	struct expected *e = NULL;

	assert_int_equal(read_lists(&e, &list), 0);
	return e;
}

static struct listener listener(const char *host, const char *addr)
{
	struct listener li = { .node_id = 1, .self.host_len = strlen(host) };

	memcpy(li.host, host, strlen(host));
	assert_int_equal(addr_parse(&li.addr, addr, 4711), 0);
	return li;
}

static void names_and_addresses(void **state)
{
	static const struct {
		const char *host, *addr;
		bool came;
	} v[] = {
		{ "pc1", "10.0.0.1", true },
		{ "PC1", "10.0.0.1", true },
		{ "pc1.example.org", "10.0.0.1", true },
		{ "pc1x", "10.0.0.1", false },
		{ "pc", "10.0.0.1", false },
		{ "", "10.0.0.1", false },
		{ "pc2", "10.0.0.1", true }, /* it may have a short name itself */
		{ "pc2.example.org", "10.0.0.1", true },
		{ "pc2.example.com", "10.0.0.1", false },
		{ "other", "192.0.2.9", true },
		{ "other", "192.0.2.90", false },
		{ "192.0.2.9", "10.0.0.1", false }, /* an address is not a name */
		{ "other", "fd77::9", true },
		{ "pc3", "10.0.0.1", false },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct expected *e = expect("pc1,pc2.example.org,192.0.2.9,fd77::9,PC1");
		struct listener li = listener(v[i].host, v[i].addr);

		assert_int_equal(expected_n(e), 4);
		assert_int_equal(expected_came(e, &li), v[i].came);
		assert_int_equal(expected_n_absent(e), 4 - v[i].came);
		expected_free(e);
	}
}

static void the_absent_are_named(void **state)
{
	struct expected *e = expect("a,b,c,d");
	struct listener b = listener("b", "10.0.0.1"), clone = listener("b", "10.0.0.2");
	unsigned i = 0;

	assert_true(expected_came(e, &b));
	assert_true(expected_came(e, &clone)); /* both shall get it */
	assert_int_equal(expected_n_absent(e), 3);
	assert_string_equal(expected_absent(e, &i), "a");
	assert_string_equal(expected_absent(e, &i), "c");
	assert_string_equal(expected_absent(e, &i), "d");
	assert_null(expected_absent(e, &i));
	assert_null(expected_absent(e, &i));
	expected_free(e);
	expected_free(NULL);
}

static int from_file(const char *text, size_t len, struct expected **ret)
{
	char path[] = "/tmp/sow-expected-XXXXXX", item[64];
	int fd = mkstemp(path), r;
	struct opt_list list = { 2, { "first", item } };

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, len), 0);
	close(fd);
	snprintf(item, sizeof(item), "@%s", path);
	r = read_lists(ret, &list);
	unlink(path);
	return r;
}

static void a_file_has_names_in_lines(void **state)
{
	static const char text[] = "# room 1\npc1 pc2\r\n\n  pc3, 10.0.0.4 # the last\npc5";
	struct expected *e;
	unsigned i = 0;

	assert_int_equal(from_file(text, strlen(text), &e), 0);
	assert_int_equal(expected_n(e), 6);
	assert_string_equal(expected_absent(e, &i), "first");
	assert_string_equal(expected_absent(e, &i), "pc1");
	assert_string_equal(expected_absent(e, &i), "pc2");
	assert_string_equal(expected_absent(e, &i), "pc3");
	assert_string_equal(expected_absent(e, &i), "10.0.0.4");
	assert_string_equal(expected_absent(e, &i), "pc5");
	expected_free(e);
	assert_int_equal(from_file("pc1\0pc2", 7, &e), -EINVAL);
}

static void mistakes_are_refused(void **state)
{
	char name[300], *many = malloc(8 * (RECEIVERS_MAX + 1) + 1);
	struct opt_list list = { 1, { "@/no/such/file" } };
	struct expected *e = NULL;

	assert_int_equal(read_lists(&e, &list), -EINVAL);
	list.items[0] = ",,";
	assert_int_equal(read_lists(&e, &list), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	list.items[0] = name;
	assert_int_equal(read_lists(&e, &list), -EINVAL);
	assert_non_null(many);
	for (unsigned i = 0; i <= RECEIVERS_MAX; i++)
		snprintf(many + 8 * i, 9, "n%06u,", i);
	list.items[0] = many;
	assert_int_equal(read_lists(&e, &list), -EINVAL);
	many[8 * RECEIVERS_MAX] = '\0';
	assert_int_equal(read_lists(&e, &list), 0);
	assert_int_equal(expected_n(e), RECEIVERS_MAX);
	expected_free(e);
	free(many);
}

static void without_memory(void **state)
{
	struct opt_list list = { 1, { "a" } };
	struct expected *e = NULL;

	nomem_in = 1;
	assert_int_equal(read_lists(&e, &list), -ENOMEM);
	nomem_in = 0;
	assert_null(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses),
		cmocka_unit_test(the_absent_are_named),
		cmocka_unit_test(a_file_has_names_in_lines),
		cmocka_unit_test(mistakes_are_refused),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests_name("expected", tests, NULL, NULL);
}
