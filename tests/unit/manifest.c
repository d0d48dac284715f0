/* manifest.c - tests of proto/manifest. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/bytes.h"
#include "proto/manifest.h"
#include "proto/varint.h"
#include "tests/sane.h"
#include "tests/unit/nomem.h"

#define CHUNK MANIFEST_CHUNK

/* Pieces of a wire form; numbers below 128 are a byte. */
#define HEAD(n_entries, n_runs, content) 'S', 'O', 'W', 'M', 1, n_entries, n_runs, content
#define META                             0, 0, 2, 0 /* flags, mode, mtime */
#define DIR(shared, len, ...)            2, META, shared, len, __VA_ARGS__
#define FILE_OF(shared, len, ...)        1, META, shared, len, __VA_ARGS__ /* size, runs follow */
#define SYMLINK(shared, len, ...)        3, META, shared, len, __VA_ARGS__ /* target follows */
#define HARDLINK(shared, len, ...)       4, META, shared, len, __VA_ARGS__
#define EMPTY                            0, 0 /* a file's size and runs */
#define OPEN                             1, 4, 0, 0, 0, 0, 1, 'f'
#define CHUNK_VARINT                     0x80, 0x80, 0x10

static const struct manifest_limits limits = { .max_entries = 1000, .max_memory = 1 << 20 };

struct wire_case {
	int err;
	const uint8_t *wire;
	size_t len;
};

static void check_cases(const struct wire_case *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct manifest m = { .n_entries = 99 };
		uint8_t *exact = malloc(v[i].len); /* a byte too far is seen */

		assert_non_null(exact);
		memcpy(exact, v[i].wire, v[i].len);
		if (manifest_decode(&m, exact, v[i].len, &limits) != v[i].err)
			fail_msg("case %zu", i);
		free(exact);
		if (v[i].err) {
			assert_int_equal(m.n_entries, 99);
			continue;
		}
		assert_null(manifest_insane(&m));
		manifest_fini(&m);
		assert_null(m.memory);
	}
}

static void heads(void **state)
{
	const struct wire_case v[] = {
		{ 0, BYTES(HEAD(0, 0, 0)) },
		{ -EBADMSG, BYTES('S') },
		{ -EBADMSG, BYTES('S', 'O', 'W', 'N', 1, 0, 0, 0) },
		{ -EPROTONOSUPPORT, BYTES('S', 'O', 'W', 'M', 3, 0, 0, 0) },
		{ -EBADMSG, BYTES(HEAD(0, 0, 0), 0) },        /* something left over */
		{ -EBADMSG, BYTES(HEAD(0, 0, 1)) },           /* content of no file */
		{ -EBADMSG, BYTES(HEAD(0, 1, 0)) },           /* a run of no file */
		{ -EBADMSG, BYTES(HEAD(1, 0, 0)) },           /* an entry that is not there */
		{ -EFBIG, BYTES(HEAD(0x80, 0x80, 1), 0, 0) }, /* 16384 entries */
		{ -EFBIG, BYTES('S', 'O', 'W', 'M', 1, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0) },
		{ -EBADMSG, BYTES('S', 'O', 'W', 'M', 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80,
				  0x80, 0x80, 0x80, 0x80, 1) }, /* content 2^63 */
	};

	check_cases(v, ARRAY_LEN(v));
}

