/* fuzz_request.c - the body of a NACK: the walk ends, and what it yields survives a rewrite. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "tests/equal.h"

/* The next request whose FEC Encoding ID is `fec_id`; a writer has one only. */
static bool next_of(struct request_reader *r, struct request *q, uint8_t fec_id)
{
	while (request_next(r, q) > 0)
		if (q->fec_id == fec_id)
			return true;
	return false;
}

/* Writes them all and reads the same ones again. */
static void rewrite(const uint8_t *data, size_t size, uint8_t fec_id, bool merge)
{
	size_t cap = 2 * size; /* at worst each item gets a header of its own */
	uint8_t *buf = malloc(cap);
	struct request_reader before, after;
	struct request_writer w;
	struct request q, back;

	CHECK(buf);
	request_writer_init(&w, buf, cap, fec_id, merge);
	request_reader_init(&before, data, size);
	while (next_of(&before, &q, fec_id))
		CHECK(request_put(&w, &q) == 0);

	request_reader_init(&before, data, size);
	request_reader_init(&after, buf, request_writer_len(&w));
	while (next_of(&before, &q, fec_id)) {
		CHECK(request_next(&after, &back) == 1);
		CHECK(request_equal(&q, &back));
	}
	CHECK(request_next(&after, &back) == 0);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_reader r;
	struct request q;
	uint8_t fec_id = 0;
	size_t n = 0;
	int more;

	request_reader_init(&r, data, size);
	while ((more = request_next(&r, &q)) > 0) {
		CHECK(++n <= size / 8);
		fec_id = fec_id ? fec_id : q.fec_id;
	}
	CHECK(more == 0 || more == -EBADMSG);
	CHECK(request_next(&r, &q) == more);
	if (n == 0)
		return 0;
	rewrite(data, size, fec_id, false);
	rewrite(data, size, fec_id, true);
	return 0;
}
