/* manifest_random.c - random trees through proto/manifest and back, whole and damaged. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/manifest.h"
#include "proto/types.h"
#include "tests/sane.h"

#define TREES   300
#define DAMAGES 100 /* of each */
#define ENTRIES 60
#define RUNS    200
#define CHUNKS  200

static const struct manifest_limits limits = { .max_entries = 1000, .max_memory = 1 << 20 };

struct tree {
	struct rng rng;
	struct manifest m;
	struct manifest_entry entries[ENTRIES];
	struct manifest_run runs[RUNS];
	struct manifest_chunk chunks[CHUNKS];
	uint64_t stored[CHUNKS + 1];
	char path[ENTRIES][MANIFEST_PATH_MAX + 1];
};

static bool one_in(struct tree *t, unsigned n)
{
	return rng_below(&t->rng, n) == 0;
}

/* A name after `before` in order: longer, or a byte higher. */
static size_t next_name(struct tree *t, char *name, size_t len)
{
	if (len > 0 && len < 20 && one_in(t, 3)) {
		name[len++] = (char)(1 + rng_below(&t->rng, '/' - 1));
	} else {
		uint8_t low = len > 0 ? (uint8_t)name[0] : 1;

		if (low >= 250)
			return 0;
		name[0] = (char)(low + 1 + (low + 1 == '/'));
		len = 1 + rng_below(&t->rng, 5);
		for (size_t i = 1; i < len; i++)
			name[i] = (char)('a' + rng_below(&t->rng, 26));
	}
	name[len] = 0;
	return len == 1 && name[0] == '.' ? next_name(t, name, len) : len;
}

/* `n` chunks of the file from `first` on: new ones, or a copy of what is there. */
static void add_run(struct tree *t, struct manifest_entry *e, uint64_t first, uint64_t n)
{
	struct manifest_run run = { .file_off = first * MANIFEST_CHUNK };

	run.len = MIN(e->size - run.file_off, n * MANIFEST_CHUNK);
	run.content_off = t->m.content_size;
	if (run.len == MANIFEST_CHUNK && t->m.n_chunks && one_in(t, 2)) {
		struct manifest_chunk *c = &t->chunks[rng_below(&t->rng, t->m.n_chunks)];

		if (c->len == run.len)
			run.content_off = c->content_off;
	}
	for (uint64_t at = 0; run.content_off + at == t->m.content_size && at < run.len;) {
		uint32_t len = (uint32_t)MIN(run.len - at, (uint64_t)MANIFEST_CHUNK);

		t->chunks[t->m.n_chunks++] = (struct manifest_chunk){ t->m.content_size, len };
		t->m.content_size += len;
		at += len;
	}
	t->runs[t->m.n_runs++] = run;
	e->n_runs++;
}

static void fill_file(struct tree *t, struct manifest_entry *e)
{
	uint64_t chunks = rng_below(&t->rng, 6), first = 0;

	e->size = chunks * MANIFEST_CHUNK + (one_in(t, 2) ? rng_below(&t->rng, 9999) : 0);
	e->first_run = t->m.n_runs;
	chunks = (e->size + MANIFEST_CHUNK - 1) / MANIFEST_CHUNK;
	while (first < chunks && t->m.n_runs < RUNS && t->m.n_chunks + 8 < CHUNKS) {
		uint64_t n = 1 + rng_below(&t->rng, chunks - first);

		if (!one_in(t, 3))
			add_run(t, e, first, n);
		first += n;
	}
	t->m.total_size += e->size;
}

static void fill_link(struct tree *t, struct manifest_entry *e)
{
	const struct manifest_entry *to = &t->entries[rng_below(&t->rng, t->m.n_entries)];

	if (one_in(t, 2) && to < e && to->type == MANIFEST_FILE) {
		e->type = MANIFEST_HARDLINK;
		e->target = to->path;
		e->target_len = to->path_len;
	} else {
		e->type = MANIFEST_SYMLINK;
		e->target = "/somewhere/else";
		e->target_len = 15;
	}
}

static void fill(struct tree *t, struct manifest_entry *e)
{
	static const uint8_t pairs[] = { 1, 'x', 0, 2, 'y', 'z', 1, 0 };

	e->mode = (uint16_t)rng_below(&t->rng, 010000);
	e->mtime_sec = (int64_t)(rng_u64(&t->rng) >> rng_below(&t->rng, 64));
	e->mtime_nsec = (uint32_t)rng_below(&t->rng, NSEC_PER_SEC);
	e->has_owner = one_in(t, 2);
	if (e->has_owner)
		e->uid = (uint32_t)rng_u64(&t->rng);
	if (one_in(t, 4)) {
		e->xattrs = pairs;
		e->xattrs_len = one_in(t, 2) ? 3 : sizeof(pairs);
	}
	e->whole = e->type == MANIFEST_DIR && one_in(t, 2);
	if (e->type == MANIFEST_FILE)
		fill_file(t, e);
	else if (e->type != MANIFEST_DIR)
		fill_link(t, e);
}