static void entries(void **state)
{
	const struct wire_case v[] = {
		{ 0, BYTES(HEAD(1, 0, 0), DIR(0, 1, 'd')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 0, META, 0, 1, 'd', 1, 'x') },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 5, META, 0, 1, 'd', 1, 'x') },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 16, 0, 0, 0, 0, 1, 'd') },       /* flags */
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 0, 0x80, 32, 0, 0, 0, 1, 'd') }, /* mode */
		{ 0, BYTES(HEAD(1, 0, 0), 2, 0, 0xff, 31, 0, 0, 0, 1, 'd') },
		{ 0, BYTES(HEAD(1, 0, 0), 2, 0, 0, 3, 0xff, 0x93, 0xeb, 0xdc, 3, 0, 1, 'd') },
		{ -EBADMSG,
		  BYTES(HEAD(1, 0, 0), 2, 0, 0, 3, 0x80, 0x94, 0xeb, 0xdc, 3, 0, 1, 'd') },
		/* owner */
		{ 0, BYTES(HEAD(1, 0, 0), 2, 1, 0, 0, 0, 0, 1, 'd', 0, 7) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 1, 0, 0, 0, 0, 1, 'd', 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 1, 0, 0, 0, 0, 1, 'd', 0x80, 0x80, 0x80,
				  0x80, 0x10, 0) },
		/* whole */
		{ 0, BYTES(HEAD(1, 0, 0), 2, 8, 0, 0, 0, 0, 1, 'd') },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 1, 8, 0, 0, 0, 0, 1, 'f', EMPTY) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 3, 8, 0, 0, 0, 0, 1, 'l', 1, 'x') },
		/* open */
		{ 0, BYTES(HEAD(1, 0, 0), OPEN, EMPTY) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), OPEN, 1, 0) },                  /* a size */
		{ -EBADMSG, BYTES(HEAD(1, 1, 1), OPEN, 1, 1, 0, 1, 0) },         /* a run */
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 4, 0, 0, 0, 0, 1, 'd') },    /* no file */
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), OPEN, EMPTY, DIR(0, 1, 'z')) }, /* not alone */
		/* attributes */
		{ 0, BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 1, 1, 'a', 0) },
		{ 0,
		  BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 2, 1, 'a', 1, 0, 1, 'b', 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 1, 0, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 1, 1, 0, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 1, 1, 'a', 1) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), 2, 2, 0, 0, 0, 0, 1, 'd', 0xff, 0xff, 0xff,
				  0x7f, 1, 'a', 0) },
		/* targets */
		{ 0, BYTES(HEAD(1, 0, 0), SYMLINK(0, 1, 'l'), 4, '/', '.', '.', '/') },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), SYMLINK(0, 1, 'l'), 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), SYMLINK(0, 1, 'l'), 1, 0) },
		{ 0, BYTES(HEAD(2, 0, 0), FILE_OF(0, 1, 'a'), EMPTY, HARDLINK(0, 1, 'b'), 1,
			   'a') },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), DIR(0, 1, 'a'), HARDLINK(0, 1, 'b'), 1, 'a') },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), HARDLINK(0, 1, 'a'), 1, 'a') },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), HARDLINK(0, 1, 'a'), 1, 'b',
				  FILE_OF(0, 1, 'b'), EMPTY) }, /* stands behind it */
		{ -EBADMSG, BYTES(HEAD(3, 0, 0), FILE_OF(0, 1, 'a'), EMPTY, HARDLINK(0, 1, 'b'),
				  1, 'a', HARDLINK(0, 1, 'c'), 1, 'b') },
	};

	check_cases(v, ARRAY_LEN(v));
}

static void paths(void **state)
{
	const struct wire_case v[] = {
		{ 0, BYTES(HEAD(1, 0, 0), DIR(0, 3, 'a', '/', 'b')) },
		{ 0, BYTES(HEAD(1, 0, 0), DIR(0, 3, '.', '.', '.')) },
		{ 0, BYTES(HEAD(1, 0, 0), DIR(0, 2, '\n', 0xff)) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 0, 2)) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 2, '/', 'a')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 2, 'a', '/')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 4, 'a', '/', '/', 'b')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 1, '.')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 2, '.', '.')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 4, 'a', '/', '.', '.')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 5, 'a', '/', '.', '/', 'b')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 3, 'a', 0, 'b')) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(1, 1, 'a')) }, /* shared with nothing */
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), DIR(0, 9, 'a')) }, /* cut off */
		/* order: a slash before all other bytes */
		{ 0,
		  BYTES(HEAD(3, 0, 0), DIR(0, 1, 'a'), DIR(1, 2, '/', 'z'), DIR(1, 1, '!')) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), DIR(0, 2, 'a', '!'), DIR(1, 2, '/', 'z')) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), DIR(0, 1, 'b'), DIR(0, 1, 'a')) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), DIR(0, 1, 'a'), DIR(0, 1, 'a')) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), DIR(0, 1, 'a'), DIR(1, 0, 2, META, 0, 0)) },
		{ 0, BYTES(HEAD(2, 0, 0), DIR(0, 1, 'a'), DIR(0, 2, 'a', 'b')) },
		/* below what is no directory */
		{ -EBADMSG,
		  BYTES(HEAD(2, 0, 0), FILE_OF(0, 1, 'a'), EMPTY, DIR(1, 2, '/', 'b')) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), SYMLINK(0, 1, 'a'), 1, 'x',
				  DIR(1, 4, '/', 'b', '/', 'c')) },
		{ 0, BYTES(HEAD(2, 0, 0), FILE_OF(0, 1, 'a'), EMPTY, DIR(1, 1, 'b')) },
	};

	check_cases(v, ARRAY_LEN(v));
}

