/* expected.c - the receivers that shall get it, by host name or address, and who of them came.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/expected.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"
#include "common/log.h"
#include "sender/conf.h"

#define FILE_MAX ((size_t)4 << 20)
#define NAME_MAX 255

struct entry {
	char *name;
	struct addr addr; /* AF_UNSPEC: it is a name */
	bool came;
};

struct expected {
	unsigned n, n_came;
	struct entry entry[RECEIVERS_MAX];
};

static bool is_known(const struct expected *e, const char *name)
{
	for (unsigned i = 0; i < e->n; i++)
		if (strcasecmp(e->entry[i].name, name) == 0)
			return true;
	return false;
}

int expected_add(struct expected *e, const char *name)
{
	struct entry *entry = &e->entry[e->n];

	if (is_known(e, name))
		return 0;
	if (e->n == RECEIVERS_MAX)
		return log_err(0, "--to: more than %d receivers", RECEIVERS_MAX), -EINVAL;
	if (strlen(name) > NAME_MAX)
		return log_err(0, "--to: \"%.40s...\" is too long for a host name", name),
		       -EINVAL;
	entry->name = strdup(name);
	if (!entry->name)
		return log_err(-ENOMEM, "--to");
	if (addr_parse(&entry->addr, name, 0) < 0)
		entry->addr = (struct addr){ 0 };
	e->n++;
	return 0;
}

/* Names between any of `between`; the text is cut up. */
static int add_all(struct expected *e, char *text, const char *between)
{
	char *save, *name = strtok_r(text, between, &save);
	int r = 0;

	for (; name && r == 0; name = strtok_r(NULL, between, &save))
		r = expected_add(e, name);
	return r;
}

static int add_file(struct expected *e, const char *path)
{
	char *text, *line, *next;
	size_t len;
	int r = file_read(path, FILE_MAX, &text, &len);

	if (r < 0)
		return log_err(r, "--to @%s", path), -EINVAL;
	if (memchr(text, '\0', len))
		r = (log_err(0, "--to @%s: not a text file", path), -EINVAL);
	for (next = text; r == 0 && (line = strsep(&next, "\n"));) {
		line[strcspn(line, "#")] = '\0';
		r = add_all(e, line, ", \t\r");
	}
	free(text);
	return r;
}

static int add_item(struct expected *e, const char *item)
{
	char *text;
	int r;

	if (*item == '@')
		return add_file(e, item + 1);
	text = strdup(item);
	r = text ? add_all(e, text, ",") : log_err(-ENOMEM, "--to");
	free(text);
	return r;
}

int expected_new(struct expected **ret)
{
	struct expected *e = calloc(1, sizeof(*e));

	if (!e)
		return log_err(-ENOMEM, "--to");
	*ret = e;
	return 0;
}

int expected_read(struct expected *e, const struct opt_list *lists)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < lists->n; i++)
		r = add_item(e, lists->items[i]);
	if (r == 0 && e->n == 0)
		return log_err(0, "--to: names nobody; give host names, addresses, or @FILE"),
		       -EINVAL;
	return r;
}

void expected_free(struct expected *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->n; i++)
		free(e->entry[i].name);
	free(e);
}

static bool is(const struct entry *entry, const struct listener *li)
{
	if (addr_family(&entry->addr) != AF_UNSPEC)
		return addr_same_host(&entry->addr, &li->addr);
	return listener_has_name(li, entry->name, strlen(entry->name));
}

bool expected_came(struct expected *e, const struct listener *li)
{
	bool any = false;

	for (unsigned i = 0; i < e->n; i++) {
		if (!is(&e->entry[i], li))
			continue;
		any = true;
		e->n_came += !e->entry[i].came;
		e->entry[i].came = true;
	}
	return any;
}

unsigned expected_n(const struct expected *e)
{
	return e->n;
}

unsigned expected_n_absent(const struct expected *e)
{
	return e->n - e->n_came;
}

const char *expected_absent(const struct expected *e, unsigned *i)
{
	while (*i < e->n && e->entry[*i].came)
		(*i)++;
	return *i < e->n ? e->entry[(*i)++].name : NULL;
}
