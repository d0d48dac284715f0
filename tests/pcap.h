/* pcap.h - the UDP payloads of a capture. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_PCAP_H
#define TESTS_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcap {
	uint8_t *file; /* owned */
	size_t len, at;
	unsigned n; /* records read so far: the number that other tools show */
};

/* A UDP datagram over IPv4. */
struct pcap_udp {
	unsigned n; /* number of its record, from 1 */
	uint16_t src_port, dst_port;
	const uint8_t *payload; /* borrowed from the capture */
	size_t len;
};

/* Reads a whole classic little-endian capture of Ethernet frames. 0 or -errno. */
int pcap_open(struct pcap *ret, const char *path);
void pcap_close(struct pcap *p);

/* 1 and the next UDP datagram, 0 at the end, -EBADMSG when the file is cut off. */
int pcap_next(struct pcap *p, struct pcap_udp *ret);

#endif
