/* offer.c - what the INFO of an object says about the file that comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/offer.h"
#include "receiver/reserved.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* "SOW" and a version: no file is called that. */
static bool is_ours(const uint8_t *info, size_t len)
{
	return len >= 4 && memcmp(info, "SOW", 3) == 0 && info[3] < ' ';
}

static void name_by_number(struct offer *o, uint64_t object)
{
	snprintf(o->name, sizeof(o->name), "object-%" PRIu64, object);
}

/* Fills `name` in any case. */
static int take_name(struct offer *o, const char *name, size_t len)
{
	int r = safepath_clean(name, len, o->name);
	size_t n = len < SAFEPATH_MAX ? len : SAFEPATH_MAX;

	if (r < 0) {
		memcpy(o->name, name, n);
		o->name[n] = '\0';
		return r;
	}
	return reserved_check(o->name);
}

static int read_ours(struct offer *o, const struct jobinfo *info)
{
	o->ours = o->has_meta = true;
	o->mode = info->mode;
	o->mtime_sec = info->mtime_sec;
	o->mtime_nsec = info->mtime_nsec;
	o->has_digest = info->has_digest;
	memcpy(o->digest, info->digest, DIGEST_LEN);
	return take_name(o, info->name, info->name_len);
}

/* NRL's programs send the file's path, some with a final NUL; the standard leaves it open. */
static int read_plain(struct offer *o, const uint8_t *info, size_t len, uint64_t object)
{
	char name[PATH_MAX];

	while (len > 0 && info[len - 1] == '\0')
		len--;
	if (len == 0 || len > sizeof(name) || memchr(info, '\0', len)) {
		name_by_number(o, object);
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		name[i] = (char)(info[i] < ' ' || info[i] == 0x7f ? '_' : info[i]);
	return take_name(o, name, len);
}

int offer_read(struct offer *ret, const uint8_t *info, size_t len, uint64_t object)
{
	struct jobinfo mine;
	int r = jobinfo_decode(&mine, info, len);

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		return read_ours(ret, &mine);
	if (!is_ours(info, len))
		return read_plain(ret, info, len, object);
	ret->ours = true;
	name_by_number(ret, object);
	return r;
}

const char *offer_refusal(int error)
{
	switch (error) {
	case -EBADMSG:
		return "its description is malformed";
	case -EPROTONOSUPPORT:
		return "its description needs a newer reap";
	case -EINVAL:
		return "the name does not stay in the output directory";
	case RESERVED_NAME:
		return "the name is kept for files that are not complete";
	case -EMSGSIZE:
		return "larger than --max-size allows here";
	case -EKEYREJECTED:
		return "no --allow-name fits the name here";
	case -ELOOP:
		return "a symbolic link is in the way";
	case -ENOTDIR:
		return "something that is no directory is in the way";
	case -EALREADY:
		return "--output is the name of one file, and this is another one";
	case -ENOTBLK:
		return "--output is a device, or standard output, and takes jobs of sow's only";
	case -EISDIR:
		return "a directory has that name";
	default:
		return strerror(-error);
	}
}
