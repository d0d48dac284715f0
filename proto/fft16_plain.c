/* fft16_plain.c - GF(2^16) rows in plain C, for every machine. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "proto/fft16_kernel.h"

#define TARGET
#define HALF (FFT16_CELL / 2)

struct cell {
	uint64_t words[FFT16_CELL / 8]; /* its bytes in memory are what counts */
};

/* The products of the four nibbles of a word. */
struct table {
	uint16_t product[4][16];
};

static void prepare(uint8_t *table, const uint16_t product[static 16])
{
	struct table t;

	for (unsigned n = 0; n < 4; n++)
		for (unsigned v = 0; v < 16; v++)
			t.product[n][v] = fft16_nibble(product + 4 * n, v);
	memcpy(table, &t, sizeof(t));
}

static inline struct cell cell_read(const uint8_t *p)
{
	struct cell c;

	memcpy(&c, p, sizeof(c));
	return c;
}

static inline void cell_write(uint8_t *p, struct cell c)
{
	memcpy(p, &c, sizeof(c));
}

static inline struct cell cell_sum(struct cell a, struct cell b)
{
	for (unsigned i = 0; i < FFT16_CELL / 8; i++)
		a.words[i] ^= b.words[i];
	return a;
}

static inline struct cell cell_pack(const uint8_t *sym)
{
	uint8_t bytes[FFT16_CELL];

	for (unsigned i = 0; i < HALF; i++) {
		bytes[i] = sym[2 * i];
		bytes[HALF + i] = sym[2 * i + 1];
	}
	return cell_read(bytes);
}

static inline void cell_unpack(uint8_t *sym, struct cell c)
{
	uint8_t bytes[FFT16_CELL];

	cell_write(bytes, c);
	for (unsigned i = 0; i < HALF; i++) {
		sym[2 * i] = bytes[i];
		sym[2 * i + 1] = bytes[HALF + i];
	}
}

static inline struct table table_read(struct fft16_factor c)
{
	struct table low, high;

	memcpy(&low, c.low, sizeof(low));
	memcpy(&high, c.high, sizeof(high));
	for (unsigned n = 0; n < 4; n++)
		for (unsigned v = 0; v < 16; v++)
			low.product[n][v] ^= high.product[n][v];
	return low;
}

static inline struct cell table_times(const struct table *t, struct cell c)
{
	uint8_t bytes[FFT16_CELL];

	cell_write(bytes, c);
	for (unsigned i = 0; i < HALF; i++) {
		unsigned low = bytes[i], high = bytes[HALF + i];
		unsigned product = t->product[0][low & 15] ^ t->product[1][low >> 4] ^
				   t->product[2][high & 15] ^ t->product[3][high >> 4];

		bytes[i] = (uint8_t)product;
		bytes[HALF + i] = (uint8_t)(product >> 8);
	}
	return cell_read(bytes);
}

#include "proto/fft16_rows.h"

const struct fft16_kernel fft16_plain = {
	.name = "plain",
	.table_len = sizeof(struct table),
	.prepare = prepare,
	ROWS_OPS,
};
