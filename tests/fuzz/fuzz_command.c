/* fuzz_command.c - lines of the control socket: what is read lies in the line and in its
 * bounds. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "sender/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data, *error = NULL;
	struct command c;

	if (command_parse(&c, line, size, &error) < 0) {
		CHECK(error && *error);
		return 0;
	}
	CHECK(command_name(c.verb));
	CHECK((c.verb == COMMAND_DROP) == (c.who_len > 0));
	if (c.who_len) {
		CHECK(c.who >= line && c.who + c.who_len <= line + size);
		CHECK(!memchr(c.who, 0, c.who_len) && !memchr(c.who, ' ', c.who_len));
	}
	CHECK(c.verb == COMMAND_WAIT || c.more == 0);
	CHECK(c.more <= 1000000000000000 && c.more >= -1000000000000000);
	return 0;
}
