/* fuzz_ext.c - a FEC Encoding ID and header extensions: what decodes, encodes to the same. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "tests/equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size), out;
	uint8_t fec_id = rd_u8(&in);
	struct exts e, back;
	struct wr w;
	uint8_t *buf;
	size_t len;
	int err;

	err = ext_decode(&e, &in, fec_id);
	if (err < 0) {
		CHECK(err == -EBADMSG);
		return 0;
	}
	CHECK(rd_done(&in));
	buf = malloc(size);
	CHECK(buf);
	w = wr_init(buf, size);
	CHECK(ext_encode(&e, &w, fec_id) == 0);
	len = wr_len(&w);
	CHECK(len < size && len % 4 == 0);
	w = wr_init(buf, len); /* there is room for as much, and for no less */
	CHECK(ext_encode(&e, &w, fec_id) == 0);
	w = wr_init(buf, len ? len - 1 : 0);
	CHECK(ext_encode(&e, &w, fec_id) == (len ? -ENOSPC : 0));
	w = wr_init(buf, len);
	CHECK(ext_encode(&e, &w, fec_id) == 0);
	out = rd_init(buf, len);
	CHECK(ext_decode(&back, &out, fec_id) == 0);
	CHECK(exts_equal(&e, &back));
	free(buf);
	return 0;
}
