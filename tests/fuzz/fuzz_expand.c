/* fuzz_expand.c - a piece in zlib form: what zlib takes comes out as zlib makes it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "common/expand.h"

#include <string.h>
#include <zlib.h>

/* The first two bytes are the length that it shall have, the rest is the piece. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct expand *ex;
	size_t want = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
	uint8_t *out = malloc(want + 1), *ref = malloc(want + 1);
	uLongf ref_len = want, in = size < 2 ? 0 : size - 2;
	int r;

	CHECK(out && ref && (ex || expand_new(&ex) == 0));
	r = size >= 2 ? expand_piece(ex, data + 2, size - 2, out, want) : -1;
	if (size >= 2 && uncompress2(ref, &ref_len, data + 2, &in) == Z_OK && ref_len == want &&
	    in == size - 2)
		CHECK(r == 0 && memcmp(out, ref, want) == 0);
	free(out);
	free(ref);
	return 0;
}
