/* nsrun.c - run a command in a network namespace, bounded in time, and account for it. */
/* SPDX-License-Identifier: BSD-2-Clause */

/* nsrun NETNS-PATH STAT-FILE SECONDS COMMAND [ARGUMENT...]
 *
 * When COMMAND has ended, STAT-FILE holds one JSON object: CPU seconds and peak memory of
 * exactly that process, and when it started and ended (CLOCK_MONOTONIC). A launcher of its own,
 * because the memory of a forked Python would count as the command's. TERM or INT is passed on,
 * and one second later KILL follows. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec * 1e-6;
}

static int enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);

	if (r)
		perror(netns);
	if (fd >= 0)
		close(fd);
	return r;
}

static pid_t launch(char **argv, const sigset_t *blocked)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	sigprocmask(SIG_UNBLOCK, blocked, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

/* Returns the wait status. The set holds CHLD, TERM and INT, all blocked. */
static int attend(pid_t pid, const sigset_t *set, double kill_at, struct rusage *ru)
{
	const struct timespec nap = { 0, 200 * 1000 * 1000 };
	int status = 0;

	for (;;) {
		int sig = sigtimedwait(set, NULL, &nap);

		if (wait4(pid, &status, WNOHANG, ru) == pid)
			return status;
		if (sig == SIGTERM || sig == SIGINT) {
			kill(pid, SIGTERM);
			kill_at = now() + 1;
		}
		if (now() > kill_at)
			kill(pid, SIGKILL);
	}
}

static int report(const char *path, double t0, double t1, int status, const struct rusage *ru)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f,
		"{\"t0\":%.6f,\"t1\":%.6f,\"exit\":%d,\"utime\":%.6f,\"stime\":%.6f,"
		"\"maxrss_kb\":%ld}\n",
		t0, t1, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
		seconds(ru->ru_utime), seconds(ru->ru_stime), ru->ru_maxrss);
	return fclose(f);
}

int main(int argc, char **argv)
{
	struct rusage ru = { 0 };
	sigset_t set;

	if (argc < 5) {
		fprintf(stderr, "usage: nsrun NETNS-PATH STAT-FILE SECONDS COMMAND...\n");
		return 2;
	}
	if (enter(argv[1]))
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	double t0 = now();
	pid_t pid = launch(argv + 4, &set);

	if (pid < 0) {
		perror("fork");
		return 2;
	}
	int status = attend(pid, &set, t0 + atof(argv[3]), &ru);

	return report(argv[2], t0, now(), status, &ru) ? 2 : 0;
}