static void path_lengths(void **state)
{
	static const struct {
		unsigned part, len;
		int err;
	} v[] = {
		{ 255, 255, 0 },
		{ 256, 256, -EBADMSG },
		{ 255, MANIFEST_PATH_MAX - 1, 0 },
		{ 200, MANIFEST_PATH_MAX, 0 },
		{ 200, MANIFEST_PATH_MAX + 1, -EBADMSG },
	};
	static const uint8_t head[] = { HEAD(1, 0, 0), 2, META, 0 };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t buf[MANIFEST_PATH_MAX + 100];
		struct wr w = wr_init(buf, sizeof(buf));
		struct manifest m;

		wr_bytes(&w, head, sizeof(head));
		wr_varint(&w, v[i].len);
		for (unsigned at = 0; at < v[i].len; at++)
			wr_u8(&w, at % (v[i].part + 1) == v[i].part ? '/' : 'x');
		assert_int_equal(manifest_decode(&m, buf, wr_len(&w), &limits), v[i].err);
		if (!v[i].err)
			manifest_fini(&m);
	}
}

static void runs(void **state)
{
	/* A file of two chunks, the second of a byte: size 262145. */
#define TWO                         0x81, 0x80, 0x10
#define HEAD_TWO(n_entries, n_runs) 'S', 'O', 'W', 'M', 1, n_entries, n_runs, TWO
	const struct wire_case v[] = {
		{ 0, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0) },
		{ 0, BYTES(HEAD(1, 0, 0), FILE_OF(0, 1, 'a'), 5, 0) }, /* a hole */
		{ -EBADMSG, BYTES(HEAD(1, 1, 4), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 6), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 0, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 2, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 1, 1, 1, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 2) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 1) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FILE_OF(0, 1, 'a'), 5, 2, 0, 1, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 2, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 0, 0), FILE_OF(0, 1, 'a'), 0x80, 0x80, 0x80, 0x80,
				  0x80, 0x80, 0x80, 0x80, 0x80, 1, 0) }, /* 2^63 */
		/* the same chunk twice: back by its length, which is -5 */
		{ 0, BYTES(HEAD(2, 2, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0, FILE_OF(0, 1, 'b'),
			   5, 1, 0, 1, 9) },
		{ -EBADMSG, BYTES(HEAD(2, 2, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0,
				  FILE_OF(0, 1, 'b'), 4, 1, 0, 1, 9) }, /* shorter */
		{ -EBADMSG,
		  BYTES(HEAD(2, 2, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0, FILE_OF(0, 1, 'b'), 4,
			1, 0, 1, 7) }, /* not where it begins */
		{ -EBADMSG, BYTES(HEAD(2, 2, 5), FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0,
				  FILE_OF(0, 1, 'b'), 6, 1, 0, 1, 9) }, /* beyond its end */
		/* two chunks, as one run and as two */
		{ 0, BYTES(HEAD_TWO(1, 1), FILE_OF(0, 1, 'a'), TWO, 1, 0, 2, 0) },
		{ 0, BYTES(HEAD_TWO(1, 2), FILE_OF(0, 1, 'a'), TWO, 2, 0, 1, 0, 0, 1, 0) },
		{ 0, BYTES(HEAD_TWO(2, 2), FILE_OF(0, 1, 'a'), TWO, 1, 0, 2, 0,
			   FILE_OF(0, 1, 'b'), 1, 1, 0, 1, 1) }, /* its last chunk */
		{ 0, BYTES(HEAD_TWO(2, 3), FILE_OF(0, 1, 'a'), 1, 1, 0, 1, 0,
			   FILE_OF(0, 1, 'b'), TWO, 2, 0, 1, 0, 0, 1, 0x81, 0x80, 0x20) },
		/* its content begins with a's, and goes on: two runs say that, one does not */
		{ -EBADMSG, BYTES(HEAD_TWO(2, 2), FILE_OF(0, 1, 'a'), CHUNK_VARINT, 1, 0, 1, 0,
				  FILE_OF(0, 1, 'b'), TWO, 1, 0, 2, 0xff, 0xff, 0x1f) },
		/* 1 byte and a chunk are as long as a chunk and 1 byte */
		{ -EBADMSG, BYTES(HEAD_TWO(3, 3), FILE_OF(0, 1, 'a'), 1, 1, 0, 1, 0,
				  FILE_OF(0, 1, 'b'), CHUNK_VARINT, 1, 0, 1, 0,
				  FILE_OF(0, 1, 'c'), TWO, 1, 0, 2, 0x81, 0x80, 0x20) },
		/* a hole before the second chunk, and one too far */
		{ 0, BYTES(HEAD(1, 1, 1), FILE_OF(0, 1, 'a'), TWO, 1, 1, 1, 0) },
		{ -EBADMSG, BYTES(HEAD(1, 1, 1), FILE_OF(0, 1, 'a'), TWO, 1, 2, 1, 0) },
	};

	check_cases(v, ARRAY_LEN(v));
}

static void sizes_do_not_overflow(void **state)
{
#define HUGE_SIZE 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f /* 2^63 - 1 */
	const struct wire_case v[] = {
		{ 0, BYTES(HEAD(1, 0, 0), FILE_OF(0, 1, 'a'), HUGE_SIZE, 0) },
		{ 0, BYTES(HEAD(2, 0, 0), FILE_OF(0, 1, 'a'), HUGE_SIZE, 0, FILE_OF(0, 1, 'b'),
			   EMPTY) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), FILE_OF(0, 1, 'a'), HUGE_SIZE, 0,
				  FILE_OF(0, 1, 'b'), 1, 0) },
		{ -EBADMSG, BYTES(HEAD(2, 0, 0), FILE_OF(0, 1, 'a'), HUGE_SIZE, 0,
				  FILE_OF(0, 1, 'b'), HUGE_SIZE, 0) },
		/* all of it as content: more chunks than there is memory for */
		{ -EFBIG, BYTES('S', 'O', 'W', 'M', 1, 1, 1, HUGE_SIZE, FILE_OF(0, 1, 'a'),
				HUGE_SIZE, 1, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 8, 0) },
		{ -EBADMSG, BYTES('S', 'O', 'W', 'M', 1, 1, 1, HUGE_SIZE, FILE_OF(0, 1, 'a'),
				  HUGE_SIZE, 1, 0, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 8, 0) },
	};

	check_cases(v, ARRAY_LEN(v));
}

