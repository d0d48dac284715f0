/* opt_file.c - the configuration file: the same options, "name = value" in a line each. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/opt_value.h"
#include "common/file.h"

#include <string.h>

#define FILE_MAX 65536

static const char blank[] = " \t\r";

/* Cuts blanks off both ends, in place. */
static char *trim(char *s)
{
	size_t len;

	s += strspn(s, blank);
	for (len = strlen(s); len > 0 && strchr(blank, s[len - 1]); len--)
		;
	s[len] = '\0';
	return s;
}

static int parse_line(const struct opt_prog *prog, void *conf, struct opt_run *run, char *line,
		      const char *where)
{
	char *name, *value = NULL, *equals;
	char give[256];
	int i;

	line[strcspn(line, "#")] = '\0';
	equals = strchr(line, '=');
	if (equals) {
		*equals = '\0';
		value = trim(equals + 1);
	}
	name = trim(line);
	if (!*name && !value)
		return 0;
	i = opt_find(prog, name, strlen(name));
	if (i < 0)
		return opt_unknown(prog, run, where, name, strlen(name));
	if (!value && !prog->opts[i].type->flag) {
		opt_accepts(&prog->opts[i], give, sizeof(give));
		return opt_fail(run, "%s%s: needs a value; %s", where, name, give);
	}
	return opt_store(prog, conf, run, (unsigned)i, value ? value : "yes", OPT_FROM_FILE,
			 where);
}

int opt_read_file(const struct opt_prog *prog, void *conf, struct opt_run *run,
		  const char *path)
{
	char where[192];
	char *line, *next;
	size_t len;
	int r = file_read(path, FILE_MAX, &run->file_text, &len);

	if (r < 0)
		return opt_fail(run, "--config %s: %s", path, strerror(-r));
	if (memchr(run->file_text, '\0', len))
		return opt_fail(run, "--config %s: not a text file", path);
	next = run->file_text;
	for (unsigned n = 1; r == 0 && (line = strsep(&next, "\n")); n++) {
		snprintf(where, sizeof(where), "%.*s:%u: ", 160, path, n);
		r = parse_line(prog, conf, run, line, where);
	}
	return r;
}
