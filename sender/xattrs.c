/* xattrs.c - the extended attributes of a file, as a manifest has them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/xattrs.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "proto/varint.h"

static int encode(struct wr *w, const char *name, const void *value, size_t len)
{
	wr_varint(w, strlen(name));
	wr_bytes(w, name, strlen(name));
	wr_varint(w, len);
	wr_bytes(w, value, len);
	return wr_ok(w) ? 0 : -E2BIG;
}

int xattrs_read(const char *path, bool follow, uint8_t buf[static XATTRS_MAX])
{
	char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t n = follow ? listxattr(path, names, sizeof(names))
			   : llistxattr(path, names, sizeof(names));
	struct wr w = wr_init(buf, XATTRS_MAX);
	int r = 0;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = names; r == 0 && name < names + n; name += strlen(name) + 1) {
		ssize_t len = follow ? getxattr(path, name, value, sizeof(value))
				     : lgetxattr(path, name, value, sizeof(value));

		if (len >= 0)
			r = encode(&w, name, value, (size_t)len);
		else if (errno != ENODATA) /* it went meanwhile */
			r = -errno;
	}
	return r < 0 ? r : (int)wr_len(&w);
}
