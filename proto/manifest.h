/* manifest.h - what a job consists of: entries, and where their bytes lie in the content object
 * (doc/PROTOCOL.md, "Manifest").
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_MANIFEST_H
#define PROTO_MANIFEST_H

#include "proto/jobinfo.h"
#include "proto/types.h"

#define MANIFEST_CHUNK    262144 /* bytes; chunks begin at multiples of it in their file */
#define MANIFEST_PATH_MAX 4096
#define MANIFEST_PART_MAX 255 /* between two slashes */

enum manifest_type {
	MANIFEST_FILE = 1,
	MANIFEST_DIR,
	MANIFEST_SYMLINK,
	MANIFEST_HARDLINK, /* to a file that stands before it in the manifest */
};

/*
 * A file's bytes [file_off, file_off + len) are the content's from content_off on. Runs begin
 * at multiples of MANIFEST_CHUNK in the file, and end there or at the file's end; they are in
 * order and do not overlap. What no run covers is a hole: zeros.
 */
struct manifest_run {
	uint64_t file_off, len, content_off;
};

/*
 * Strings and bytes belong to the manifest and end with a NUL, which is not counted. Small,
 * since there may be millions of them.
 */
struct manifest_entry {
	const char *path;   /* relative, parts of 1 .. 255 bytes, none of them "." or ".." */
	const char *target; /* SYMLINK: its text; HARDLINK: the path of the FILE; else NULL */
	const uint8_t *xattrs; /* pairs as in the wire form; see manifest_xattr_next() */
	int64_t mtime_sec;
	uint64_t size; /* FILE */
	uint32_t mtime_nsec;
	uint32_t first_run, n_runs; /* FILE */
	uint32_t uid, gid;          /* with has_owner */
	uint16_t path_len, target_len, xattrs_len;
	uint16_t mode; /* 0 .. 07777 */
	uint8_t type;  /* enum manifest_type */
	bool has_owner;
	bool whole; /* DIR: what is not named shall not be there */
	bool open;  /* FILE: nobody knows its size yet; the only entry, without runs */
};

/* A piece of the content, whose digest can be compared: as long as the part of its first file.
 */
struct manifest_chunk {
	uint64_t content_off;
	uint32_t len; /* 1 .. MANIFEST_CHUNK */
};

/*
 * Entries in the order of manifest_compare(), each directory before what is in it, and runs in
 * the order of entries. A run begins where the content ended that the runs before it made, and
 * makes more of it, or it consists of chunks that are there already.
 */
struct manifest {
	uint32_t n_entries, n_runs, n_chunks;
	struct manifest_entry *entries;
	struct manifest_run *runs;
	struct manifest_chunk *chunks; /* in the order of content_off, without gaps */
	/* n_chunks + 1 offsets: where each chunk lies in the content's object, in zlib form
	 * where that is shorter; NULL: the object is the content. */
	uint64_t *stored;
	uint64_t content_size;
	uint64_t total_size; /* of all files */
	void *memory;        /* the manifest's own */
};

struct manifest_limits {
	uint32_t max_entries;
	size_t max_memory; /* bytes that the decoded form may take, and then, for each of its */
	uint32_t per_entry, per_run, per_chunk; /* parts, so many bytes of whoever uses it */
};

/* How many chunks so many bytes are. */
static inline uint64_t manifest_n_chunks(uint64_t len)
{
	return len / MANIFEST_CHUNK + (len % MANIFEST_CHUNK > 0);
}

/* Bytes of the content's object. */
static inline uint64_t manifest_object_size(const struct manifest *m)
{
	return m->stored ? m->stored[m->n_chunks] : m->content_size;
}

/* How paths are ordered: part by part, as bytes. Less than 0, 0 or more, as memcmp(). */
int manifest_compare(const char *a, size_t a_len, const char *b, size_t b_len);
/* The entry with this path among the first `n`, which are in order; `n`: there is none. */
uint32_t manifest_find(const struct manifest *m, uint32_t n, const char *path, size_t len);

/*
 * The wire form: an upper bound of its length for manifest_encode(), which returns the length,
 * or -ENOSPC, -EINVAL (what the decoder would refuse). total_size is not looked at.
 */
size_t manifest_encode_bound(const struct manifest *m);
int64_t manifest_encode(const struct manifest *m, uint8_t *buf, size_t cap);

/*
 * Reads a wire form, from anybody. -EBADMSG: malformed, a path that is absolute or has "..", an
 * entry twice, one below something that is no directory, runs that overlap or reach beyond the
 * file or the content, sizes that overflow; -EFBIG: beyond the limits; -EPROTONOSUPPORT:
 * another version; -ENOMEM. On failure *ret is not touched. Two passes over the bytes, the
 * first of which takes no memory.
 */
int manifest_decode(struct manifest *ret, const uint8_t *buf, size_t len,
		    const struct manifest_limits *limits);
void manifest_fini(struct manifest *m);

/* Every byte of the digest of a chunk that the sender has lost. */
#define MANIFEST_LOST 0xff
bool manifest_lost(const uint8_t digest[static DIGEST_LEN]);

/* The chunk that holds this byte of the content, content_off < content_size. */
uint32_t manifest_chunk_at(const struct manifest *m, uint64_t content_off);
/* The one that lies there in the object of a content with `stored`. */
uint32_t manifest_stored_at(const struct manifest *m, uint64_t off);

/*
 * Walks xattrs: false at the end or where they are malformed (a decoded manifest's are not).
 * *pos begins at 0. The name is not terminated.
 */
bool manifest_xattr_next(const uint8_t *xattrs, size_t len, size_t *pos, const char **ret_name,
			 size_t *ret_name_len, const uint8_t **ret_value,
			 size_t *ret_value_len);

/*
 * The object on the wire is the wire form compressed (zlib format, RFC 1950) when that is
 * smaller. manifest_pack() returns the length, or -ENOSPC when it would be more than `cap`;
 * manifest_unpack() -EBADMSG unless exactly `raw_len` bytes come out of exactly `len`. Either
 * -ENOMEM, and -EFBIG for a length of 4 GiB or more.
 */
int64_t manifest_pack(const uint8_t *raw, size_t raw_len, uint8_t *buf, size_t cap);
int manifest_unpack(const uint8_t *buf, size_t len, uint8_t *raw, size_t raw_len);

#endif
