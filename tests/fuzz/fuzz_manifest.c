/* fuzz_manifest.c - a manifest: what decodes is sane, and encodes to the same. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "proto/manifest.h"
#include "tests/sane.h"

static void fuzz_form(const uint8_t *data, size_t size)
{
	const struct manifest_limits limits = { .max_entries = 200, .max_memory = 100000 };
	struct manifest m, back;
	int64_t len;
	uint8_t *buf;

	if (manifest_decode(&m, data, size, &limits) < 0)
		return;
	CHECK(!manifest_insane(&m));
	len = (int64_t)manifest_encode_bound(&m);
	buf = malloc((size_t)len);
	CHECK(buf);
	len = manifest_encode(&m, buf, (size_t)len);
	CHECK(len > 0);
	CHECK(manifest_decode(&back, buf, (size_t)len, &limits) == 0);
	CHECK(manifest_equal(&m, &back));
	manifest_fini(&m);
	manifest_fini(&back);
	free(buf);
}

static void fuzz_unpack(const uint8_t *data, size_t size)
{
	size_t raw_len = size > 0 ? data[0] * 16u : 0;
	uint8_t *raw = malloc(raw_len + 1);

	CHECK(raw);
	if (size > 0 && manifest_unpack(data + 1, size - 1, raw, raw_len) == 0)
		fuzz_form(raw, raw_len);
	free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_form(data, size);
	fuzz_unpack(data, size);
	return 0;
}
