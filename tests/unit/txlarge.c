/* txlarge.c - tests of proto/txlarge. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/txlarge.h"
#include "tests/unit/nomem.h"

#define E      64
#define K      600
#define PARITY 300

static const struct txlarges_conf conf = {
	.memory = 64 * 128 * E, .max_k = K, .max_parity = PARITY, .symbol_len = E
};

static uint8_t byte(uint64_t key, size_t at)
{
	struct rng rng = rng_init(key << 32 ^ at);

	return (uint8_t)rng_u64(&rng);
}

/* Serves what the pass asks for, sends what there is. How many symbols were sent. */
static uint32_t run(struct txlarges *s, struct txlarge *b, uint32_t ahead)
{
	uint32_t piece, n = 0;
	struct work w;
	bool any = true;

	while (b->pass != TXLARGE_REST && any) {
		const uint8_t *data;

		any = txlarges_work(s, b, ahead, &w, &piece);
		if (any && w.op == WORK_READ)
			for (size_t i = 0; i < 128 * E && piece * 128 * E + i < b->k * E; i++)
				w.data[i] = byte(b->key, piece * 128 * E + i);
		else if (any)
			assert_int_equal(work_codec(&w), 0);
		if (any)
			txlarges_done(s, b, w.op, piece);
		assert_true(b->n_held <= ahead + b->unit);
		while (b->pass == TXLARGE_FIRST && b->sent < b->k &&
		       (data = txlarge_source(s, b, b->sent))) {
			assert_int_equal(data[7], byte(b->key, b->sent * E + 7));
			txlarges_sent(s, b, b->sent++);
			any = true;
			n++;
		}
		while (b->pass == TXLARGE_AGAIN && b->want.count &&
		       (data = txlarge_source(s, b, bitmap_next(&b->want, 0)))) {
			uint32_t esi = bitmap_next(&b->want, 0);

			assert_int_equal(data[0], byte(b->key, esi * E));
			bitmap_clear(&b->want, esi);
			txlarges_sent(s, b, esi);
			any = true;
			n++;
		}
	}
	return n;
}

static void check_parity(const struct txlarges *s, const struct txlarge *b, uint32_t n)
{
	uint8_t *src[K], *memory = malloc(K * E), parity[E];
	struct fft16_block block = { b->k, E, src };
	struct fft16 *f;

	assert_non_null(memory);
	assert_int_equal(fft16_new(&f, K, PARITY), 0);
	for (uint32_t i = 0; i < b->k * E; i++)
		memory[i] = byte(b->key, i);
	for (uint32_t i = 0; i < b->k; i++)
		src[i] = memory + i * E;
	for (uint32_t p = 0; p < n; p += 13) {
		struct fft16_parity one = { p, parity };

		assert_int_equal(fft16_encode(f, &block, &one, 1), 0);
		assert_memory_equal(parity, txlarge_parity(s, b, p), E);
	}
	fft16_free(f);
	free(memory);
}

static void one_pass_sends_and_encodes(void **state)
{
	struct txlarges s;
	struct txlarge *b;
	uint32_t free_slots;

	assert_int_equal(txlarges_init(&s, &conf), 0);
	free_slots = s.arena.n_free;
	b = txlarges_get(&s, 5, K);
	assert_non_null(b);
	assert_true(txlarges_begin(&s, b, TXLARGE_FIRST, 10));
	assert_int_equal(run(&s, b, 2), K);
	assert_int_equal(b->pass, TXLARGE_REST);
	assert_int_equal(b->parity_ready, 128); /* a whole slot of it */
	check_parity(&s, b, 128);

	/* more of it later, from the same source symbols */
	assert_true(txlarges_begin(&s, b, TXLARGE_PARITY, 129));
	assert_int_equal(run(&s, b, 2), 0);
	assert_int_equal(b->parity_ready, 256);
	check_parity(&s, b, 256);
	assert_true(txlarges_begin(&s, b, TXLARGE_PARITY, PARITY));
	run(&s, b, 1);
	assert_int_equal(b->parity_ready, PARITY);
	check_parity(&s, b, PARITY);

	for (uint32_t i = 3; i < K; i += 200)
		bitmap_set(&b->want, i);
	assert_true(txlarge_pending(b));
	assert_true(txlarges_begin(&s, b, TXLARGE_AGAIN, 0));
	assert_int_equal(run(&s, b, 2), 3);
	assert_false(txlarge_pending(b));
	assert_int_equal(b->parity_ready, PARITY);

	txlarges_forget(&s, b);
	assert_int_equal(s.arena.n_free, free_slots);
	assert_null(txlarges_find(&s, 5));
	txlarges_fini(&s);
}

static void without_parity_nothing_is_encoded(void **state)
{
	struct txlarges s;
	struct txlarge *b;

	assert_int_equal(txlarges_init(&s, &conf), 0);
	b = txlarges_get(&s, 5, 1);
	assert_true(txlarges_begin(&s, b, TXLARGE_FIRST, 0));
	assert_int_equal(run(&s, b, 2), 1);
	assert_int_equal(b->parity_ready, 0);
	assert_int_equal(b->n_slots, 0);
	txlarges_fini(&s);
}

