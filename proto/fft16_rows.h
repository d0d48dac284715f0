/* fft16_rows.h - a kernel's loops over rows, from what it can do to one cell. */
/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Included once by each kernel, after it has defined TARGET (a function attribute), a struct
 * for a cell and one for a table, and as static inline functions
 *
 *	cell_read(p), cell_write(p, cell), cell_sum(a, b)
 *	cell_pack(sym) and cell_unpack(sym, cell): from and to 64 bytes of a symbol
 *	table_read(factor), table_times(&table, cell)
 */
#include <string.h>

#include "proto/fft16_kernel.h"

TARGET static void rows_load(uint8_t *row, const uint8_t *sym, size_t len)
{
	uint8_t tail[FFT16_CELL] = { 0 };

	for (; len >= FFT16_CELL; len -= FFT16_CELL) {
		cell_write(row, cell_pack(sym));
		row += FFT16_CELL;
		sym += FFT16_CELL;
	}
	if (len) {
		memcpy(tail, sym, len);
		cell_write(row, cell_pack(tail));
	}
}

TARGET static void rows_store(uint8_t *sym, const uint8_t *row, size_t len)
{
	uint8_t tail[FFT16_CELL];

	for (; len >= FFT16_CELL; len -= FFT16_CELL) {
		cell_unpack(sym, cell_read(row));
		row += FFT16_CELL;
		sym += FFT16_CELL;
	}
	if (len) {
		cell_unpack(tail, cell_read(row));
		memcpy(sym, tail, len);
	}
}

TARGET static void rows_store_add(uint8_t *sym, const uint8_t *row, size_t len)
{
	uint8_t tail[FFT16_CELL] = { 0 };

	for (; len >= FFT16_CELL; len -= FFT16_CELL) {
		cell_unpack(sym, cell_sum(cell_pack(sym), cell_read(row)));
		row += FFT16_CELL;
		sym += FFT16_CELL;
	}
	if (len) {
		memcpy(tail, sym, len);
		cell_unpack(tail, cell_sum(cell_pack(tail), cell_read(row)));
		memcpy(sym, tail, len);
	}
}

TARGET static void rows_add(uint8_t *x, const uint8_t *y, size_t n)
{
	for (size_t i = 0; i < n; i += FFT16_CELL)
		cell_write(x + i, cell_sum(cell_read(x + i), cell_read(y + i)));
}

TARGET static void rows_mul(uint8_t *x, struct fft16_factor c, size_t n)
{
	struct table t = table_read(c);

	for (size_t i = 0; i < n; i += FFT16_CELL)
		cell_write(x + i, table_times(&t, cell_read(x + i)));
}

TARGET static void rows_mul_add(uint8_t *x, const uint8_t *y, struct fft16_factor c, size_t n)
{
	struct table t = table_read(c);

	for (size_t i = 0; i < n; i += FFT16_CELL)
		cell_write(x + i,
			   cell_sum(cell_read(x + i), table_times(&t, cell_read(y + i))));
}

TARGET static void rows_forward(uint8_t *x, uint8_t *y, struct fft16_factor c, size_t n)
{
	struct table t = table_read(c);

	for (size_t i = 0; i < n; i += FFT16_CELL) {
		struct cell b = cell_read(y + i);
		struct cell a = cell_sum(cell_read(x + i), table_times(&t, b));

		cell_write(x + i, a);
		cell_write(y + i, cell_sum(b, a));
	}
}

TARGET static void rows_inverse(uint8_t *x, uint8_t *y, struct fft16_factor c, size_t n)
{
	struct table t = table_read(c);

	for (size_t i = 0; i < n; i += FFT16_CELL) {
		struct cell a = cell_read(x + i), b = cell_sum(cell_read(y + i), a);

		cell_write(y + i, b);
		cell_write(x + i, cell_sum(a, table_times(&t, b)));
	}
}

#define ROWS_OPS                                                                               \
	.load = rows_load, .store = rows_store, .store_add = rows_store_add, .add = rows_add,  \
	.mul = rows_mul, .mul_add = rows_mul_add, .forward = rows_forward,                     \
	.inverse = rows_inverse
