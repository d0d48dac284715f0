/* rxlarge.c - tests of proto/rxlarge. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/nomem.h"

#include "proto/rxlarge.h"

#define LEN    6
#define PARITY 300
#define K_MAX  700
#define HELD   64

/* Blocks of random symbols, their parity, and the disk. */
struct bench {
	struct rxlarges s;
	struct rng rng;
	struct rxlarge_shape shape;
	uint8_t source[K_MAX * LEN], parity[PARITY * LEN];
	uint8_t disk[K_MAX * LEN];
	uint8_t on_disk[K_MAX * LEN]; /* whether the byte was written */
	struct work held[HELD];
	unsigned n_held;
	uint64_t n_writes, n_reads;
};

static struct bench *bench_new(size_t memory, uint32_t k, uint32_t last_len)
{
	const struct rxlarges_conf conf = { memory, K_MAX, PARITY, LEN, false };
	struct bench *t = calloc(1, sizeof(*t));
	struct fft16_parity parity[PARITY];
	uint8_t *src[K_MAX];
	struct fft16 *f;

	assert_non_null(t);
	assert_int_equal(rxlarges_init(&t->s, &conf), 0);
	t->shape = (struct rxlarge_shape){ k, PARITY, LEN, last_len };
	t->rng = rng_init(k);
	memset(t->disk, 0xaa, sizeof(t->disk)); /* what is read of holes does not matter */
	for (uint32_t i = 0; i < k * LEN - (LEN - last_len); i++)
		t->source[i] = (uint8_t)rng_u64(&t->rng);
	for (uint32_t i = 0; i < k; i++)
		src[i] = t->source + (size_t)i * LEN;
	for (uint32_t p = 0; p < PARITY; p++)
		parity[p] = (struct fft16_parity){ p, t->parity + (size_t)p * LEN };
	assert_int_equal(fft16_new(&f, k, PARITY), 0);
	assert_int_equal(
		fft16_encode(f, &(struct fft16_block){ k, LEN, src, 0 }, parity, PARITY), 0);
	fft16_free(f);
	return t;
}

/* Slots that are nobody's when there is no block. */
static uint32_t free_slots(const struct bench *t)
{
	return t->s.arena.n - RXLARGE_LOADS * t->s.n_pieces;
}

static void bench_free(struct bench *t)
{
	rxlarges_fini(&t->s);
	free(t);
}

static int source(struct bench *t, struct rxlarge *b, uint32_t i)
{
	return rxlarges_source(&t->s, b, i, t->source + (size_t)i * LEN);
}

static int parity(struct bench *t, struct rxlarge *b, uint32_t p)
{
	return rxlarges_parity(&t->s, b, p, t->parity + (size_t)p * LEN);
}

static void serve(struct bench *t, const struct work *w)
{
	if (w->op == WORK_WRITE) {
		t->n_writes++;
		for (size_t i = w->offset; i < w->offset + w->len; i++) {
			assert_false(t->on_disk[i]); /* never twice */
			t->on_disk[i] = 1;
		}
		assert_memory_equal(w->data, t->source + w->offset, w->len);
		memcpy(t->disk + w->offset, w->data, w->len);
	} else if (w->op == WORK_READ) {
		t->n_reads++;
		assert_true(t->on_disk[w->offset]);
		assert_true(t->on_disk[w->offset + w->len - 1]);
		memcpy(w->data, t->disk + w->offset, w->len);
	} else {
		assert_int_equal(work_codec(w), 0);
	}
}

/* Takes requests and serves them, up to `ahead` of them later and in any order. */
static struct rxlarge *work(struct bench *t, unsigned ahead)
{
	struct rxlarge *last = NULL;

	for (;;) {
		bool codec = false;
		unsigned i;

		while (t->n_held < ahead && rxlarges_work(&t->s, &t->held[t->n_held]))
			t->n_held++;
		for (i = 0; i < t->n_held; i++) { /* one codec, one request */
			bool c = t->held[i].op == WORK_ADD || t->held[i].op == WORK_SOLVE;

			assert_false(c && codec);
			codec |= c;
		}
		if (!t->n_held)
			return last;
		i = (unsigned)rng_below(&t->rng, t->n_held);
		serve(t, &t->held[i]);
		last = rxlarges_work_done(&t->s, &t->held[i]);
		t->held[i] = t->held[--t->n_held];
	}
}

