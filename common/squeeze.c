/* squeeze.c - makes pieces of data shorter, in zlib format (RFC 1950), where that pays. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/squeeze.h"

#include <assert.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdlib.h>

#define WORTH   16                     /* it pays if so much of it, one part in 16, is saved */
#define SAMPLE  2048                   /* bytes of one sample, */
#define SAMPLES 4                      /* so many in turns with what is between them */
#define WHOLE   (4 * SAMPLES * SAMPLE) /* a piece up to this length needs no samples */

struct squeeze {
	struct isal_zstream stream;
	uint8_t level[ISAL_DEF_LVL1_DEFAULT]; /* the compressor's own */
	uint8_t sample[SAMPLE];
};

int squeeze_new(struct squeeze **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void squeeze_free(struct squeeze *s)
{
	free(s);
}

/* All of it at once: the length, or 0. */
static size_t pack(struct squeeze *s, const uint8_t *in, size_t len, uint8_t *out)
{
	struct isal_zstream *z = &s->stream;

	isal_deflate_stateless_init(z);
	z->level = 1;
	z->level_buf = s->level;
	z->level_buf_size = sizeof(s->level);
	z->gzip_flag = IGZIP_ZLIB;
	z->end_of_stream = 1;
	z->next_in = (uint8_t *)in;
	z->avail_in = (uint32_t)len;
	z->next_out = out;
	z->avail_out = (uint32_t)(len - len / WORTH);
	return isal_deflate_stateless(z) == COMP_OK && z->total_out < len ? z->total_out : 0;
}

/* Film and what was compressed before cost no more than this. */
static bool seems_worth_it(struct squeeze *s, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < SAMPLES; i++)
		if (pack(s, in + i * ((len - SAMPLE) / (SAMPLES - 1)), SAMPLE, s->sample) > 0)
			return true;
	return false;
}

size_t squeeze_piece(struct squeeze *s, const uint8_t *in, size_t len, uint8_t *out)
{
	assert(len <= SQUEEZE_MAX);
	if (len < WORTH || (len > WHOLE && !seems_worth_it(s, in, len)))
		return 0;
	return pack(s, in, len, out);
}
