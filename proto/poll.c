/* poll.c - POLL: who lacks symbols of blocks that were sent. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/poll.h"

#include <errno.h>

#include "proto/bytes.h"
#include "proto/wire.h"

int poll_encode(const struct poll *p, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (!p->n_blocks || !p->step)
		return -EINVAL;
	wr_u32(&w, SOW_MAGIC);
	wr_u8(&w, APP_POLL);
	wr_u8(&w, 0);
	wr_u16(&w, p->object_id);
	wr_u32(&w, p->sbn);
	wr_u16(&w, p->n_blocks);
	wr_u16(&w, p->threshold);
	wr_u16(&w, p->step);
	wr_u16(&w, p->target);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

int poll_decode(struct poll *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct poll p = { 0 };

	if (rd_u32(&r) != SOW_MAGIC || rd_u8(&r) != APP_POLL)
		return -EPROTONOSUPPORT;
	rd_skip(&r, 1);
	p.object_id = rd_u16(&r);
	p.sbn = rd_u32(&r);
	p.n_blocks = rd_u16(&r);
	p.threshold = rd_u16(&r);
	p.step = rd_u16(&r);
	p.target = rd_u16(&r);
	if (!rd_done(&r) || !p.n_blocks || !p.step)
		return -EBADMSG;
	*ret = p;
	return 0;
}
