/* pack_rig.c - random trees, and a job of one, for tests of what is made of them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/log.h"
#include "tests/sane.h"
#include "tests/unit/pack_rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

char pack_rig_dir[] = "/tmp/sow-pack-XXXXXX";
static const struct scan_conf plain;

int pack_rig_make(void **state)
{
	log_set_level(LOG_LEVEL_ERR);
	return !mkdtemp(pack_rig_dir) || chdir(pack_rig_dir) < 0;
}

static int rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int pack_rig_remove(void **state)
{
	return chdir("/") || nftw(pack_rig_dir, rm, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- random trees --- */

/* A chunk of few different contents, zeros among them: they repeat. */
static void write_chunk(struct rng *rng, int fd, uint64_t off, size_t len)
{
	static uint8_t data[CHUNK];
	uint64_t kind = rng_below(rng, 8);

	if (kind == 0)
		return; /* a hole, or the end is cut */
	memset(data, (int)(kind - 1), sizeof(data));
	if (kind > 5)
		data[len / 2] = (uint8_t)rng_u64(rng);
	for (size_t i = 0; kind == 7 && i < len; i++) /* nothing makes it shorter */
		data[i] = (uint8_t)rng_u64(rng);
	assert_int_equal(file_pwrite_all(fd, data, len, off), 0);
}

static void write_file(struct rng *rng, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	uint64_t size = 0;

	assert_true(fd >= 0);
	if (rng_below(rng, 3) == 0)
		size = rng_below(rng, 9) * CHUNK;
	if (rng_below(rng, 4) > 0)
		size += rng_below(rng, 3 * CHUNK / 2);
	for (uint64_t off = 0; off < size; off += CHUNK)
		write_chunk(rng, fd, off, MIN((size_t)(size - off), (size_t)CHUNK));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close_fd(&fd);
}

void write_tree(struct rng *rng, const char *root)
{
	char path[128], other[128];

	assert_int_equal(mkdir(root, 0755), 0);
	for (unsigned i = 0; i < 30; i++) {
		uint64_t kind = rng_below(rng, 8);

		snprintf(path, sizeof(path), "%s/%u", root, i);
		snprintf(other, sizeof(other), "%s/%u", root, (unsigned)rng_below(rng, i + 1));
		if (kind == 0)
			assert_int_equal(mkdir(path, 0700), 0);
		else if (kind > 1 || link(other, path) < 0)
			write_file(rng, path);
	}
}

/* --- a job of it --- */

void work_init(struct work *w, const char *root)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->root, sizeof(w->root), "%s", root);
	w->names[0] = w->root;
	assert_int_equal(scan_new(&w->scan, w->names, 1, &plain), 0);
	assert_int_equal(pack_new(&w->pack, w->scan), 0);
	assert_int_equal(sums_init(&w->sums, w->pack->m.n_chunks), 0);
	assert_int_equal(source_tree_new(&w->tree, w->pack, &w->sums), 0);
}

void work_fini(struct work *w)
{
	while (w->losses) {
		struct source_loss *next = w->losses->next;

		free(w->losses);
		w->losses = next;
	}
	source_tree_free(w->tree);
	sums_fini(&w->sums);
	pack_free(w->pack);
	scan_free(w->scan);
}

void dedup(struct work *w)
{
	assert_true(sums_complete(&w->sums));
	source_tree_free(w->tree);
	assert_int_equal(pack_dedup(w->pack, &w->sums), 0);
	assert_int_equal(source_tree_new(&w->tree, w->pack, &w->sums), 0);
}

void hash_all(struct work *w)
{
	int64_t n;

	while ((n = source_tree_hash(w->tree, 1000000, &w->losses)) > 0)
		;
	assert_int_equal(n, 0);
}

void decode(const struct work *w, struct manifest *ret)
{
	const struct manifest_limits limits = { .max_entries = 1 << 20, .max_memory = 1 << 24 };
	struct pack_wire wire;
	uint8_t *raw, id[SHA256_LEN];

	assert_int_equal(pack_encode(w->pack, &wire), 0);
	raw = malloc(wire.raw_len);
	assert_non_null(raw);
	if (wire.len < wire.raw_len)
		assert_int_equal(manifest_unpack(wire.data, wire.len, raw, wire.raw_len), 0);
	else
		memcpy(raw, wire.data, wire.raw_len);
	assert_int_equal(digest_bytes(raw, wire.raw_len, id), 0);
	assert_memory_equal(id, wire.id, SHA256_LEN);
	assert_int_equal(manifest_decode(ret, raw, wire.raw_len, &limits), 0);
	assert_null(manifest_insane(ret));
	assert_int_equal(ret->n_chunks, w->pack->m.n_chunks);
	assert_int_equal(ret->total_size, w->scan->total_size);
	free(raw);
	free(wire.data);
}

void check_sums(const struct work *w, const uint8_t *content)
{
	const struct manifest *m = &w->pack->m;
	uint8_t sum[SHA256_LEN];

	assert_true(sums_complete(&w->sums));
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		assert_int_equal(w->sums.state[i], SUM_KNOWN);
		assert_int_equal(
			digest_bytes(content + m->chunks[i].content_off, m->chunks[i].len, sum),
			0);
		assert_memory_equal(sum, w->sums.sum[i], SHA256_LEN);
	}
}

void check_files(const struct manifest *m, const uint8_t *content)
{
	for (uint32_t i = 0; i < m->n_entries; i++) {
		const struct manifest_entry *e = &m->entries[i];
		uint8_t *made;
		char *real;
		size_t len;

		if (e->type != MANIFEST_FILE)
			continue;
		made = calloc(1, e->size + 1);
		assert_non_null(made);
		for (uint32_t k = e->first_run; k < e->first_run + e->n_runs; k++)
			memcpy(made + m->runs[k].file_off, content + m->runs[k].content_off,
			       m->runs[k].len);
		assert_int_equal(file_read(e->path, 1 << 24, &real, &len), 0);
		assert_int_equal(len, e->size);
		assert_memory_equal(made, real, len);
		free(real);
		free(made);
	}
}

/* --- files that change --- */

void put_three(void)
{
	static uint8_t data[4 * CHUNK];

	memset(data, 'd', sizeof(data));
	mkdir("three", 0700);
	assert_int_equal(file_replace("three/a", 0600, "first", 5), 0);
	assert_int_equal(file_replace("three/b", 0600, data, sizeof(data)), 0);
	assert_int_equal(file_replace("three/c", 0600, "third", 5), 0);
}

unsigned count_losses(const struct work *w, int error)
{
	unsigned n = 0;

	for (struct source_loss *l = w->losses; l; l = l->next, n++)
		assert_int_equal(l->error, error);
	return n;
}