static void grow(struct tree *t, const char *path, unsigned depth)
{
	char dir[MANIFEST_PATH_MAX + 1], name[32];
	size_t len = 0;

	snprintf(dir, sizeof(dir), "%s", path);
	while (t->m.n_entries < ENTRIES && !one_in(t, 8)) {
		uint32_t i = t->m.n_entries;
		struct manifest_entry *e = &t->entries[i];

		len = next_name(t, name, len);
		if (len == 0)
			return;
		e->path_len = (uint16_t)snprintf(t->path[i], sizeof(t->path[i]), "%s%s%s", dir,
						 *dir ? "/" : "", name);
		e->path = t->path[i];
		e->type = (uint8_t)(1 + rng_below(&t->rng, 3));
		if (e->type == MANIFEST_DIR && one_in(t, 4)) {
			grow(t, e->path, depth + 1); /* the directory is no entry itself */
			continue;
		}
		t->m.n_entries++;
		fill(t, e);
		if (e->type == MANIFEST_DIR && depth < 10)
			grow(t, e->path, depth + 1);
	}
}

/* Every other tree has chunks in zlib form. */
static void squeeze(struct tree *t)
{
	for (uint32_t i = 0; i < t->m.n_chunks; i++) {
		uint64_t len = t->chunks[i].len;

		t->stored[i + 1] =
			t->stored[i] + (one_in(t, 2) ? len : 1 + rng_below(&t->rng, len));
	}
	t->m.stored = t->stored;
}

static void tree_init(struct tree *t, uint64_t seed)
{
	memset(t, 0, sizeof(*t));
	t->rng = rng_init(seed);
	t->m.entries = t->entries;
	t->m.runs = t->runs;
	t->m.chunks = t->chunks;
	grow(t, "", 0);
	if (seed % 2 && t->m.n_chunks)
		squeeze(t);
}

/* Bytes flipped, cut off, doubled or put elsewhere. */
static size_t damage(struct tree *t, uint8_t *buf, size_t len)
{
	for (unsigned n = 1 + (unsigned)rng_below(&t->rng, 3); n > 0; n--) {
		size_t a = rng_below(&t->rng, len), b = rng_below(&t->rng, len);

		switch (rng_below(&t->rng, 5)) {
		case 0:
			buf[a] ^= (uint8_t)(1u << rng_below(&t->rng, 8));
			break;
		case 1:
			buf[a] = (uint8_t)rng_u64(&t->rng);
			break;
		case 2:
			memmove(buf + a, buf + b, len - MAX(a, b));
			break;
		case 3:
			buf[a]++;
			break;
		case 4:
			len = one_in(t, 4) ? a + 1 : len;
			break;
		}
	}
	return len;
}

static unsigned survivors; /* damages that left something valid */

static void check_damage(struct tree *t, const uint8_t *wire, size_t len)
{
	uint8_t *buf = malloc(len);
	struct manifest m;
	size_t n;

	assert_non_null(buf);
	memcpy(buf, wire, len);
	n = damage(t, buf, len);
	if (manifest_decode(&m, buf, n, &limits) == 0) {
		assert_null(manifest_insane(&m));
		manifest_fini(&m);
		survivors++;
	}
	free(buf);
}

static void check_tree(struct tree *t)
{
	size_t bound = manifest_encode_bound(&t->m);
	uint8_t *wire = malloc(bound);
	struct manifest back;
	int64_t len;

	assert_non_null(wire);
	assert_null(manifest_insane(&t->m));
	len = manifest_encode(&t->m, wire, bound);
	assert_true(len > 0);
	assert_int_equal(manifest_decode(&back, wire, (size_t)len, &limits), 0);
	assert_null(manifest_insane(&back));
	assert_true(manifest_equal(&t->m, &back));
	manifest_fini(&back);
	for (unsigned i = 0; i < DAMAGES; i++)
		check_damage(t, wire, (size_t)len);
	free(wire);
}

static void trees(void **state)
{
	static struct tree t;
	unsigned entries = 0;

	for (uint64_t seed = 1; seed <= TREES; seed++) {
		tree_init(&t, seed);
		entries += t.m.n_entries;
		check_tree(&t);
	}
	/* the generator makes trees, and its damage is not too coarse */
	assert_true(entries > 10 * TREES);
	assert_in_range(survivors, TREES * DAMAGES / 20, TREES * DAMAGES * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees),
	};

	return cmocka_run_group_tests_name("manifest_random", tests, NULL, NULL);
}
