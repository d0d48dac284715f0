/* digest.c - SHA-256, in pieces or at once. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

struct digest {
	EVP_MD_CTX *ctx;
	bool bad; /* since the last start */
};

static void start(struct digest *d)
{
	d->bad = EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1;
}

int digest_new(struct digest **ret)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx) {
		free(d);
		return -ENOMEM;
	}
	start(d);
	*ret = d;
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void digest_update(struct digest *d, const void *data, size_t len)
{
	if (!d->bad && EVP_DigestUpdate(d->ctx, data, len) != 1)
		d->bad = true;
}

int digest_final(struct digest *d, uint8_t ret[static SHA256_LEN])
{
	uint8_t out[EVP_MAX_MD_SIZE];
	bool bad = d->bad || EVP_DigestFinal_ex(d->ctx, out, NULL) != 1;

	if (!bad)
		memcpy(ret, out, SHA256_LEN);
	start(d);
	return bad ? -EIO : 0;
}

int digest_bytes(const void *data, size_t len, uint8_t ret[static SHA256_LEN])
{
	struct digest *d;
	int r = digest_new(&d);

	if (r < 0)
		return r;
	digest_update(d, data, len);
	r = digest_final(d, ret);
	digest_free(d);
	return r;
}

uint32_t digest_tag(const void *text, size_t len)
{
	uint8_t d[SHA256_LEN];
	uint32_t tag;

	if (digest_bytes(text, len, d) < 0)
		return 0;
	tag = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
	return tag ? tag : 1;
}

void digest_hex(const uint8_t digest[static SHA256_LEN], char ret[static SHA256_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_LEN; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[SHA256_HEX_LEN] = '\0';
}
