/* table.h - rows of text under each other, for people. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stdbool.h>
#include <stdio.h>

struct table_column {
	const char *title;
	bool right; /* its texts end under each other */
};

#define TABLE_COLUMNS_MAX 16

/*
 * Cells are added row by row, from left to right; columns are as wide as their widest text.
 * Zeroed but for the columns it is empty.
 */
struct table {
	const struct table_column *columns;
	unsigned n_columns; /* at most TABLE_COLUMNS_MAX */
	char *text;         /* of all cells, each ended by a NUL */
	size_t len, cap;
	unsigned n_cells;
	bool failed; /* no memory for a cell */
};

/* UTF-8 of ours, or what utf8_escape() made. */
void table_add(struct table *t, const char *text);
/* Titles, then the rows. 0, -ENOMEM (some cell had no memory: nothing is written). Empties the
 * table. */
int table_write(struct table *t, FILE *out);

#endif
