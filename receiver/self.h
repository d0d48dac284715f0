/* self.h - what this receiver tells senders about itself. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SELF_H
#define RECEIVER_SELF_H

#include <limits.h>
#include <stdint.h>

struct self {
	char host[HOST_NAME_MAX + 1];
	const char *version;
	uint64_t machine; /* of /etc/machine-id, which stays secret; 0: there is none */
};

void self_init(struct self *ret);

/* Bytes that this user may fill where `fd` is; ANNOUNCE_FREE_UNKNOWN. */
uint64_t self_free(int fd);

/* The number that goes for a machine's id; 0 for an empty one. */
uint64_t self_machine(const char *id);

#endif
