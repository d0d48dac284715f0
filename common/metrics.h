/* metrics.h - numbers for Prometheus, in a text file that is never half written. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stddef.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

/* Those of one name, which differ in their label, stand next to each other. */
struct metric {
	const char *name; /* "sow_bytes_total" */
	const char *help; /* one line */
	enum metric_kind kind;
	double value;
	const char *label;       /* NULL: none */
	const char *label_value; /* any bytes; what is no valid UTF-8 becomes U+FFFD */
};

/*
 * Replaces `path` (the text format of node_exporter's textfile collector, which wants it
 * readable by others). 0, -ENOMEM or -errno of the file; the old file then stays.
 */
int metrics_write(const char *path, const struct metric *metrics, size_t n);

#endif
