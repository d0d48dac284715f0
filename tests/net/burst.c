/* burst.c - sends a group super-packets, which the kernel cuts into datagrams. */
/* SPDX-License-Identifier: BSD-2-Clause */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SEGMENT = 1200, MAX_SEGMENTS = 50 };

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
	static char data[SEGMENT * MAX_SEGMENTS];
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = SEGMENT;

	if (argc != 6 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: burst GROUP PORT TTL SUPER-PACKETS SEGMENTS-OF-EACH\n");
		return 1;
	}
	to.sin_port = htons((uint16_t)number(argv[2]));
	int ttl = number(argv[3]), n = number(argv[4]), segments = number(argv[5]);

	if (segments < 1 || segments > MAX_SEGMENTS)
		return 1;
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size))) {
		perror("burst");
		return 2;
	}
	for (int i = 0; i < n; i++)
		if (send(fd, data, (size_t)(segments * SEGMENT), 0) < 0) {
			perror("burst");
			return 2;
		}
	return 0;
}
