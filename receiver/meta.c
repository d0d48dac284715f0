/* meta.c - mode, owner, extended attributes and times of what a manifest names. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define USER       "user."
#define XATTR_NAME 255 /* the kernel's limit */

int meta_forgive(int r)
{
	int e = r < 0 ? -errno : 0;

	return e == -EPERM || e == -EOPNOTSUPP || e == -ENOSYS ? 0 : e;
}

static bool sets_owner(const struct manifest_entry *e, bool owner)
{
	return owner && e->has_owner && geteuid() == 0;
}

static mode_t mode_of(const struct manifest_entry *e, bool owner)
{
	mode_t kept = sets_owner(e, owner) ? 07777 : e->type == MANIFEST_DIR ? 01777 : 0777;

	return e->mode & kept;
}

static void times_of(const struct manifest_entry *e, struct timespec ret[static 2])
{
	ret[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	ret[1] = (struct timespec){ .tv_sec = e->mtime_sec, .tv_nsec = (long)e->mtime_nsec };
}

static int set_xattrs(int fd, const struct manifest_entry *e)
{
	char name[XATTR_NAME + 1];
	const char *p;
	const uint8_t *value;
	size_t pos = 0, len, value_len;
	int r = 0;

	while (r == 0 && manifest_xattr_next(e->xattrs, e->xattrs_len, &pos, &p, &len, &value,
					     &value_len)) {
		if (len > XATTR_NAME || len < sizeof(USER) || memcmp(p, USER, sizeof(USER) - 1))
			continue;
		memcpy(name, p, len);
		name[len] = '\0';
		r = meta_forgive(fsetxattr(fd, name, value, value_len, 0));
	}
	return r;
}

/* The owner first: to change it takes bits of the mode away. */
int meta_set(int fd, const struct manifest_entry *e, bool owner)
{
	struct timespec times[2];
	int r = sets_owner(e, owner) ? meta_forgive(fchown(fd, e->uid, e->gid)) : 0;

	times_of(e, times);
	if (r == 0 && e->xattrs_len)
		r = set_xattrs(fd, e);
	if (r == 0)
		r = meta_forgive(fchmod(fd, mode_of(e, owner)));
	return r == 0 ? meta_forgive(futimens(fd, times)) : r;
}

int meta_set_link(int dir, const char *base, const struct manifest_entry *e, bool owner)
{
	struct timespec times[2];
	int r = sets_owner(e, owner)
			? meta_forgive(fchownat(dir, base, e->uid, e->gid, AT_SYMLINK_NOFOLLOW))
			: 0;

	times_of(e, times);
	return r == 0 ? meta_forgive(utimensat(dir, base, times, AT_SYMLINK_NOFOLLOW)) : r;
}

bool meta_differs(const struct stat *st, const struct manifest_entry *e, bool owner)
{
	return e->xattrs_len || (st->st_mode & 07777) != mode_of(e, owner) ||
	       st->st_mtim.tv_sec != e->mtime_sec ||
	       st->st_mtim.tv_nsec != (long)e->mtime_nsec ||
	       (sets_owner(e, owner) && (st->st_uid != e->uid || st->st_gid != e->gid));
}
