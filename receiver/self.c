/* self.c - what this receiver tells senders about itself. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "receiver/self.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/file.h"
#include "proto/bytes.h"
#include "proto/census.h"

#define MACHINE_ID     "/etc/machine-id"
#define MACHINE_ID_MAX 128

/* machine-id(5): what leaves the machine must not tell the id itself, nor be what another
 * program makes of it. */
uint64_t self_machine(const char *id)
{
	char text[sizeof("sow and reap: ") + MACHINE_ID_MAX] = "sow and reap: ";
	uint8_t digest[SHA256_LEN];
	size_t at = strlen(text), n = strcspn(id, "\n");
	struct rd r;

	if (n == 0 || n > MACHINE_ID_MAX)
		return 0;
	memcpy(text + at, id, n);
	if (digest_bytes(text, at + n, digest) < 0)
		return 0;
	r = rd_init(digest, sizeof(digest));
	return rd_u64(&r);
}

void self_init(struct self *ret)
{
	char *id;
	size_t len;

	*ret = (struct self){ .version = PACKAGE_VERSION };
	if (gethostname(ret->host, sizeof(ret->host) - 1) < 0)
		ret->host[0] = '\0';
	if (file_read(MACHINE_ID, MACHINE_ID_MAX, &id, &len) < 0)
		return;
	ret->machine = self_machine(id);
	free(id);
}

uint64_t self_free(int fd)
{
	struct statvfs st;
	uint64_t bytes;

	if (fstatvfs(fd, &st) < 0 ||
	    __builtin_mul_overflow((uint64_t)st.f_bavail, st.f_frsize, &bytes))
		return ANNOUNCE_FREE_UNKNOWN;
	return bytes;
}
