/* retry.c - who failed in an earlier run, by its report. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/retry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"
#include "common/json_read.h"
#include "common/log.h"
#include "sender/conf.h"

#define FILE_MAX ((size_t)64 << 20)

/* A receiver as the report has it; "": it does not say. */
struct entry {
	char host[256], address[ADDR_TEXT];
	bool ok;
};

struct entries {
	unsigned n;
	bool done;     /* the report has its end, */
	bool all_well; /* which says so */
	struct entry entry[RECEIVERS_MAX];
};

static bool is_text(const char *line, size_t len, const char *name, const char *text)
{
	char buf[32];
	struct json_value v;

	return json_find(line, len, name, &v) && json_chars(&v, buf, sizeof(buf)) >= 0 &&
	       strcmp(buf, text) == 0;
}

static void get_text(const char *line, size_t len, const char *name, char *buf, size_t cap)
{
	struct json_value v;

	if (!json_find(line, len, name, &v) || json_chars(&v, buf, cap) < 0)
		buf[0] = '\0';
}

static void read_end(struct entries *es, const char *line, size_t len)
{
	struct json_value v;

	es->done = true;
	es->all_well = json_find(line, len, "exit", &v) && v.len == 1 && *v.text == '0';
}

static bool read_line(struct entries *es, const char *line, size_t len)
{
	struct entry *entry = &es->entry[es->n];
	struct json_value v;

	if (!json_is_flat(line, len))
		return false;
	if (is_text(line, len, "event", "done"))
		read_end(es, line, len);
	if (!is_text(line, len, "event", "receiver"))
		return true;
	if (es->n == RECEIVERS_MAX)
		return false;
	get_text(line, len, "host", entry->host, sizeof(entry->host));
	get_text(line, len, "address", entry->address, sizeof(entry->address));
	entry->ok = json_find(line, len, "ok", &v) && v.kind == JSON_TRUE;
	es->n++;
	return true;
}

static int read_lines(struct entries *es, const char *path)
{
	char *text, *line, *next;
	size_t len;
	int r = file_read(path, FILE_MAX, &text, &len);

	if (r < 0)
		return log_err(r, "--retry-failed %s", path), -EINVAL;
	for (next = text; r == 0 && (line = strsep(&next, "\n"));)
		if (*line && !read_line(es, line, strlen(line)))
			r = -EINVAL;
	free(text);
	if (r < 0 || !es->done)
		return log_err(0,
			       "--retry-failed %s: is no report of sow; give a file of "
			       "--report",
			       path),
		       -EINVAL;
	return 0;
}

/* A name that others have, too, or that reads as an address, says nothing. */
static bool is_its_own(const struct entries *es, const struct entry *entry)
{
	struct addr addr;
	unsigned n = 0;

	if (!entry->host[0] || (entry->address[0] && addr_parse(&addr, entry->host, 0) == 0))
		return false;
	for (unsigned i = 0; i < es->n; i++)
		n += strcasecmp(es->entry[i].host, entry->host) == 0;
	return n == 1;
}

static int add_failed(const struct entries *es, struct expected *e)
{
	int n = 0, r = 0;

	for (unsigned i = 0; i < es->n && r == 0; i++) {
		const struct entry *entry = &es->entry[i];
		const char *name = is_its_own(es, entry) ? entry->host : entry->address;

		if (entry->ok)
			continue;
		n++;
		r = expected_add(e, *name ? name : entry->host);
	}
	return r < 0 ? r : n;
}

int retry_read(struct expected *e, const char *path)
{
	struct entries *es = calloc(1, sizeof(*es));
	int r = es ? read_lines(es, path) : log_err(-ENOMEM, "--retry-failed");

	if (r == 0)
		r = add_failed(es, e);
	if (r == 0 && !es->all_well)
		r = (log_err(0,
			     "--retry-failed %s: that run failed, but for no receiver; run it "
			     "again as it was",
			     path),
		     -EINVAL);
	free(es);
	return r;
}
