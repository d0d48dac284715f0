/* netns.c - a network of a test's own: the host's is neither seen nor touched. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char topology[] =
	"set -e\n"
	"ip link set lo up multicast on\n"
	"ip route add 224.0.0.0/4 dev lo\n"
	"ip -6 route add local ff00::/8 dev lo\n" /* other types would mean: reject */
	"ip link add veth0 type veth peer name veth1\n"
	"ip addr add 10.83.0.1/24 brd + dev veth0\n"
	"ip addr add fd83::1/64 dev veth0 nodad\n"
	"ip link set veth0 up\n"
	"ip link set veth1 up\n"
	/* The kernel notices the carrier a little later, and makes the route then. */
	"i=0\n"
	"until ip -6 route show table local dev veth0 | grep -q ff00; do\n"
	"	i=$((i + 1))\n"
	"	[ $i -lt 500 ]\n"
	"done\n";

int netns_run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -ECHILD;
	return WEXITSTATUS(status);
}

static int put(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd >= 0 && write(fd, text, len) == (ssize_t)len ? 0 : -errno;

	if (fd >= 0)
		close(fd);
	return r;
}

int netns_enter(void)
{
	char uids[64], gids[64];
	int r;

	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		r = -errno;
	else if ((r = put("/proc/self/setgroups", "deny")) == 0 &&
		 (r = put("/proc/self/uid_map", uids)) == 0)
		r = put("/proc/self/gid_map", gids);
	if (r < 0) {
		printf("SKIP: no namespaces for us: %s\n", strerror(-r));
		return r;
	}
	r = netns_run(topology);
	if (r != 0)
		printf("SKIP: the test network can not be made (iproute2?)\n");
	return r;
}
