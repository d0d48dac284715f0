/* expand.c - gives back what squeeze made shorter. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/expand.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

struct expand {
	struct inflate_state state;
};

int expand_new(struct expand **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void expand_free(struct expand *e)
{
	free(e);
}

int expand_piece(struct expand *e, const uint8_t *in, size_t len, uint8_t *out, size_t out_len)
{
	struct inflate_state *s = &e->state;

	if (len > UINT32_MAX || out_len > UINT32_MAX)
		return -EBADMSG;
	isal_inflate_init(s);
	s->crc_flag = ISAL_ZLIB;
	s->next_in = (uint8_t *)in;
	s->avail_in = (uint32_t)len;
	s->next_out = out;
	s->avail_out = (uint32_t)out_len;
	return isal_inflate_stateless(s) == ISAL_DECOMP_OK &&
			       s->block_state == ISAL_BLOCK_FINISH && s->avail_in == 0 &&
			       s->avail_out == 0
		       ? 0
		       : -EBADMSG;
}
