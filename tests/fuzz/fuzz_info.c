/* fuzz_info.c - the content of NORM_INFO: what decodes, encodes to the same. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "proto/jobinfo.h"
#include "tests/equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jobinfo info, back;
	uint8_t buf[JOBINFO_NAME_MAX + 256];
	int len;

	if (jobinfo_decode(&info, data, size) < 0)
		return 0;
	CHECK(info.name_len > 0 && info.name_len <= JOBINFO_NAME_MAX);
	len = jobinfo_encode(&info, buf, sizeof(buf));
	CHECK(len > 0);
	CHECK(jobinfo_decode(&back, buf, (size_t)len) == 0);
	CHECK(bytes_equal(info.name, info.name_len, back.name, back.name_len));
	CHECK(info.mode == back.mode);
	CHECK(info.mtime_sec == back.mtime_sec && info.mtime_nsec == back.mtime_nsec);
	CHECK(info.has_digest == back.has_digest);
	CHECK(bytes_equal(info.digest, DIGEST_LEN, back.digest, DIGEST_LEN));
	CHECK(info.role == back.role && info.role <= JOBINFO_PART);
	CHECK(bytes_equal(info.job, DIGEST_LEN, back.job, DIGEST_LEN));
	CHECK(info.has_raw_size == back.has_raw_size && info.raw_size == back.raw_size);
	CHECK(info.offset == back.offset && (info.role == JOBINFO_PART || info.offset == 0));
	CHECK(info.has_size == back.has_size && info.size == back.size);
	CHECK(!info.has_size || info.offset <= info.size);
	return 0;
}
