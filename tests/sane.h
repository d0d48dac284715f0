/* sane.h - whether a manifest keeps its promises, looked at in another way than the codec's. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SANE_H
#define TESTS_SANE_H

#include "proto/manifest.h"

/* What is wrong with a decoded manifest; NULL: nothing. Takes the square of its size. */
const char *manifest_insane(const struct manifest *m);

/* Whether all that the wire form says is the same in both. */
bool manifest_equal(const struct manifest *a, const struct manifest *b);

#endif
