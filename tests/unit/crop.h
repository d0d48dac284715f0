/* crop.h - a job in memory, and what shall come of it on a disk, for the tests of receiver/. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_CROP_H
#define TESTS_UNIT_CROP_H

#include "common/digest.h"
#include "proto/manifest.h"

#define CROP_FILES 64

struct crop_file {
	const char *path;
	const uint8_t *data; /* the caller's */
};

/* Cuts files as a sender does: chunks of zeros are holes, equal chunks are content once. */
struct crop {
	struct manifest m; /* after crop_seal(): decoded from `wire` */
	uint8_t job[SHA256_LEN];
	uint8_t *content;
	uint8_t *object; /* as it is sent: the content, or its chunks in zlib form */
	uint8_t (*digests)[SHA256_LEN];
	uint8_t *wire;
	size_t wire_len;

	struct manifest draft;
	struct crop_file files[CROP_FILES];
	unsigned n_files;
};

void crop_init(struct crop *c);
void crop_fini(struct crop *c);

/* In the order of their paths. The entry may be changed until the next call. */
struct manifest_entry *crop_add(struct crop *c, enum manifest_type type, const char *path);
struct manifest_entry *crop_add_file(struct crop *c, const char *path, const uint8_t *data,
				     size_t size);
struct manifest_entry *crop_add_link(struct crop *c, enum manifest_type type, const char *path,
				     const char *target);
/* All entries are there: its chunks are to be sent in zlib form, where that is shorter. */
void crop_squeeze(struct crop *c);
/* Then: encodes, decodes and sums up. */
void crop_seal(struct crop *c);

/* Every entry is below `dirfd` as it shall be; else the test fails. */
void crop_assert_delivered(const struct crop *c, int dirfd);

/* Removes all that is in a directory. */
void crop_clear(int dirfd);
/* How many entries it has. */
unsigned crop_count(int dirfd);

/* Makes a file, and the directories on its way. */
void crop_write(int dirfd, const char *path, const uint8_t *data, size_t size);
/* Whether a file is there with these bytes. */
bool crop_is(int dirfd, const char *path, const uint8_t *data, size_t size);

/* Bytes that look like no others; and such that become shorter in zlib form. */
void crop_noise(uint8_t *buf, size_t len, uint64_t seed);
void crop_text(uint8_t *buf, size_t len, uint64_t seed);

#endif