static void check_done(struct bench *t, struct rxlarge *b)
{
	size_t len = (t->shape.k - 1) * LEN + t->shape.last_len;

	assert_int_equal(b->state, RXLARGE_DONE);
	assert_int_equal(b->n_out, 0);
	assert_memory_equal(t->disk, t->source, len);
	for (size_t i = len; i < sizeof(t->on_disk); i++)
		assert_false(t->on_disk[i]);
	rxlarges_drop(&t->s, b);
	assert_int_equal(t->s.n, 0);
	assert_int_equal(t->s.arena.n_free, free_slots(t));
	memset(t->on_disk, 0, sizeof(t->on_disk));
}

static struct rxlarge *block(struct bench *t, uint64_t key)
{
	struct rxlarge *b = rxlarges_get(&t->s, key, &t->shape);

	assert_non_null(b);
	return b;
}

static void init_refuses(void **state)
{
	struct rxlarges_conf conf = { 100000, 100, 20, LEN, false };
	struct rxlarges s;
	unsigned n;

	conf.memory = 3 * PIECE_SYMBOLS_MIN * LEN;
	assert_int_equal(rxlarges_init(&s, &conf), -EFBIG);
	conf.memory = 100000;
	conf.max_k = 0;
	assert_int_equal(rxlarges_init(&s, &conf), -EINVAL);
	conf.max_k = FFT16_MAX + 1;
	assert_int_equal(rxlarges_init(&s, &conf), -EINVAL);
	conf.max_k = 100;
	conf.max_parity = 0;
	assert_int_equal(rxlarges_init(&s, &conf), -EINVAL);
	conf.max_parity = FFT16_MAX + 1;
	assert_int_equal(rxlarges_init(&s, &conf), -EINVAL);
	conf.max_parity = 20;
	conf.max_symbol = 0;
	assert_int_equal(rxlarges_init(&s, &conf), -EINVAL);
	conf.max_symbol = LEN;
	for (n = 1;; n++) {
		nomem_in = n;
		if (rxlarges_init(&s, &conf) == 0)
			break;
		assert_null(s.b);
		assert_null(s.slots);
	}
	nomem_in = 0;
	assert_int_equal(n, 16); /* every allocation failed once */
	rxlarges_fini(&s);
}

static void what_does_not_fit_is_refused(void **state)
{
	const struct rxlarges_conf conf = { 100000, 100, 20, LEN, false };
	struct rxlarge_shape shape = { 100, 20, LEN, LEN };
	struct rxlarges s = { 0 };

	assert_false(rxlarges_fit(&s, &shape));
	assert_int_equal(rxlarges_init(&s, &conf), 0);
	assert_true(rxlarges_fit(&s, &shape));
	shape.k = 101;
	assert_false(rxlarges_fit(&s, &shape));
	assert_null(rxlarges_get(&s, 1, &shape));
	shape = (struct rxlarge_shape){ 100, 21, LEN, LEN };
	assert_false(rxlarges_fit(&s, &shape));
	shape = (struct rxlarge_shape){ 100, 20, LEN + 1, LEN };
	assert_false(rxlarges_fit(&s, &shape));
	rxlarges_fini(&s);
}

static void blocks_are_found_by_their_key(void **state)
{
	struct bench *t = bench_new(100000, 20, LEN);
	uint32_t n = 0;

	assert_null(rxlarges_find(&t->s, 5));
	for (uint64_t key = 100; rxlarges_room(&t->s); key--, n++)
		assert_int_equal(block(t, key)->key, key);
	assert_int_equal(n, t->s.cap);
	assert_null(rxlarges_get(&t->s, 200, &t->shape));
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(rxlarges_at(&t->s, i)->key, 101 - n + i);
		assert_int_equal(rxlarges_lower_bound(&t->s, 101 - n + i), i);
		assert_ptr_equal(rxlarges_find(&t->s, 101 - n + i), rxlarges_at(&t->s, i));
	}
	assert_int_equal(rxlarges_lower_bound(&t->s, 101), n);
	rxlarges_drop(&t->s, rxlarges_find(&t->s, 99));
	assert_null(rxlarges_find(&t->s, 99));
	assert_int_equal(block(t, 99)->key, 99);
	bench_free(t);
}

