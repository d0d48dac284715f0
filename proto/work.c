/* work.c - the codec's share of the slow work. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/work.h"

#include <errno.h>

#include "proto/rs.h"

int work_codec(const struct work *w)
{
	switch (w->op) {
	case WORK_ENCODE:
		return rs_encode(w->codec, w->k, w->data, w->symbol_len, w->first, w->n,
				 w->parity);
	case WORK_DECODE:
		return rs_decode(w->codec, w->k, w->data, w->symbol_len, w->esi);
	case WORK_ADD:
		return fft16_add(w->large, &w->block, w->symbols, w->n);
	case WORK_SOLVE:
		return fft16_decode(w->large, &w->block, w->lost, w->symbols, w->n);
	case WORK_READ:
	case WORK_WRITE:
		break;
	}
	return -EINVAL;
}
