/* digest.h - SHA-256, in pieces or at once. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN     32
#define SHA256_HEX_LEN (2 * SHA256_LEN)

struct digest;

/* Ready for the first digest_update(). 0 or -ENOMEM. */
int digest_new(struct digest **ret);
void digest_free(struct digest *d);

/* A failure inside the library is kept and comes out of digest_final(). */
void digest_update(struct digest *d, const void *data, size_t len);

/* The digest of everything since digest_new() or the last digest_final(), and a fresh start.
 * 0 or -EIO; `ret` is not touched on failure. */
int digest_final(struct digest *d, uint8_t ret[static SHA256_LEN]);

/* At once. 0, -ENOMEM or -EIO. */
int digest_bytes(const void *data, size_t len, uint8_t ret[static SHA256_LEN]);

/* A short number that stands for a text: never 0, but when there is no memory. */
uint32_t digest_tag(const void *text, size_t len);

/* 64 lower-case digits and a NUL, as sha256sum prints them. */
void digest_hex(const uint8_t digest[static SHA256_LEN], char ret[static SHA256_HEX_LEN + 1]);

#endif
