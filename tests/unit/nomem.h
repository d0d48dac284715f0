/* nomem.h - a calloc that fails on demand, for programs linked with WRAP_CALLOC. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_NOMEM_H
#define TESTS_UNIT_NOMEM_H

#include <stdlib.h>

/* Included by one file of a program only: it defines the wrapper. */
static unsigned nomem_in;  /* the n-th allocation from now on fails; 0: none does */
static size_t nomem_bytes; /* asked for so far */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	if (nomem_in && !--nomem_in)
		return NULL;
	nomem_bytes += n * size;
	return __real_calloc(n, size);
}

#endif
