/* wire.h - every number of the wire format on one page (RFC 5740; ours: doc/PROTOCOL.md). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#define NORM_VERSION 1

/* RFC 5740 §4.1 */
#define NORM_NODE_NONE 0x00000000u
#define NORM_NODE_ANY  0xffffffffu

enum norm_type {
	NORM_INFO = 1,
	NORM_DATA = 2,
	NORM_CMD = 3,
	NORM_NACK = 4,
	NORM_ACK = 5,
	NORM_REPORT = 6,
};

/* RFC 5740 §4.2.3 */
enum norm_cmd {
	CMD_FLUSH = 1,
	CMD_EOT = 2,
	CMD_SQUELCH = 3,
	CMD_CC = 4,
	CMD_REPAIR_ADV = 5,
	CMD_ACK_REQ = 6,
	CMD_APPLICATION = 7,
};

/* Object flags, RFC 5740 §4.2.1 */
#define NORM_FLAG_REPAIR     0x01
#define NORM_FLAG_EXPLICIT   0x02
#define NORM_FLAG_INFO       0x04
#define NORM_FLAG_UNRELIABLE 0x08
#define NORM_FLAG_FILE       0x10
#define NORM_FLAG_STREAM     0x20

#define NORM_REPAIR_ADV_LIMIT 0x01

/* Repair request forms and flags, RFC 5740 §4.3.1 */
#define NACK_FORM_ITEMS    1
#define NACK_FORM_RANGES   2
#define NACK_FORM_ERASURES 3

#define NACK_SEGMENT 0x01
#define NACK_BLOCK   0x02
#define NACK_INFO    0x04
#define NACK_OBJECT  0x08

/* RFC 5740 §4.3.2; 16 and up are the application's, i.e. ours */
#define ACK_CC       1
#define ACK_FLUSH    2
#define ACK_ANNOUNCE 16
#define ACK_RECEIPT  17
#define ACK_REPORT   18

/* EXT_CC flags, RFC 5740 §4.2.3.5 */
#define CC_FLAG_CLR   0x01
#define CC_FLAG_PLR   0x02
#define CC_FLAG_RTT   0x04
#define CC_FLAG_START 0x08
#define CC_FLAG_LEAVE 0x10

/* Header extension types: RFC 5740 §8.1.1; 65 is NRL's; 178 and 179 are ours
 * (doc/PROTOCOL.md) */
#define HET_AUTH     1
#define HET_CC       3
#define HET_FTI      64
#define HET_APP_ACK  65
#define HET_RATE     128
#define HET_TARGET   178
#define HET_HOLDINGS 179

/* FEC Encoding IDs: RFC 5510, RFC 5445 */
#define FEC_RS  2 /* Reed-Solomon over GF(2^m) */
#define FEC_RS8 5 /* Reed-Solomon over GF(2^8) */
/* Small block systematic, under-specified: instance id says which code. */
#define FEC_SB_SYST 129

#define FEC_INSTANCE_LARGE 21335 /* of 129: our large-block code, doc/PROTOCOL.md */

/* What is ours in INFO and CMD(APPLICATION) begins with "SOW" and a version; doc/PROTOCOL.md */
#define SOW_VERSION 1
#define SOW_MAGIC   (0x534f5700u | SOW_VERSION)

/* What comes next in such a CMD(APPLICATION) */
#define APP_PROBE 1
#define APP_POLL  2

/* Limits */
#define NORM_HDR_MAX     1020 /* 255 words */
#define NORM_OBJECT_MAX  ((uint64_t)1 << 48)
#define SEGMENT_SIZE_MAX 65000
#define BLOCK_LEN_MAX    32768 /* source symbols of a block, any code of ours */
#define RS8_MAX          255   /* source + parity symbols of an RS GF(2^8) block */

#endif