/* Whatever is begun, a block in its first pass can go on. */
static void memory_is_never_a_trap(void **state)
{
	struct txlarges s;
	struct txlarge *b[100];
	uint32_t n = 0;

	assert_int_equal(txlarges_init(&s, &conf), 0);
	for (uint32_t i = 0; i < ARRAY_LEN(b); i++) {
		b[n] = txlarges_get(&s, i, K);
		if (!b[n])
			break;
		b[n]->sent_at = 1;
		if (txlarges_begin(&s, b[n], TXLARGE_FIRST, PARITY))
			n++;
		else
			txlarges_forget(&s, b[n]);
	}
	assert_in_range(n, 5, 21);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(run(&s, b[i], 3), K);
		b[i]->parity_target = 1;
	}
	/* those that owe something stay: there is no room for many more */
	while ((b[n] = txlarges_get(&s, 1000 + n, K)) &&
	       txlarges_begin(&s, b[n], TXLARGE_FIRST, PARITY)) {
		assert_true(n + 1 < ARRAY_LEN(b));
		run(&s, b[n], 3);
		b[n++]->parity_target = 1;
	}
	assert_in_range(n, 15, 21);
	assert_non_null(txlarges_find(&s, 3));
	b[3]->parity_sent = 1;
	assert_true(txlarges_begin(&s, b[n], TXLARGE_FIRST, PARITY));
	assert_null(txlarges_find(&s, 3));
	assert_non_null(txlarges_find(&s, 4));
	txlarges_fini(&s);
}

static void forgetting_waits_for_requests(void **state)
{
	struct txlarges s;
	struct txlarge *b;
	struct work w;
	uint32_t piece, free_slots;

	assert_int_equal(txlarges_init(&s, &conf), 0);
	free_slots = s.arena.n_free;
	b = txlarges_get(&s, 5, K);
	assert_true(txlarges_begin(&s, b, TXLARGE_FIRST, 1));
	assert_true(txlarges_work(&s, b, 2, &w, &piece));
	txlarges_forget(&s, b);
	assert_null(txlarges_find(&s, 5));
	assert_true(s.arena.n_free < free_slots);
	assert_false(txlarges_work(&s, b, 2, &w, &piece));
	txlarges_done(&s, b, WORK_READ, piece);
	assert_int_equal(s.arena.n_free, free_slots);
	assert_int_equal(s.n, 0);
	txlarges_fini(&s);
}

static void counting_stores_nothing(void **state)
{
	struct txlarges_conf c = conf;
	struct txlarges s;
	struct txlarge *b;
	struct work w;
	uint32_t piece, reads = 0;

	c.counting = true;
	nomem_bytes = 0;
	assert_int_equal(txlarges_init(&s, &c), 0);
	assert_true(nomem_bytes < 100000);
	b = txlarges_get(&s, 5, K);
	assert_true(txlarges_begin(&s, b, TXLARGE_FIRST, PARITY));
	while (b->sent < K) {
		if (txlarges_work(&s, b, 2, &w, &piece)) {
			assert_int_equal(w.op, WORK_READ);
			assert_null(w.data);
			reads++;
			txlarges_done(&s, b, w.op, piece);
			continue;
		}
		assert_non_null(txlarge_source(&s, b, b->sent));
		txlarges_sent(&s, b, b->sent++);
	}
	assert_int_equal(reads, 5);
	assert_int_equal(b->parity_ready, PARITY);
	assert_non_null(txlarge_parity(&s, b, PARITY - 1));
	txlarges_fini(&s);
}

static void refuses_nonsense(void **state)
{
	struct txlarges_conf c = conf;
	struct txlarges s;

	c.symbol_len = 63;
	assert_int_equal(txlarges_init(&s, &c), -EINVAL);
	c = conf;
	c.max_k = 32769;
	assert_int_equal(txlarges_init(&s, &c), -EINVAL);
	c = conf;
	c.max_parity = 0;
	assert_int_equal(txlarges_init(&s, &c), -EINVAL);
}

static void every_allocation_may_fail(void **state)
{
	struct txlarges s;
	unsigned n = 1;
	int r;

	do {
		nomem_in = n++;
		r = txlarges_init(&s, &conf);
		txlarges_fini(&s);
	} while (r == -ENOMEM);
	nomem_in = 0;
	assert_int_equal(r, 0);
	assert_in_range(n, 9, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pass_sends_and_encodes),
		cmocka_unit_test(without_parity_nothing_is_encoded),
		cmocka_unit_test(memory_is_never_a_trap),
		cmocka_unit_test(forgetting_waits_for_requests),
		cmocka_unit_test(counting_stores_nothing),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("txlarge", tests, NULL, NULL);
}