/* Chunks in zlib form: how long, behind the entries. */
static void stored(void **state)
{
#define SQUEEZED(n_entries, n_runs) 'S', 'O', 'W', 'M', 2, n_entries, n_runs
#define FIVE_BYTES                  FILE_OF(0, 1, 'a'), 5, 1, 0, 1, 0
	const struct wire_case v[] = {
		{ -EBADMSG, BYTES(SQUEEZED(0, 0), 0) },    /* nothing that is stored */
		{ -EBADMSG, BYTES(SQUEEZED(0, 0), 0, 0) }, /* of no chunk */
		{ 0, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 0) },
		{ 0, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 1) },
		{ 0, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 4) },
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 5) },
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 6) },
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES) },       /* cut off */
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 4, 4) }, /* of one more */
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, CHUNK_VARINT) },
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), 5, FIVE_BYTES, 0x84, 0x80, 0x80, 0x80, 0x80,
				  0x80, 0x80, 0x80, 0x80, 1) },    /* 2^63 + 4 */
		{ -EBADMSG, BYTES(HEAD(1, 1, 5), FIVE_BYTES, 4) }, /* of the other form */
		{ 0, BYTES(SQUEEZED(1, 1), TWO, FILE_OF(0, 1, 'a'), TWO, 1, 0, 2, 0, 0xff, 0xff,
			   0x0f, 0) },
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), TWO, FILE_OF(0, 1, 'a'), TWO, 1, 0, 2, 0, 0,
				  1) }, /* as long as the chunk */
		/* 2^45 chunks: as many lengths are not there */
		{ -EBADMSG, BYTES(SQUEEZED(1, 1), HUGE_SIZE, FILE_OF(0, 1, 'a'), HUGE_SIZE, 1,
				  0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 8, 0, 1, 1) },
	};

	check_cases(v, ARRAY_LEN(v));
}

