/* table.c - rows of text under each other, for people. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

static bool make_room(struct table *t, size_t len)
{
	size_t cap = t->cap ? t->cap : 1024;
	char *text;

	while (cap - t->len < len)
		cap *= 2;
	if (cap == t->cap)
		return true;
	text = realloc(t->text, cap);
	if (!text)
		return false;
	t->text = text;
	t->cap = cap;
	return true;
}

void table_add(struct table *t, const char *text)
{
	size_t len = strlen(text) + 1;

	if (t->failed || !make_room(t, len)) {
		t->failed = true;
		return;
	}
	memcpy(t->text + t->len, text, len);
	t->len += len;
	t->n_cells++;
}

/* Columns of a terminal, if no character takes two of them. */
static int width(const char *text)
{
	size_t len = strlen(text), n;
	int width = 0;

	for (size_t i = 0; i < len; i += n ? n : 1, width++)
		n = utf8_char((const uint8_t *)text + i, len - i);
	return width;
}

static void put(FILE *out, const struct table *t, unsigned column, int to, const char *text)
{
	bool last = column + 1 == t->n_columns;
	int fill = to - width(text);

	if (t->columns[column].right)
		fprintf(out, "%*s%s", fill, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : fill, "");
	fputs(last ? "\n" : "  ", out);
}

static void write_all(const struct table *t, FILE *out)
{
	int to[TABLE_COLUMNS_MAX] = { 0 };
	const char *cell = t->text;

	for (unsigned i = 0; i < t->n_columns; i++)
		to[i] = width(t->columns[i].title);
	for (unsigned i = 0; i < t->n_cells; i++, cell += strlen(cell) + 1) {
		int w = width(cell);

		if (w > to[i % t->n_columns])
			to[i % t->n_columns] = w;
	}
	for (unsigned i = 0; i < t->n_columns; i++)
		put(out, t, i, to[i], t->columns[i].title);
	cell = t->text;
	for (unsigned i = 0; i < t->n_cells; i++, cell += strlen(cell) + 1)
		put(out, t, i % t->n_columns, to[i % t->n_columns], cell);
}

int table_write(struct table *t, FILE *out)
{
	int r = t->failed ? -ENOMEM : 0;

	if (r == 0)
		write_all(t, out);
	free(t->text);
	*t = (struct table){ .columns = t->columns, .n_columns = t->n_columns };
	return r;
}
