/* scan_order.c - entries in a manifest's order, and hard links among them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/scan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "sender/inode.h"

/* --- the order --- */

static int compare(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return manifest_compare(a->path, a->path_len, b->path, b->path_len);
}

static int by_path(const void *a, const void *b, void *arg)
{
	const uint32_t *x = a, *y = b;
	const struct scan *s = arg;
	int order = compare(&s->entries[*x], &s->entries[*y]);

	return order ? order : (*x > *y) - (*x < *y);
}

static int permute(struct scan *s, uint32_t *order)
{
	struct manifest_entry *entries = calloc(s->n, sizeof(*entries));
	struct scan_file *files = calloc(s->n, sizeof(*files));

	if (!entries || !files) {
		free(entries);
		free(files);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		entries[i] = s->entries[order[i]];
		files[i] = s->files[order[i]];
	}
	free(s->entries);
	free(s->files);
	s->entries = entries;
	s->files = files;
	s->cap = s->n;
	return 0;
}

static bool is_sorted(const struct scan *s)
{
	for (uint32_t i = 1; i < s->n; i++) {
		if (compare(&s->entries[i - 1], &s->entries[i]) >= 0)
			return false;
	}
	return true;
}

static int sort(struct scan *s)
{
	uint32_t *order = calloc(s->n, sizeof(*order));
	int r;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++)
		order[i] = i;
	qsort_r(order, s->n, sizeof(*order), by_path, s);
	r = permute(s, order);
	free(order);
	return r;
}

static int clash(const struct scan *s, uint32_t a, uint32_t b)
{
	char x[SCAN_PATH_MAX], y[SCAN_PATH_MAX];

	scan_path(s, a, x);
	scan_path(s, b, y);
	log_err(0, "%s and %s have the same name; send them one after the other", x, y);
	return -EINVAL;
}

/* Directories that several names brought are one; anything else twice is a mistake. */
static int merge(struct scan *s)
{
	uint32_t n = 0;
	int r = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (n == 0 || compare(&s->entries[n - 1], &s->entries[i]) != 0) {
			s->entries[n] = s->entries[i];
			s->files[n++] = s->files[i];
		} else if (s->entries[n - 1].type != MANIFEST_DIR ||
			   s->entries[i].type != MANIFEST_DIR) {
			r = clash(s, n - 1, i);
		} else {
			s->entries[n - 1].whole &= s->entries[i].whole;
		}
	}
	s->n = n;
	return r;
}

/* --- hard links --- */

/* The entry that stands for this file, which `i` becomes if none did; slots hold a number and
 * one more. */
static uint32_t first_of(const struct scan *s, uint32_t i, uint32_t *slots, uint64_t mask)
{
	const struct scan_file *f = &s->files[i];
	uint64_t at = inode_hash(f->dev, f->ino) & mask;

	for (; slots[at]; at = (at + 1) & mask) {
		const struct scan_file *other = &s->files[slots[at] - 1];

		if (other->dev == f->dev && other->ino == f->ino)
			return slots[at] - 1;
	}
	slots[at] = i + 1;
	return i;
}

static void link_to(struct scan *s, struct manifest_entry *e, const struct manifest_entry *to)
{
	e->type = MANIFEST_HARDLINK;
	e->target = to->path;
	e->target_len = to->path_len;
	s->total_size -= e->size;
	e->size = 0;
}

static int find_links(struct scan *s)
{
	uint64_t n = 0, cap = 16;
	uint32_t *slots;

	for (uint32_t i = 0; i < s->n; i++)
		n += s->files[i].linked;
	if (n < 2)
		return 0;
	while (cap < 2 * n)
		cap *= 2;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t to = s->files[i].linked ? first_of(s, i, slots, cap - 1) : i;

		if (to != i)
			link_to(s, &s->entries[i], &s->entries[to]);
	}
	free(slots);
	return 0;
}

int scan_order(struct scan *s)
{
	int r = 0;

	if (!is_sorted(s)) {
		r = sort(s);
		if (r == 0)
			r = merge(s);
	}
	if (r == 0)
		r = find_links(s);
	return r;
}