/* A manifest of everything, with what decoding its wire form must give. */
struct all {
	struct manifest_entry entries[5];
	struct manifest_run runs[3];
	struct manifest_chunk chunks[3];
	struct manifest m;
};

static void all_init(struct all *a)
{
	static const uint8_t xattrs[] = { 6, 'u', 's', 'e', 'r', '.', 'x', 2, 0, 1, 1, 'y', 0 };

	*a = (struct all){
		.entries = {
			{ .type = MANIFEST_DIR, .path = "d", .mode = 01777, .mtime_sec = -1,
			  .mtime_nsec = 999999999, .has_owner = true, .uid = UINT32_MAX,
			  .whole = true },
			{ .type = MANIFEST_FILE, .path = "d/file", .mode = 0644,
			  .mtime_sec = 1700000000, .size = 4 * (uint64_t)CHUNK + 7,
			  .first_run = 0, .n_runs = 2, .xattrs = xattrs,
			  .xattrs_len = sizeof(xattrs) },
			{ .type = MANIFEST_HARDLINK, .path = "d/hard", .target = "d/file",
			  .mtime_sec = INT64_MIN },
			{ .type = MANIFEST_FILE, .path = "d/zwei", .size = CHUNK,
			  .first_run = 2, .n_runs = 1, .mtime_sec = INT64_MAX },
			{ .type = MANIFEST_SYMLINK, .path = "e", .target = "../d" },
		},
		.runs = {
			{ 0, 2 * (uint64_t)CHUNK, 0 },
			{ 4 * (uint64_t)CHUNK, 7, 2 * (uint64_t)CHUNK },
			{ 0, CHUNK, CHUNK },
		},
		.chunks = { { 0, CHUNK }, { CHUNK, CHUNK }, { 2 * (uint64_t)CHUNK, 7 } },
	};
	for (size_t i = 0; i < ARRAY_LEN(a->entries); i++) {
		struct manifest_entry *e = &a->entries[i];

		e->path_len = (uint16_t)strlen(e->path);
		e->target_len = e->target ? (uint16_t)strlen(e->target) : 0;
	}
	a->m = (struct manifest){
		.n_entries = ARRAY_LEN(a->entries),
		.n_runs = ARRAY_LEN(a->runs),
		.n_chunks = ARRAY_LEN(a->chunks),
		.entries = a->entries,
		.runs = a->runs,
		.chunks = a->chunks,
		.content_size = 2 * (uint64_t)CHUNK + 7,
	};
}

static void everything_both_ways(void **state)
{
	struct all all;
	struct manifest back;
	uint8_t buf[1000];
	int64_t len;

	all_init(&all);
	assert_true(manifest_encode_bound(&all.m) <= sizeof(buf));
	len = manifest_encode(&all.m, buf, sizeof(buf));
	assert_true(len > 0);
	assert_true((size_t)len <= manifest_encode_bound(&all.m));
	assert_int_equal(manifest_decode(&back, buf, (size_t)len, &limits), 0);
	assert_null(manifest_insane(&back));
	assert_true(manifest_equal(&all.m, &back));
	assert_int_equal(back.total_size, 5 * (uint64_t)CHUNK + 7);
	assert_int_equal(manifest_chunk_at(&back, 0), 0);
	assert_int_equal(manifest_chunk_at(&back, CHUNK - 1), 0);
	assert_int_equal(manifest_chunk_at(&back, CHUNK), 1);
	assert_int_equal(manifest_chunk_at(&back, 2 * (uint64_t)CHUNK + 6), 2);
	manifest_fini(&back);
	for (int64_t cut = 0; cut < len; cut++) {
		assert_int_equal(manifest_encode(&all.m, buf, (size_t)cut), -ENOSPC);
		assert_int_not_equal(manifest_decode(&back, buf, (size_t)cut, &limits), 0);
	}
}

