/* rate_opt.h - the option --rate: a rate, or who decides on it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_RATE_OPT_H
#define SENDER_RATE_OPT_H

#include "common/opt.h"

#define RATE_NORM_CC 1 /* no rate: congestion control decides */

extern const struct opt_type opt_send_rate; /* uint64_t as opt_rate, or RATE_NORM_CC */

#endif