/* Pieces are written as they become complete, the last one short. */
static void a_block_without_loss_is_written_in_pieces(void **state)
{
	struct bench *t = bench_new(1 << 20, K_MAX, 1);
	struct rxlarge *b = block(t, 1);

	assert_int_equal(t->s.per_piece, 128);
	for (uint32_t i = 0; i < K_MAX; i++) {
		assert_int_equal(rxlarge_deficit(b), K_MAX - i);
		assert_int_equal(source(t, b, i), 1);
		assert_int_equal(work(t, 1) != NULL, i % 128 == 127 || i == K_MAX - 1);
	}
	assert_int_equal(source(t, b, 0), 0);
	assert_int_equal(parity(t, b, 0), 0);
	assert_int_equal(t->n_writes, 6);
	assert_int_equal(t->n_reads, 0);
	check_done(t, b);
	bench_free(t);
}

static void duplicates_are_refused(void **state)
{
	struct bench *t = bench_new(1 << 20, 100, LEN);
	struct rxlarge *b = block(t, 1);

	assert_int_equal(source(t, b, 7), 1);
	assert_int_equal(source(t, b, 7), 0);
	assert_int_equal(parity(t, b, 7), 1);
	assert_int_equal(parity(t, b, 7), 0);
	assert_int_equal(rxlarge_deficit(b), 98);
	bench_free(t);
}

/* Any k symbols, in any order, requests served in any order. */
static void any_k_symbols_will_do(void **state)
{
	static const uint32_t ks[] = { 1, 2, 16, 17, 127, 128, 129, 300, K_MAX };

	for (unsigned seed = 0; seed < 90; seed++) {
		uint32_t k = ks[seed % ARRAY_LEN(ks)], last_len = 1 + seed % LEN;
		struct bench *t = bench_new(seed % 2 ? 1 << 20 : 20000, k, last_len);
		struct rxlarge *b = block(t, 1);
		unsigned every = 1 + seed / 9;

		t->rng = rng_init(seed);
		while (b->state == RXLARGE_GATHERING) {
			bool is_parity = rng_below(&t->rng, every) == 0;
			int r;

			if (is_parity && b->parity.count < PARITY / 2)
				r = parity(t, b, (uint32_t)rng_below(&t->rng, PARITY));
			else
				r = source(t, b, (uint32_t)rng_below(&t->rng, k));
			assert_true(r >= 0 || t->n_held == 0);
			if (r < 0)
				work(t, HELD);
		}
		assert_ptr_equal(work(t, 1 + seed % HELD), b);
		check_done(t, b);
		bench_free(t);
	}
}

/* Losses in the order of a real transmission: what was read back is what was written. */
static void a_decoded_block_reads_and_writes_runs(void **state)
{
	struct bench *t = bench_new(1 << 20, 300, 2);
	struct rxlarge *b = block(t, 1);

	for (uint32_t i = 0; i < 300; i++)
		if (i != 5 && (i < 200 || i > 203) && i != 299)
			source(t, b, i);
	for (uint32_t p = 10; p < 15; p++)
		assert_int_equal(parity(t, b, p), 1);
	assert_int_equal(b->state, RXLARGE_GATHERING);
	assert_int_equal(parity(t, b, 2), 1);
	assert_int_equal(b->state, RXLARGE_STORING);
	work(t, 1);
	assert_int_equal(t->n_reads, 3); /* a piece at a time */
	assert_int_equal(t->n_writes, 2 + 2 + 1 + 3);
	check_done(t, b);
	bench_free(t);
}

/* The more parity there is, the more symbols are read and added at once, as memory allows. */
static void pieces_are_added_in_groups(void **state)
{
	static const struct {
		size_t memory;
		uint32_t lost, n_reads;
	} rows[] = {
		{ 1 << 20, 1, 6 }, /* six pieces of 128 */
		{ 1 << 20, 32, 6 },        { 1 << 20, 33, 3 },         { 1 << 20, 100, 2 },
		{ 1 << 20, 200, 1 },       { 32 * 128 * LEN, 200, 2 }, /* four at once, of 32
									  slots */
		{ 32 * 64 * LEN, 200, 3 }, { 8 * 16 * LEN, 60, 44 },
	};

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		struct bench *t = bench_new(rows[r].memory, K_MAX, 3);
		struct rxlarge *b = block(t, 1);

		for (uint32_t i = 0; i < K_MAX; i++) {
			if (i % 3 != 1 || i / 3 >= rows[r].lost)
				assert_int_equal(source(t, b, i), 1);
			work(t, 1);
		}
		for (uint32_t p = 0; p < rows[r].lost; p++)
			assert_int_equal(parity(t, b, p), 1);
		work(t, HELD);
		assert_int_equal(t->n_reads, rows[r].n_reads);
		check_done(t, b);
		bench_free(t);
	}
}

