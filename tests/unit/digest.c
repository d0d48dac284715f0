/* digest.c - tests of common/digest. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/digest.h"

/* FIPS 180-2, appendix B. */
static const struct {
	const char *text, *hex;
} vectors[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void known_digests(void **state)
{
	uint8_t out[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(digest_bytes(vectors[i].text, strlen(vectors[i].text), out),
				 0);
		digest_hex(out, hex);
		assert_string_equal(hex, vectors[i].hex);
	}
}

/* Cut anywhere, the pieces give the digest of the whole; final() starts afresh. */
static void pieces_equal_the_whole(void **state)
{
	const char *text = vectors[2].text;
	uint8_t want[SHA256_LEN], got[SHA256_LEN];
	struct digest *d;

	assert_int_equal(digest_bytes(text, strlen(text), want), 0);
	assert_int_equal(digest_new(&d), 0);
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		digest_update(d, text, cut);
		digest_update(d, text + cut, strlen(text) - cut);
		assert_int_equal(digest_final(d, got), 0);
		assert_memory_equal(got, want, SHA256_LEN);
	}
	digest_free(d);
	digest_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_digests),
		cmocka_unit_test(pieces_equal_the_whole),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
