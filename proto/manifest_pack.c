/* manifest_pack.c - the wire form of a manifest, compressed and back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/manifest.h"

#include <errno.h>
#include <stdlib.h>

/* Without it next_in would not take what is const. */
#define ZLIB_CONST
#include <zlib.h>

static voidpf take(voidpf opaque, uInt n, uInt size)
{
	return calloc(n, size);
}

static void give_back(voidpf opaque, voidpf memory)
{
	free(memory);
}

/* A stream from one buffer to another; zlib counts by `unsigned`. */
static int init(z_stream *z, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	if (in_len > UINT32_MAX || out_len > UINT32_MAX)
		return -EFBIG;
	*z = (z_stream){
		.next_in = in,
		.avail_in = (uInt)in_len,
		.next_out = out,
		.avail_out = (uInt)out_len,
		.zalloc = take,
		.zfree = give_back,
	};
	return 0;
}

int64_t manifest_pack(const uint8_t *raw, size_t raw_len, uint8_t *buf, size_t cap)
{
	z_stream z;
	int r = init(&z, raw, raw_len, buf, cap);

	if (r < 0)
		return r;
	if (deflateInit(&z, Z_BEST_SPEED) != Z_OK)
		return -ENOMEM;
	r = deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return r == Z_STREAM_END ? (int64_t)(cap - z.avail_out) : -ENOSPC;
}

int manifest_unpack(const uint8_t *buf, size_t len, uint8_t *raw, size_t raw_len)
{
	z_stream z;
	int r = init(&z, buf, len, raw, raw_len);

	if (r < 0)
		return r;
	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	return r == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0 ? 0 : -EBADMSG;
}
