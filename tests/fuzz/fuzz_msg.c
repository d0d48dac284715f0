/* fuzz_msg.c - a datagram: what decodes, encodes, and decodes to the same. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "tests/equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msg m, back;
	struct watermark wm;
	uint8_t *buf;
	int len;

	if (msg_decode(&m, data, size) < 0)
		return 0;
	buf = malloc(size);
	CHECK(buf);
	len = msg_encode(&m, buf, size); /* never longer: unknown extensions are left out */
	CHECK(len > 0 && (size_t)len <= size);
	CHECK(msg_encode(&m, buf, (size_t)len - 1) == -ENOSPC);
	CHECK(msg_encode(&m, buf, (size_t)len) == len);
	CHECK(msg_decode(&back, buf, (size_t)len) == 0);
	CHECK(msg_equal(&m, &back));
	if (m.type == NORM_ACK && watermark_decode(&wm, m.payload, m.payload_len) == 0) {
		CHECK(watermark_encode(&wm, buf, size) == (int)m.payload_len);
		CHECK(buf[0] == m.payload[0]);
	}
	free(buf);
	return 0;
}