static void an_open_file_both_ways(void **state)
{
	struct manifest_entry e[2] = {
		{ .type = MANIFEST_FILE, .path = "f", .path_len = 1, .open = true },
		{ .type = MANIFEST_FILE, .path = "g", .path_len = 1 },
	};
	struct manifest m = { .entries = e, .n_entries = 1 }, back;
	uint8_t buf[100];
	int64_t len = manifest_encode(&m, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(manifest_decode(&back, buf, (size_t)len, &limits), 0);
	assert_true(back.entries[0].open);
	assert_true(manifest_equal(&m, &back));
	manifest_fini(&back);
	m.n_entries = 2;
	assert_int_equal(manifest_encode(&m, buf, sizeof(buf)), -EINVAL);
}

static void squeezed_both_ways(void **state)
{
	uint64_t at[] = { 0, 1, CHUNK, CHUNK + 7 }; /* shorter, shorter, as it is */
	struct all all;
	struct manifest back;
	uint8_t plain[1000], buf[1000];
	int64_t len;

	all_init(&all);
	len = manifest_encode(&all.m, plain, sizeof(plain));
	assert_int_equal(manifest_object_size(&all.m), all.m.content_size);
	all.m.stored = at;
	assert_int_equal(manifest_object_size(&all.m), CHUNK + 7);
	assert_int_equal(manifest_encode(&all.m, buf, sizeof(buf)), len + 1 + 3 + 1);
	assert_int_equal(buf[4], 2);
	assert_memory_equal(buf + 5, plain + 5, (size_t)len - 5);
	len += 5;
	assert_int_equal(manifest_decode(&back, buf, (size_t)len, &limits), 0);
	assert_null(manifest_insane(&back));
	assert_true(manifest_equal(&all.m, &back));
	assert_int_equal(manifest_stored_at(&back, 0), 0);
	assert_int_equal(manifest_stored_at(&back, 1), 1);
	assert_int_equal(manifest_stored_at(&back, CHUNK - 1), 1);
	assert_int_equal(manifest_stored_at(&back, CHUNK + 6), 2);
	manifest_fini(&back);
	for (int64_t cut = 0; cut < len; cut++) {
		assert_int_equal(manifest_encode(&all.m, buf, (size_t)cut), -ENOSPC);
		assert_int_not_equal(manifest_decode(&back, buf, (size_t)cut, &limits), 0);
	}
}

static void encoder_refuses(void **state)
{
	uint64_t first[] = { 1, 2, 3, 4 }, none[] = { 0, 1, 1, 2 };
	uint64_t more[] = { 0, CHUNK, CHUNK + 1, CHUNK + 9 };
	struct all a[15];
	uint8_t buf[1000];

	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		all_init(&a[i]);
	a[0].entries[0].type = 7;
	a[1].entries[0].mode = 010000;
	a[2].entries[4].path = "d";
	a[3].entries[1].path = "d/../.";
	a[4].entries[2].target = "d/none";
	a[5].entries[0].target_len = 4;
	a[6].entries[1].size--;
	a[7].runs[1].content_off++;
	a[8].m.content_size++;
	a[9].chunks[2].len--;
	a[10].entries[1].xattrs_len--;
	a[11].entries[3].first_run = 1;
	a[12].m.stored = first;
	a[13].m.stored = none;
	a[14].m.stored = more;
	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		if (manifest_encode(&a[i].m, buf, sizeof(buf)) != -EINVAL)
			fail_msg("case %zu", i);
	}
}

static void limits_hold(void **state)
{
	struct manifest_limits tight = { .max_entries = 5, .max_memory = 1 << 20 };
	struct all all;
	struct manifest m;
	uint8_t buf[1000];
	size_t len, needed;

	all_init(&all);
	len = (size_t)manifest_encode(&all.m, buf, sizeof(buf));
	nomem_bytes = 0;
	assert_int_equal(manifest_decode(&m, buf, len, &tight), 0);
	manifest_fini(&m);
	needed = nomem_bytes;
	tight.max_memory = needed;
	assert_int_equal(manifest_decode(&m, buf, len, &tight), 0);
	manifest_fini(&m);
	nomem_bytes = 0;
	tight.max_memory = needed - 1;
	assert_int_equal(manifest_decode(&m, buf, len, &tight), -EFBIG);
	assert_int_equal(nomem_bytes, 0);
	tight.max_memory = needed + 5 * 100 + 3 * 1000 + 3 * 10000;
	tight.per_entry = 100;
	tight.per_run = 1000;
	tight.per_chunk = 10000;
	assert_int_equal(manifest_decode(&m, buf, len, &tight), 0);
	manifest_fini(&m);
	tight.max_memory--;
	assert_int_equal(manifest_decode(&m, buf, len, &tight), -EFBIG);
	tight = (struct manifest_limits){ .max_entries = 4, .max_memory = 1 << 20 };
	assert_int_equal(manifest_decode(&m, buf, len, &tight), -EFBIG);
	nomem_in = 1;
	assert_int_equal(manifest_decode(&m, buf, len, &limits), -ENOMEM);
}

