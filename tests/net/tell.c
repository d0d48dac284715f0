/* tell.c - tells a program its orders: sends lines to a Unix socket, prints the answer to each.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char answer[16384];
	FILE *f;

	if (argc < 3 || strlen(argv[1]) >= sizeof(addr.sun_path) || fd < 0) {
		fprintf(stderr, "usage: tell SOCKET LINE...\n");
		return 2;
	}
	memcpy(addr.sun_path, argv[1], strlen(argv[1]));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror(argv[1]);
		return 1;
	}
	f = fdopen(fd, "r");
	for (int i = 2; i < argc; i++) {
		if (dprintf(fd, "%s\n", argv[i]) < 0 || !fgets(answer, sizeof(answer), f))
			return 1;
		fputs(answer, stdout);
	}
	fclose(f);
	return 0;
}
