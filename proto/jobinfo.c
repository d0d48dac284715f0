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
	TYPE_ROLE = TYPE_CRITICAL,
	TYPE_JOB,
	TYPE_RAW_SIZE,
	TYPE_OFFSET,
	TYPE_SIZE,
};

#define MODE_DEFAULT  0644
#define MODE_MAX      07777
#define MODE_LEN      2
#define MTIME_LEN     12
#define ROLE_LEN      1
#define SIZE_LEN      8
#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)

static bool valid_part(const struct jobinfo *info)
{
	if (!info->has_digest || info->has_raw_size || info->offset > FILE_SIZE_MAX)
		return false;
	return !info->has_size || (info->size >= info->offset && info->size <= FILE_SIZE_MAX);
}

/* A manifest is known by its digest, which is the job's id. */
static bool valid_role(const struct jobinfo *info)
{
	if (info->role == JOBINFO_PART)
		return valid_part(info);
	if (info->offset || info->has_size)
		return false;
	switch (info->role) {
	case JOBINFO_MANIFEST:
		return info->has_digest && memcmp(info->digest, info->job, DIGEST_LEN) == 0;
	case JOBINFO_FILE:
	case JOBINFO_DIGESTS:
	case JOBINFO_CONTENT:
		return !info->has_raw_size;
	default:
		return false;
	}
}

/* What decoder and encoder demand alike. */
static bool valid(const struct jobinfo *info)
{
	return info->name_len > 0 && info->name_len <= JOBINFO_NAME_MAX &&
	       !memchr(info->name, 0, info->name_len) && info->mode <= MODE_MAX &&
	       info->mtime_nsec < NSEC_PER_SEC && valid_role(info);
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
	if (info->role != JOBINFO_FILE) {
		encode_item(&w, TYPE_ROLE, ROLE_LEN);
		wr_u8(&w, info->role);
		encode_item(&w, TYPE_JOB, DIGEST_LEN);
		wr_bytes(&w, info->job, DIGEST_LEN);
	}
	if (info->has_raw_size) {
		encode_item(&w, TYPE_RAW_SIZE, SIZE_LEN);
		wr_u64(&w, info->raw_size);
	}
	if (info->role == JOBINFO_PART) {
		encode_item(&w, TYPE_OFFSET, SIZE_LEN);
		wr_u64(&w, info->offset);
	}
	if (info->has_size) {
		encode_item(&w, TYPE_SIZE, SIZE_LEN);
		wr_u64(&w, info->size);
	}
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

static void decode_digest(uint8_t ret[static DIGEST_LEN], struct rd *value)
{
	const uint8_t *digest = rd_bytes(value, DIGEST_LEN);

	if (digest)
		memcpy(ret, digest, DIGEST_LEN);
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
		decode_digest(info->digest, value);
		info->has_digest = true;
		break;
	case TYPE_ROLE:
		info->role = rd_u8(value);
		break;
	case TYPE_JOB:
		decode_digest(info->job, value);
		break;
	case TYPE_RAW_SIZE:
		info->raw_size = rd_u64(value);
		info->has_raw_size = true;
		break;
	case TYPE_OFFSET:
		info->offset = rd_u64(value);
		break;
	case TYPE_SIZE:
		info->size = rd_u64(value);
		info->has_size = true;
		break;
	default:
		return type < TYPE_CRITICAL ? 0 : -EPROTONOSUPPORT;
	}
	return rd_done(value) ? 0 : -EBADMSG;
}

/* A bit for each type that may stand there once; 0 for what is skipped or refused. */
static unsigned bit_of(uint8_t type)
{
	if (type >= TYPE_NAME && type <= TYPE_DIGEST)
		return 1u << type;
	if (type >= TYPE_ROLE && type <= TYPE_SIZE)
		return 1u << (type - TYPE_ROLE + TYPE_DIGEST + 1);
	return 0;
}

int jobinfo_decode(struct jobinfo *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct jobinfo info = { .mode = MODE_DEFAULT };
	bool has_role, has_job, has_offset;
	unsigned seen = 0;

	if (rd_u32(&r) != SOW_MAGIC)
		return -EPROTONOSUPPORT;
	while (rd_left(&r) > 0) {
		uint8_t type = rd_u8(&r);
		uint16_t value_len = rd_u16(&r);
		struct rd value = rd_sub(&r, value_len);
		unsigned bit = bit_of(type);
		int err;

		if (!rd_ok(&r) || (seen & bit))
			return -EBADMSG;
		seen |= bit;
		err = decode_item(&info, type, &value);
		if (err < 0)
			return err;
	}
	has_role = seen & bit_of(TYPE_ROLE);
	has_job = seen & bit_of(TYPE_JOB);
	has_offset = seen & bit_of(TYPE_OFFSET);
	if (has_role != has_job || has_role != (info.role != JOBINFO_FILE) ||
	    has_offset != (info.role == JOBINFO_PART) || !valid(&info))
		return -EBADMSG;
	*ret = info;
	return 0;
}