/* All of a block's memory: only parity, no source symbol. */
static void parity_alone_will_do(void **state)
{
	struct bench *t = bench_new(1 << 20, PARITY, LEN);
	struct rxlarge *b = block(t, 1);

	assert_true(rxlarges_keep(&t->s) >= PARITY);
	for (uint32_t p = PARITY; p-- > 0;)
		assert_int_equal(parity(t, b, p), 1);
	work(t, HELD);
	assert_int_equal(t->n_reads, 0);
	check_done(t, b);
	bench_free(t);
}

/* Two blocks are complete at once: one waits, and the lower one goes first. */
static void blocks_are_decoded_one_by_one(void **state)
{
	struct bench *t = bench_new(1 << 20, 20, LEN);
	struct rxlarge *b[3];
	struct work w;
	unsigned n = 0;

	for (unsigned j = 0; j < 3; j++) {
		b[j] = block(t, 3 - j);
		for (uint32_t i = 1; i < 20; i++)
			source(t, b[j], i);
		parity(t, b[j], j);
	}
	while (rxlarges_work(&t->s, &w)) {
		memset(t->on_disk, w.op == WORK_READ, sizeof(t->on_disk));
		serve(t, &w);
		if (rxlarges_work_done(&t->s, &w)->state != RXLARGE_DONE)
			continue;
		assert_int_equal(b[2 - n]->state, RXLARGE_DONE);
		rxlarges_drop(&t->s, b[2 - n]);
		assert_null(t->s.solver.b);
		n++;
	}
	assert_int_equal(n, 3);
	assert_int_equal(t->s.n, 0);
	bench_free(t);
}

/* Little memory, and nobody serves requests: symbols are dropped, and come in when they do. */
static void without_memory_symbols_wait(void **state)
{
	struct bench *t = bench_new(4 * 16 * LEN, 40, LEN);
	struct rxlarge *a = block(t, 1), *b = block(t, 2);

	assert_int_equal(t->s.per_piece, 16);
	assert_int_equal(t->s.arena.n_free, 2);
	assert_int_equal(rxlarges_keep(&t->s), 16);
	a->timer.heard_at = 1;
	b->timer.heard_at = 2;
	assert_int_equal(source(t, a, 0), 1);
	assert_int_equal(source(t, b, 1), 1); /* the last slot: a's is to be written */
	assert_int_equal(source(t, a, 2), -ENOBUFS);
	assert_false(bitmap_has(&a->have, 2));
	work(t, 1);
	assert_int_equal(source(t, a, 2), 1);
	work(t, 1);
	assert_int_equal(source(t, b, 3), 1);
	bench_free(t);
}

static void parity_of_the_oldest_is_given_up(void **state)
{
	struct bench *t = bench_new(5 * 16 * LEN, 40, LEN); /* two slots for parity */
	struct rxlarge *b[3];

	for (unsigned j = 0; j < 3; j++) {
		b[j] = block(t, j);
		b[j]->timer.heard_at = 10 - j;
		b[j]->timer.target = 20;
	}
	assert_int_equal(parity(t, b[0], 0), 1);
	assert_int_equal(parity(t, b[1], 1), 1);
	assert_int_equal(parity(t, b[2], 2), 1);
	assert_int_equal(b[0]->parity.count, 1);
	assert_int_equal(b[1]->parity.count, 0); /* heard longest ago, but for b[2] itself */
	assert_int_equal(rxlarge_deficit(b[1]), 40);
	assert_int_equal(b[1]->timer.target, 20); /* it remembers what was promised */
	assert_int_equal(source(t, b[1], 0), 1);
	for (uint32_t p = 3; p < 2 + 2 * 16; p++)
		assert_int_equal(parity(t, b[2], p), 1);
	assert_int_equal(b[0]->parity.count, 0);
	assert_int_equal(parity(t, b[2], 40), -ENOBUFS); /* it has all there is */
	work(t, 1);
	assert_int_equal(source(t, b[2], 1), 1);
	bench_free(t);
}

