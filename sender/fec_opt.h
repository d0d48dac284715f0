/* fec_opt.h - the option --fec: which code files get. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_FEC_OPT_H
#define SENDER_FEC_OPT_H

#include "common/opt.h"

enum fec_kind {
	FEC_BY_RECEIVERS, /* auto: by the file's size and the number of receivers */
	FEC_SMALL,        /* K,PARITY: k + n_parity <= 255; none: no parity at all */
	FEC_LARGE,        /* large[,K]: files of more than one small block */
};

struct fec_param {
	enum fec_kind kind;
	unsigned k, n_parity; /* symbols of a small block */
	unsigned large;       /* source symbols of a large one */
};

extern const struct opt_type opt_fec; /* struct fec_param */

#endif
