/* rs.h - Reed-Solomon over GF(2^8) as NRL's library computes it, on ISA-L's kernels. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RS_H
#define PROTO_RS_H

#include "proto/types.h"

/*
 * The code of FEC ID 5 and of FEC ID 129 instance 0. The points are x_0 = 0, x_j = alpha^(j-1),
 * the dimension is B whatever the block's k; missing positions k .. B-1 are virtual zero
 * symbols and parity p has esi k + p. This is what libnorm computes and not the matrix of RFC
 * 5510 §8.
 *
 * An object owns tables and work memory, so one thread at a time uses it.
 */
struct rs;

/* B >= 1, parity >= 0, B + parity <= 255, otherwise -EINVAL. -ENOMEM. */
int rs_new(struct rs **ret, unsigned max_block, unsigned n_parity);
void rs_free(struct rs *rs);

/*
 * Parity first .. first+n-1 of the k source symbols at src (`len` bytes each, back to back),
 * written back to back to `parity`. 1 <= k <= B, first + n <= n_parity, otherwise -EINVAL.
 */
int rs_encode(struct rs *rs, unsigned k, const uint8_t *src, size_t len, unsigned first,
	      unsigned n, uint8_t *parity);

/*
 * Recovers a block in place. sym holds k slots of `len` bytes back to back; slot i holds the
 * symbol esi[i]: its own source symbol (esi[i] == i) or, standing in for a missing source
 * symbol, any parity (esi[i] == k + p, each at most once). Afterwards slot i holds source
 * symbol i and esi[i] == i. -EINVAL: k out of bounds or an esi that fits neither rule; nothing
 * changed.
 */
int rs_decode(struct rs *rs, unsigned k, uint8_t *sym, size_t len, uint16_t *esi);

#endif
