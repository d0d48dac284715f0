/* metrics.c - tests of common/metrics. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/metrics.h"

#include <math.h>
#include <unistd.h>

static const struct metric metrics[] = {
	{ "sow_bytes_total", "Bytes sent.", METRIC_COUNTER, 9007199254740991.0, NULL, NULL },
	{ "sow_lost", "Lost.", METRIC_GAUGE, 0.5, "host", "a" },
	{ "sow_lost", "Lost.", METRIC_GAUGE, INFINITY, "host", "\"b\\\n\xff\xc3\xa4" },
	{ "sow_rtt", "Time.", METRIC_GAUGE, NAN, NULL, NULL },
};
static const char want[] = "# HELP sow_bytes_total Bytes sent.\n"
			   "# TYPE sow_bytes_total counter\n"
			   "sow_bytes_total 9007199254740991\n"
			   "# HELP sow_lost Lost.\n"
			   "# TYPE sow_lost gauge\n"
			   "sow_lost{host=\"a\"} 0.5\n"
			   "sow_lost{host=\"\\\"b\\\\\\n\xef\xbf\xbd\xc3\xa4\"} +Inf\n"
			   "# HELP sow_rtt Time.\n"
			   "# TYPE sow_rtt gauge\n"
			   "sow_rtt NaN\n";

static void writes_the_text_format(void **state)
{
	char dir[] = "/tmp/sow-metrics-XXXXXX", path[64], *text;
	size_t len;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sow.prom", dir);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(metrics_write(path, metrics, 4), 0);
		assert_int_equal(file_read(path, 4096, &text, &len), 0);
		assert_string_equal(text, want);
		free(text);
	}
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* no temporary file is left */
	assert_int_equal(metrics_write(path, metrics, 4), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_text_format),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
