/* reserved.c - the names in an output directory that this program keeps for itself. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/reserved.h"

#include "receiver/sink_file.h"
#include "receiver/stage.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* No name of ours is longer than a part may be. */
static void part_of(const char *path, char ret[static NAME_MAX + 1])
{
	size_t n = 0;

	for (; n < NAME_MAX && path[n] && path[n] != '/'; n++)
		ret[n] = lower(path[n]);
	ret[n] = '\0';
}

int reserved_check(const char *path)
{
	const char *slash = strrchr(path, '/');
	char part[NAME_MAX + 1];

	part_of(path, part);
	if (stage_is_name(part, strlen(part)))
		return RESERVED_NAME;
	part_of(slash ? slash + 1 : path, part);
	return sink_is_temporary(part) ? RESERVED_NAME : 0;
}
