/* pcap.c - the UDP payloads of a capture. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/bytes.h"

#define FILE_HDR_LEN      24
#define RECORD_HDR_LEN    16
#define MAGIC_USEC        0xa1b2c3d4u
#define LINKTYPE_ETHERNET 1
#define ETHERTYPE_IPV4    0x0800
#define PROTO_UDP         17
#define UDP_HDR_LEN       8

static uint32_t rd_le32(struct rd *r)
{
	return __builtin_bswap32(rd_u32(r));
}

static int read_file(struct pcap *p, const char *path)
{
	FILE *f = fopen(path, "rb");
	long len;

	if (!f)
		return -errno;
	if (fseek(f, 0, SEEK_END) == 0 && (len = ftell(f)) >= 0) {
		rewind(f);
		p->len = (size_t)len;
		p->file = malloc(p->len + 1);
		if (p->file && fread(p->file, 1, p->len, f) != p->len)
			p->len = 0;
	}
	fclose(f);
	return p->file ? 0 : -EIO;
}

int pcap_open(struct pcap *ret, const char *path)
{
	struct pcap p = { .at = FILE_HDR_LEN };
	int err = read_file(&p, path);
	struct rd hdr;

	if (err < 0)
		return err;
	hdr = rd_init(p.file, p.len);
	if (rd_le32(&hdr) != MAGIC_USEC)
		err = -EPROTONOSUPPORT;
	rd_skip(&hdr, 16); /* version, time zone, snap length */
	if (rd_le32(&hdr) != LINKTYPE_ETHERNET)
		err = -EPROTONOSUPPORT;
	if (err < 0)
		pcap_close(&p);
	else
		*ret = p;
	return err;
}

void pcap_close(struct pcap *p)
{
	free(p->file);
	*p = (struct pcap){ 0 };
}

/* True when the frame is UDP over IPv4 and whole. */
static bool parse_frame(struct rd *frame, struct pcap_udp *ret)
{
	size_t ip_hdr_len, udp_len;
	uint8_t version_ihl, proto;

	rd_skip(frame, 12); /* addresses */
	if (rd_u16(frame) != ETHERTYPE_IPV4)
		return false;
	version_ihl = rd_u8(frame);
	ip_hdr_len = (version_ihl & 15) * 4u;
	rd_skip(frame, 8);
	proto = rd_u8(frame);
	rd_skip(frame, ip_hdr_len - 10);
	ret->src_port = rd_u16(frame);
	ret->dst_port = rd_u16(frame);
	udp_len = rd_u16(frame);
	rd_skip(frame, 2);
	if (proto != PROTO_UDP || udp_len < UDP_HDR_LEN)
		return false;
	ret->len = udp_len - UDP_HDR_LEN;
	ret->payload = rd_bytes(frame, ret->len);
	return rd_ok(frame);
}

int pcap_next(struct pcap *p, struct pcap_udp *ret)
{
	struct rd r = rd_init(p->file, p->len);

	rd_skip(&r, p->at);
	while (rd_left(&r) > 0) {
		struct rd record = rd_sub(&r, RECORD_HDR_LEN), frame;

		rd_skip(&record, 8); /* time */
		frame = rd_sub(&r, rd_le32(&record));
		if (!rd_ok(&r))
			return -EBADMSG;
		p->at = p->len - rd_left(&r);
		p->n++;
		if (parse_frame(&frame, ret)) {
			ret->n = p->n;
			return 1;
		}
	}
	return rd_ok(&r) ? 0 : -EBADMSG;
}
