/* jobinfo.c - what a NORM_INFO of ours says about its object. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/jobinfo.h"

#include <errno.h>

#include "proto/bytes.h"
#include "proto/wire.h"

enum {
	TYPE_NAME = 1,
	TYPE_MODE = 2,
	TYPE_MTIME = 3,
	TYPE_DIGEST = 4,
	TYPE_CRITICAL = 0x80, /* from here on: not to be skipped by those who do not know it */
};

#define MODE_DEFAULT 0644
#define MODE_MAX     07777
#define MODE_LEN     2
#define MTIME_LEN    12

/* What decoder and encoder demand alike. */
static bool valid(const struct jobinfo *info)
{
	return info->name_len > 0 && info->name_len <= JOBINFO_NAME_MAX &&
	       !memchr(info->name, 0, info->name_len) && info->mode <= MODE_MAX &&
	       info->mtime_nsec < NSEC_PER_SEC;
}

static void encode_item(struct wr *w, uint8_t type, size_t len)
{
	wr_u8(w, type);
	wr_u16(w, (uint16_t)len);
}

int jobinfo_encode(const struct jobinfo *info, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (!valid(info))
		return -EINVAL;
	wr_u32(&w, SOW_MAGIC);
	encode_item(&w, TYPE_NAME, info->name_len);
	wr_bytes(&w, info->name, info->name_len);
	encode_item(&w, TYPE_MODE, MODE_LEN);
	wr_u16(&w, info->mode);
	encode_item(&w, TYPE_MTIME, MTIME_LEN);
	wr_u64(&w, (uint64_t)info->mtime_sec);
	wr_u32(&w, info->mtime_nsec);
	if (info->has_digest) {
		encode_item(&w, TYPE_DIGEST, DIGEST_LEN);
		wr_bytes(&w, info->digest, DIGEST_LEN);
	}
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

static void decode_digest(struct jobinfo *info, struct rd *value)
{
	const uint8_t *digest = rd_bytes(value, DIGEST_LEN);

	if (!digest)
		return;
	memcpy(info->digest, digest, DIGEST_LEN);
	info->has_digest = true;
}

/* One item; `value` holds exactly its bytes. */
static int decode_item(struct jobinfo *info, uint8_t type, struct rd *value)
{
	switch (type) {
	case TYPE_NAME:
		info->name_len = rd_left(value);
		info->name = (const char *)rd_bytes(value, info->name_len);
		break;
	case TYPE_MODE:
		info->mode = rd_u16(value);
		break;
	case TYPE_MTIME:
		info->mtime_sec = (int64_t)rd_u64(value);
		info->mtime_nsec = rd_u32(value);
		break;
	case TYPE_DIGEST:
		decode_digest(info, value);
		break;
	default:
		return type < TYPE_CRITICAL ? 0 : -EPROTONOSUPPORT;
	}
	return rd_done(value) ? 0 : -EBADMSG;
}

int jobinfo_decode(struct jobinfo *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct jobinfo info = { .mode = MODE_DEFAULT };
	unsigned seen = 0;

	if (rd_u32(&r) != SOW_MAGIC)
		return -EPROTONOSUPPORT;
	while (rd_left(&r) > 0) {
		uint8_t type = rd_u8(&r);
		uint16_t value_len = rd_u16(&r);
		struct rd value = rd_sub(&r, value_len);
		unsigned bit = type >= TYPE_NAME && type <= TYPE_DIGEST ? 1u << type : 0;
		int err;

		if (!rd_ok(&r) || (seen & bit))
			return -EBADMSG;
		seen |= bit;
		err = decode_item(&info, type, &value);
		if (err < 0)
			return err;
	}
	if (!valid(&info))
		return -EBADMSG;
	*ret = info;
	return 0;
}
