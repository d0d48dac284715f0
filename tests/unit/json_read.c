/* json_read.c - tests of common/json_read. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/json.h"
#include "common/json_read.h"

static bool find(const char *line, const char *name, struct json_value *ret)
{
	return json_find(line, strlen(line), name, ret);
}

static void what_json_writes_is_read(void **state)
{
	static const char host[] = "a\"\\\n\xc3\xa4\x1b\xff";
	struct json_value v;
	struct json j;
	const char *line;
	char text[64];
	size_t len;

	json_begin(&j, "receiver");
	json_text(&j, "host", host, strlen(host));
	json_bool(&j, "ok", false);
	json_bool(&j, "fine", true);
	json_real(&j, "loss", 0.25);
	json_string(&j, "text", NULL);
	assert_int_equal(json_end(&j, &line, &len), 0);
	assert_true(json_is_flat(line, len));
	assert_true(json_find(line, len, "event", &v));
	assert_int_equal(json_chars(&v, text, sizeof(text)), 8);
	assert_string_equal(text, "receiver");
	assert_true(json_find(line, len, "host", &v));
	assert_int_equal(json_chars(&v, text, sizeof(text)), 10);
	assert_string_equal(text, "a\"\\\n\xc3\xa4\x1b\xef\xbf\xbd");
	assert_true(json_find(line, len, "ok", &v));
	assert_int_equal(v.kind, JSON_FALSE);
	assert_int_equal(json_chars(&v, text, sizeof(text)), -EINVAL);
	assert_true(json_find(line, len, "fine", &v));
	assert_int_equal(v.kind, JSON_TRUE);
	assert_true(json_find(line, len, "loss", &v));
	assert_int_equal(v.kind, JSON_NUMBER);
	assert_int_equal(v.len, 4);
	assert_true(json_find(line, len, "text", &v));
	assert_int_equal(v.kind, JSON_NULL);
	assert_false(json_find(line, len, "nothing", &v));
	assert_int_equal(v.kind, JSON_NULL); /* untouched */
}

static void flat_objects_only(void **state)
{
	static const struct {
		const char *line;
		bool flat;
	} v[] = {
		{ "{}", true },
		{ " { } \r\n", true },
		{ "{\"a\":1}", true },
		{ "{ \"a\" : \"b\" , \"c\":null}", true },
		{ "", false },
		{ "{", false },
		{ "[]", false },
		{ "{\"a\"}", false },
		{ "{\"a\":}", false },
		{ "{\"a\":1,}", false },
		{ "{\"a\":1 \"b\":2}", false },
		{ "{\"a\":{}}", false },
		{ "{\"a\":[1]}", false },
		{ "{\"a\":\"b}", false },
		{ "{\"a\":\"\\x\"}", false },
		{ "{\"a\":\"\\u12g4\"}", false },
		{ "{\"a\":\"\n\"}", false },
		{ "{\"a\":1}x", false },
		{ "{a:1}", false },
		{ "{\"a\":nul}", false },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (json_is_flat(v[i].line, strlen(v[i].line)) != v[i].flat)
			fail_msg("%s", v[i].line);
}

static void strings_become_characters(void **state)
{
	static const struct {
		const char *line;
		int len;
		const char *text;
	} v[] = {
		{ "{\"a\":\"\"}", 0, "" },
		{ "{\"a\":\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"}", 8, "\b\f\n\r\t/\\\"" },
		{ "{\"a\":\"\\u0041\\u00e4\\u20AC\"}", 6, "A\xc3\xa4\xe2\x82\xac" },
		{ "{\"a\":\"\\ud83d\\ude00\"}", 4, "\xf0\x9f\x98\x80" },
		{ "{\"a\":\"\\ud83d\"}", -EINVAL, NULL },
		{ "{\"a\":\"\\ud83d\\u0041\"}", -EINVAL, NULL },
		{ "{\"a\":\"\\ude00\"}", -EINVAL, NULL },
		{ "{\"a\":\"\\u0000\"}", -EINVAL, NULL },
		{ "{\"a\":\"123456789\"}", -ENOSPC, NULL },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct json_value is;
		char text[9];

		assert_true(find(v[i].line, "a", &is));
		assert_int_equal(json_chars(&is, text, sizeof(text)), v[i].len);
		if (v[i].text)
			assert_string_equal(text, v[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_json_writes_is_read),
		cmocka_unit_test(flat_objects_only),
		cmocka_unit_test(strings_become_characters),
	};

	return cmocka_run_group_tests_name("json_read", tests, NULL, NULL);
}
