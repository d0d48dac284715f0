/* udp_plain.c - sends queued packets one by one, many in a system call. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "common/udp_path.h"

#define MESSAGES 64

int udp_plain_send(int fd, const struct udp_run *run)
{
	struct mmsghdr msg[MESSAGES];
	unsigned n = run->n < MESSAGES ? run->n : MESSAGES;
	int r;

	for (unsigned i = 0; i < n; i++)
		msg[i] = (struct mmsghdr){ .msg_hdr = {
						   .msg_name = (void *)&run->slot[i].to,
						   .msg_namelen = addr_len(&run->slot[i].to),
						   .msg_iov = run->iov + (size_t)2 * i,
						   .msg_iovlen = 2,
					   } };
	r = sendmmsg(fd, msg, n, MSG_DONTWAIT);
	return r < 0 ? -errno : r;
}
