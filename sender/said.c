/* said.c - where goes what sow says of a transfer: standard output, the log, the report file.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/said.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

void said_init(struct said *s, bool json, bool quiet, const char *path)
{
	*s = (struct said){
		.json = json,
		.quiet = quiet,
		.terminal = isatty(STDOUT_FILENO) == 1,
		.path = path,
	};
}

bool said_wants_json(const struct said *s)
{
	return s->json || s->path;
}

static int keep_text(struct said *s, const char *text, size_t len)
{
	size_t cap = s->cap ? s->cap : 65536;
	char *kept;

	while (cap - s->len < len)
		cap *= 2;
	if (cap > s->cap) {
		kept = realloc(s->kept, cap);
		if (!kept)
			return -ENOMEM;
		s->kept = kept;
		s->cap = cap;
	}
	memcpy(s->kept + s->len, text, len);
	s->len += len;
	return 0;
}

void said_event(struct said *s, struct json *j, bool keep)
{
	const char *text;
	size_t len;
	int r = json_end(j, &text, &len);

	if (r == 0 && s->json)
		r = file_write_all(STDOUT_FILENO, text, len);
	if (r == 0 && keep && s->path)
		r = keep_text(s, text, len);
	if (r < 0 && !s->error)
		s->error = r;
}

void said_line(struct said *s, bool wrong, const char *line)
{
	if (s->quiet && wrong) {
		log_err(0, "%s", line);
		return;
	}
	log_record("%s", line);
	if (!s->quiet && !s->json && !s->hidden)
		printf("%s\n", line);
}

int said_end(struct said *s)
{
	int r = 0;

	if (s->path && !s->error)
		r = file_replace(s->path, 0644, s->kept ? s->kept : "", s->len);
	if (r < 0)
		log_err(r, "--report %s", s->path);
	free(s->kept);
	s->kept = NULL;
	if (fflush(stdout) != 0 && !s->error)
		s->error = -errno;
	else if (ferror(stdout) && !s->error)
		s->error = -EIO;
	if (s->error < 0)
		log_err(s->error, "write the report");
	return s->error < 0 ? s->error : r;
}
