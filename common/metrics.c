/* metrics.c - numbers for Prometheus, in a text file that is never half written. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/metrics.h"
#include "common/file.h"
#include "common/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_label_value(FILE *f, const char *value)
{
	const uint8_t *s = (const uint8_t *)value;
	size_t len = strlen(value), n;

	for (size_t i = 0; i < len; i += n ? n : 1) {
		n = utf8_char(s + i, len - i);
		if (n == 0)
			fputs("\xef\xbf\xbd", f); /* U+FFFD */
		else if (s[i] == '\n')
			fputs("\\n", f);
		else if (s[i] == '"' || s[i] == '\\')
			fprintf(f, "\\%c", s[i]);
		else
			fwrite(s + i, 1, n, f);
	}
}

static void put_value(FILE *f, double v)
{
	if (isnan(v))
		fputs(" NaN\n", f);
	else if (isinf(v))
		fputs(v > 0 ? " +Inf\n" : " -Inf\n", f);
	else
		fprintf(f, " %.17g\n", v);
}

static void put_metric(FILE *f, const struct metric *m, bool first)
{
	if (first)
		fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			m->kind == METRIC_COUNTER ? "counter" : "gauge");
	fputs(m->name, f);
	if (m->label) {
		fprintf(f, "{%s=\"", m->label);
		put_label_value(f, m->label_value);
		fputs("\"}", f);
	}
	put_value(f, m->value);
}

int metrics_write(const char *path, const struct metric *metrics, size_t n)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		put_metric(f, &metrics[i],
			   i == 0 || strcmp(metrics[i].name, metrics[i - 1].name) != 0);
	r = ferror(f) ? -ENOMEM : 0;
	if (fclose(f) != 0)
		r = -ENOMEM;
	if (r == 0)
		r = file_replace(path, 0644, text, len);
	free(text);
	return r;
}
