/* shape.c - how large packets and blocks are. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/shape.h"

#include <errno.h>

#include "common/log.h"
#include "proto/tx.h"

#define SEGMENT     1400
#define SEGMENT_MIN 64
#define HEADERS     32 /* NORM's, beside the segment, at most */
#define MIB         ((uint64_t)1 << 20)

/* Large blocks want an even one. */
int shape_segment(struct conf *c, const struct netplan *plan)
{
	unsigned ip = addr_family(&plan->group) == AF_INET6 ? 40 : 20;
	unsigned headers = ip + 8 + HEADERS;
	unsigned room = plan->mtu > headers ? plan->mtu - headers : 0;

	if (!c->segment)
		c->segment = plan->mtu ? CLAMP(room & ~1u, SEGMENT_MIN, SEGMENT) : SEGMENT;
	if (!plan->mtu || c->segment <= room)
		return 0;
	return log_err(0,
		       "--segment %u: does not fit %s: its MTU is %u, and %u bytes of headers "
		       "(IP, UDP, NORM) are added; give at most %u",
		       c->segment, plan->ifname, plan->mtu, headers, room),
	       -EINVAL;
}

/* FEC ID 5 numbers blocks by 24 bits. */
static int choose_id(struct conf *c, uint64_t largest)
{
	uint64_t block = (uint64_t)c->fec.k * c->segment;

	if (largest <= block << 24)
		return 0;
	if (c->fec_id == FEC_5)
		return log_err(0,
			       "--fec-id 5: the largest file is of more than %d blocks; give "
			       "129, or a larger --segment or --fec",
			       1 << 24),
		       -EINVAL;
	c->fec_id = FEC_129;
	return 0;
}

static uint64_t least_memory(const struct conf *c, enum tx_code code)
{
	const struct tx_conf tc = {
		.segment_size = (uint16_t)c->segment,
		.block_len = (uint16_t)c->fec.k,
		.n_parity = (uint16_t)c->fec.n_parity,
		.large_len = (uint16_t)c->fec.large,
		.code = code,
	};

	return tx_memory_least(&tc);
}

static int check_memory(struct conf *c)
{
	static const struct opt o = { .type = &opt_size };
	uint64_t large = least_memory(c, TX_CODE_LARGE), least;
	char text[32];

	if (c->fec.kind == FEC_BY_RECEIVERS && c->memory < large)
		c->fec.kind = FEC_SMALL;
	least = c->fec.kind == FEC_SMALL ? least_memory(c, TX_CODE_SMALL) : large;
	if (c->memory >= least)
		return 0;
	least = (least + MIB - 1) / MIB * MIB;
	o.type->print(&o, &least, text, sizeof(text));
	return log_err(0,
		       "--memory: too little for such blocks; give at least %s, or a smaller "
		       "--segment or --fec",
		       text),
	       -EINVAL;
}

int shape_code(struct conf *c, uint64_t largest)
{
	int r = choose_id(c, largest);

	return r < 0 ? r : check_memory(c);
}