/* In the middle of everything, a block goes away. */
static void what_is_dropped_waits_for_its_requests(void **state)
{
	for (unsigned stop = 0; stop < 14; stop++) {
		struct bench *t = bench_new(1 << 20, 300, LEN);
		struct rxlarge *b = block(t, 1), *other = block(t, 2);
		struct work w;
		unsigned n = 0;

		for (uint32_t i = 0; i < 300; i++)
			if (i % 100 != 7)
				source(t, b, i);
		for (uint32_t p = 0; p < 3; p++)
			parity(t, b, p);
		assert_int_equal(rxlarges_source(&t->s, other, 3, t->source + 3 * LEN), 1);
		for (; n < stop && rxlarges_work(&t->s, &w); n++) {
			serve(t, &w);
			if (n + 1 < stop)
				rxlarges_work_done(&t->s, &w);
		}
		assert_int_equal(n, stop);
		rxlarges_drop(&t->s, b);
		if (stop) {
			assert_true(b->dead);
			assert_int_equal(source(t, b, 7), 0);
			assert_null(rxlarges_work(&t->s, &t->held[0]));
			assert_ptr_equal(rxlarges_work_done(&t->s, &w), b);
			assert_int_equal(b->n_out, 0);
			rxlarges_drop(&t->s, b);
		}
		assert_int_equal(t->s.n, 1);
		assert_int_equal(t->s.arena.n_free, free_slots(t) - 1);
		assert_null(t->s.solver.b);
		rxlarges_drop(&t->s, other);
		assert_int_equal(t->s.arena.n_free, free_slots(t));
		assert_int_equal(t->s.n_waiting, 0);

		memset(t->on_disk, 0, sizeof(t->on_disk)); /* and all is as if new */
		b = block(t, 1);
		for (uint32_t i = 0; i < 299; i++)
			source(t, b, i);
		parity(t, b, 299);
		assert_ptr_equal(work(t, HELD), b);
		check_done(t, b);
		bench_free(t);
	}
}

static void counting_keeps_no_symbols(void **state)
{
	const struct rxlarges_conf conf = { 20000, 8000, 2000, 1400, true };
	const struct rxlarge_shape shape = { 8000, 2000, 1400, 3 };
	struct rxlarges s;
	struct rxlarge *b;
	struct work w;

	nomem_bytes = 0;
	assert_int_equal(rxlarges_init(&s, &conf), 0);
	assert_true(nomem_bytes <= 20000);
	assert_int_equal(rxlarges_keep(&s), 2000);
	b = rxlarges_get(&s, 1, &shape);
	assert_non_null(b);
	for (uint32_t i = 0; i < 8000; i++)
		if (i % 100)
			assert_int_equal(rxlarges_source(&s, b, i, NULL), 1);
	assert_int_equal(rxlarges_source(&s, b, 1, NULL), 0);
	for (uint32_t p = 0; p < 80; p++) {
		assert_int_equal(b->state, RXLARGE_GATHERING);
		assert_int_equal(rxlarges_parity(&s, b, 7 * p, NULL), 1);
	}
	assert_int_equal(b->state, RXLARGE_DONE);
	assert_null(rxlarges_work(&s, &w));
	rxlarges_drop(&s, b);
	rxlarges_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_refuses),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(blocks_are_found_by_their_key),
		cmocka_unit_test(a_block_without_loss_is_written_in_pieces),
		cmocka_unit_test(duplicates_are_refused),
		cmocka_unit_test(any_k_symbols_will_do),
		cmocka_unit_test(a_decoded_block_reads_and_writes_runs),
		cmocka_unit_test(pieces_are_added_in_groups),
		cmocka_unit_test(parity_alone_will_do),
		cmocka_unit_test(blocks_are_decoded_one_by_one),
		cmocka_unit_test(without_memory_symbols_wait),
		cmocka_unit_test(parity_of_the_oldest_is_given_up),
		cmocka_unit_test(what_is_dropped_waits_for_its_requests),
		cmocka_unit_test(counting_keeps_no_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
