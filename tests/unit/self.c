/* self.c - tests of receiver/self. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/census.h"
#include "receiver/self.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void a_machine_has_a_number_that_does_not_tell_its_id(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef";
	char line[sizeof(id) + 1], longest[200];
	uint64_t number = self_machine(id);

	snprintf(line, sizeof(line), "%s\n", id);
	assert_int_not_equal(number, 0);
	assert_int_equal(self_machine(line), number);
	assert_int_not_equal(self_machine("0123456789abcdef0123456789abcdee"), number);
	assert_int_not_equal(number, 0x0123456789abcdef);
	assert_int_equal(self_machine(""), 0);
	assert_int_equal(self_machine("\n"), 0);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(self_machine(longest), 0);
}

static void a_receiver_knows_its_name(void **state)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct self self;

	self_init(&self);
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	assert_string_equal(self.host, host);
	assert_true(strlen(self.version) > 0);
	assert_true(strlen(self.version) <= CENSUS_VERSION_MAX);
}

static void free_space_is_that_of_the_directory(void **state)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	struct statvfs st;

	assert_true(fd >= 0);
	assert_int_equal(fstatvfs(fd, &st), 0);
	assert_true(self_free(fd) <= (uint64_t)st.f_blocks * st.f_frsize);
	close(fd);
	assert_true(self_free(-1) == ANNOUNCE_FREE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_has_a_number_that_does_not_tell_its_id),
		cmocka_unit_test(a_receiver_knows_its_name),
		cmocka_unit_test(free_space_is_that_of_the_directory),
	};

	return cmocka_run_group_tests_name("self", tests, NULL, NULL);
}
