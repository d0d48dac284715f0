/* fuzz_json.c - lines that claim to be a report's: what is found lies in the line. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "event", "host", "address", "ok", "" };
	const char *line = (const char *)data;
	bool flat = json_is_flat(line, size);

	CHECK(!flat || size >= 2);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct json_value v;
		char text[64];
		int n;

		if (!json_find(line, size, names[i], &v))
			continue;
		CHECK(v.text >= line && v.text + v.len <= line + size);
		n = json_chars(&v, text, sizeof(text));
		CHECK(n < (int)sizeof(text));
		CHECK(n < 0 || (v.kind == JSON_STRING && strlen(text) == (size_t)n));
		CHECK(json_chars(&v, text, 0) < 0);
	}
	return 0;
}