static void packs(void **state)
{
	static uint8_t raw[100000], buf[100000], back[100000];
	int64_t len;

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i / 100);
	len = manifest_pack(raw, sizeof(raw), buf, sizeof(buf));
	assert_in_range(len, 1, sizeof(raw) / 10);
	assert_int_equal(manifest_unpack(buf, (size_t)len, back, sizeof(back)), 0);
	assert_memory_equal(raw, back, sizeof(raw));
	/* exactly so much */
	assert_int_equal(manifest_unpack(buf, (size_t)len, back, sizeof(back) - 1), -EBADMSG);
	assert_int_equal(manifest_unpack(buf, (size_t)len - 1, back, sizeof(back)), -EBADMSG);
	buf[len] = 0;
	assert_int_equal(manifest_unpack(buf, (size_t)len + 1, back, sizeof(back)), -EBADMSG);
	buf[len - 1] ^= 1; /* the checksum */
	assert_int_equal(manifest_unpack(buf, (size_t)len, back, sizeof(back)), -EBADMSG);
	assert_int_equal(manifest_unpack(raw, 100, back, sizeof(back)), -EBADMSG);
	assert_int_equal(manifest_pack(raw, sizeof(raw), buf, (size_t)len - 1), -ENOSPC);
}

static void packing_without_memory(void **state)
{
	uint8_t raw[100] = { 0 }, buf[100], back[100];
	int64_t len;
	unsigned n = 1;

	do {
		nomem_in = n++;
		len = manifest_pack(raw, sizeof(raw), buf, sizeof(buf));
	} while (len == -ENOMEM);
	assert_true(n > 2 && len > 0);
	n = 1;
	do {
		nomem_in = n++;
	} while (manifest_unpack(buf, (size_t)len, back, sizeof(back)) == -ENOMEM);
	assert_true(n > 2);
	nomem_in = 0;
	assert_memory_equal(raw, back, sizeof(raw));
}

static void xattrs(void **state)
{
	static const uint8_t pairs[] = { 2, 'a', 'b', 1, 9, 1, 'c', 0 };
	const uint8_t *value;
	const char *name;
	size_t pos = 0, name_len, value_len;

	assert_true(manifest_xattr_next(pairs, sizeof(pairs), &pos, &name, &name_len, &value,
					&value_len));
	assert_int_equal(name_len, 2);
	assert_memory_equal(name, "ab", 2);
	assert_int_equal(value_len, 1);
	assert_int_equal(*value, 9);
	assert_true(manifest_xattr_next(pairs, sizeof(pairs), &pos, &name, &name_len, &value,
					&value_len));
	assert_memory_equal(name, "c", 1);
	assert_int_equal(value_len, 0);
	assert_false(manifest_xattr_next(pairs, sizeof(pairs), &pos, &name, &name_len, &value,
					 &value_len));
	assert_int_equal(pos, sizeof(pairs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads),
		cmocka_unit_test(entries),
		cmocka_unit_test(paths),
		cmocka_unit_test(path_lengths),
		cmocka_unit_test(runs),
		cmocka_unit_test(sizes_do_not_overflow),
		cmocka_unit_test(stored),
		cmocka_unit_test(everything_both_ways),
		cmocka_unit_test(an_open_file_both_ways),
		cmocka_unit_test(squeezed_both_ways),
		cmocka_unit_test(encoder_refuses),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(packs),
		cmocka_unit_test(packing_without_memory),
		cmocka_unit_test(xattrs),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
