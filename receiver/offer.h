/* offer.h - what the INFO of an object says about the file that comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_OFFER_H
#define RECEIVER_OFFER_H

#include "proto/jobinfo.h"
#include "receiver/safepath.h"

struct offer {
	bool ours; /* INFO of our own kind: there is, or will be, a digest */
	/* Clean and relative, or, when the name was refused, what to call it when talking to
	   people. */
	char name[SAFEPATH_MAX + 1];
	bool has_meta; /* as in struct sink_meta */
	uint16_t mode;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	bool has_digest;
	uint8_t digest[DIGEST_LEN];
};

/*
 * Reads INFO: our own, or the plain file name of another sender, in which control characters
 * become "_"; "object-NUMBER" when there is none, or something that is no name. 0, or why the
 * object can not be accepted: -EBADMSG (ours but malformed), -EPROTONOSUPPORT (ours, of a later
 * version), or what safepath_clean() and reserved_check() say about the name.
 */
int offer_read(struct offer *ret, const uint8_t *info, size_t len, uint64_t object);

/* A sentence for people about what offer_read(), limits_check() or sink_open() refused: never
 * NULL. */
const char *offer_refusal(int error);

#endif
