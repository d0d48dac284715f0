/* jobinfo.h - what a NORM_INFO of ours says about its object (doc/PROTOCOL.md, "Object info").
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_JOBINFO_H
#define PROTO_JOBINFO_H

#include "proto/types.h"

#define JOBINFO_NAME_MAX 1024
#define DIGEST_LEN       32

/* What an object is to its job (doc/PROTOCOL.md, "A job"). */
enum jobinfo_role {
	JOBINFO_FILE, /* by itself */
	JOBINFO_MANIFEST,
	JOBINFO_DIGESTS,
	JOBINFO_CONTENT,
	JOBINFO_PART, /* of a file whose size is not known */
};

/*
 * INFO content: "SOW" version, then type-length-value items. An unknown type is skipped when
 * its high bit is clear, refused when it is set. INFO may be sent before the digest is known;
 * later ones add it, and nothing else changes.
 */
struct jobinfo {
	const char *name; /* not NUL-terminated, no NUL inside; borrowed */
	size_t name_len;  /* 1 .. JOBINFO_NAME_MAX */
	uint16_t mode;    /* permission bits, at most 07777; decoded as 0644 when absent */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	bool has_digest;
	uint8_t digest[DIGEST_LEN]; /* SHA-256 of the object's content */
	uint8_t role;               /* enum jobinfo_role */
	uint8_t job[DIGEST_LEN];    /* with a role: id of the job */
	bool has_raw_size;          /* MANIFEST: it is compressed */
	uint64_t raw_size;
	uint64_t offset; /* PART: where it begins in the file */
	bool has_size;   /* PART: it is the last one */
	uint64_t size;   /* ... of the file */
};

/* Encoded length, or -ENOSPC, -EINVAL (a value that our decoder would refuse). */
int jobinfo_encode(const struct jobinfo *info, uint8_t *buf, size_t cap);

/* -EPROTONOSUPPORT: not ours (a plain file name of an NRL sender, say); -EBADMSG: ours but
 * malformed. */
int jobinfo_decode(struct jobinfo *ret, const uint8_t *buf, size_t len);

#endif
