/* report.c - REPORT: how the sender's messages fare on their way. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/report.h"

#include <errno.h>

#include "proto/bytes.h"
#include "proto/wire.h"

#define REPORT_OBJECTION 0x01
#define REPORT_LOSSY     0x02

int report_encode(const struct rx_report *rp, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	wr_u8(&w, SOW_VERSION);
	wr_u8(&w, (rp->objection ? REPORT_OBJECTION : 0) | (rp->lossy ? REPORT_LOSSY : 0));
	wr_u16(&w, rp->sequence);
	wr_u32(&w, rp->time_us);
	wr_u32(&w, rp->heard);
	wr_u32(&w, rp->missed);
	wr_u32(&w, rp->dropped);
	wr_u32(&w, rp->backlog);
	wr_u64(&w, rp->bytes);
	wr_u64(&w, rp->complete);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

int report_decode(struct rx_report *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct rx_report rp = { 0 };
	uint8_t flags;

	if (rd_u8(&r) != SOW_VERSION)
		return rd_ok(&r) ? -EPROTONOSUPPORT : -EBADMSG;
	flags = rd_u8(&r);
	rp.objection = flags & REPORT_OBJECTION;
	rp.lossy = flags & REPORT_LOSSY;
	rp.sequence = rd_u16(&r);
	rp.time_us = rd_u32(&r);
	rp.heard = rd_u32(&r);
	rp.missed = rd_u32(&r);
	rp.dropped = rd_u32(&r);
	rp.backlog = rd_u32(&r);
	rp.bytes = rd_u64(&r);
	rp.complete = rd_u64(&r);
	if (!rd_done(&r))
		return -EBADMSG;
	*ret = rp;
	return 0;
}
