/* census.c - who is there: PROBE, ANNOUNCE, RECEIPT. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/census.h"

#include <errno.h>

#include "proto/bytes.h"
#include "proto/wire.h"

#define PROBE_END_KNOWN 0x01
#define PROBE_CENSUS    0x02
#define PROBE_BEHIND    0x04
#define PROBE_JOB       0x08
#define PROBE_EARLY     4 /* bits of n_early, from this one on */

#define NODE_ID_LEN 4
#define IDS_MAX     UINT16_MAX

static bool text_valid(const char *text, size_t len, size_t max)
{
	return len <= max && (len == 0 || !memchr(text, 0, len));
}

static bool phase_valid(uint8_t phase)
{
	return phase >= PHASE_WAIT && phase <= PHASE_END;
}

int probe_encode(const struct probe *p, uint8_t *buf, size_t cap)
{
	uint8_t flags = (p->end_known ? PROBE_END_KNOWN : 0) | (p->census ? PROBE_CENSUS : 0);
	struct wr w = wr_init(buf, cap);

	flags |= (uint8_t)(p->n_early << PROBE_EARLY);
	if (!phase_valid(p->phase) || p->n_early > PROBE_EARLY_MAX ||
	    p->n_announced > IDS_MAX || p->n_receipts > IDS_MAX)
		return -EINVAL;
	if (p->n_behind)
		flags |= PROBE_BEHIND;
	if (p->job)
		flags |= PROBE_JOB;
	wr_u32(&w, SOW_MAGIC);
	wr_u8(&w, APP_PROBE);
	wr_u8(&w, p->phase);
	wr_u8(&w, flags);
	wr_u8(&w, p->spread);
	wr_u16(&w, p->first_object);
	wr_u16(&w, p->end_object);
	wr_u16(&w, p->floor_object);
	wr_u16(&w, (uint16_t)p->n_announced);
	wr_u32(&w, p->floor_sbn);
	wr_u16(&w, (uint16_t)p->n_receipts);
	wr_u16(&w, p->sequence);
	wr_u16(&w, p->position_object);
	wr_u16(&w, p->report_every);
	wr_u32(&w, p->position_sbn);
	if (p->job)
		wr_u32(&w, p->job);
	wr_bytes(&w, p->announced, (size_t)p->n_announced * NODE_ID_LEN);
	wr_bytes(&w, p->receipts, (size_t)p->n_receipts * NODE_ID_LEN);
	wr_bytes(&w, p->behind, (size_t)p->n_behind * NODE_ID_LEN);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

int probe_decode(struct probe *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct probe p = { 0 };
	uint8_t flags;

	if (rd_u32(&r) != SOW_MAGIC || rd_u8(&r) != APP_PROBE)
		return -EPROTONOSUPPORT;
	p.phase = rd_u8(&r);
	flags = rd_u8(&r);
	p.end_known = flags & PROBE_END_KNOWN;
	p.census = flags & PROBE_CENSUS;
	p.n_early = flags >> PROBE_EARLY & PROBE_EARLY_MAX;
	p.spread = rd_u8(&r);
	p.first_object = rd_u16(&r);
	p.end_object = rd_u16(&r);
	p.floor_object = rd_u16(&r);
	p.n_announced = rd_u16(&r);
	p.floor_sbn = rd_u32(&r);
	p.n_receipts = rd_u16(&r);
	p.sequence = rd_u16(&r);
	p.position_object = rd_u16(&r);
	p.report_every = rd_u16(&r);
	p.position_sbn = rd_u32(&r);
	if (flags & PROBE_JOB && !(p.job = rd_u32(&r)))
		return -EBADMSG;
	p.announced = rd_bytes(&r, (size_t)p.n_announced * NODE_ID_LEN);
	p.receipts = rd_bytes(&r, (size_t)p.n_receipts * NODE_ID_LEN);
	if (flags & PROBE_BEHIND) {
		p.n_behind = (unsigned)(rd_left(&r) / NODE_ID_LEN);
		p.behind = rd_bytes(&r, (size_t)p.n_behind * NODE_ID_LEN);
		if (!p.n_behind)
			return -EBADMSG;
	}
	if (!rd_done(&r) || !phase_valid(p.phase))
		return -EBADMSG;
	*ret = p;
	return 0;
}

bool probe_lists(const uint8_t *ids, unsigned n, uint32_t node_id)
{
	struct rd r = rd_init(ids, (size_t)n * NODE_ID_LEN);

	while (rd_left(&r) > 0)
		if (rd_u32(&r) == node_id)
			return true;
	return false;
}

bool probe_asks(const struct probe *p, uint32_t node_id)
{
	return p->report_every && ((uint64_t)node_id + p->sequence) % p->report_every == 0;
}

static bool announce_valid(const struct announce *a)
{
	return text_valid(a->host, a->host_len, CENSUS_HOST_MAX) &&
	       text_valid(a->version, a->version_len, CENSUS_VERSION_MAX);
}

int announce_encode(const struct announce *a, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (!announce_valid(a))
		return -EINVAL;
	wr_u8(&w, SOW_VERSION);
	wr_u8(&w, a->state);
	wr_u16(&w, (uint16_t)a->host_len);
	wr_u16(&w, (uint16_t)a->version_len);
	wr_u16(&w, 0);
	wr_u64(&w, a->free);
	wr_u64(&w, a->machine);
	wr_bytes(&w, a->host, a->host_len);
	wr_bytes(&w, a->version, a->version_len);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

int announce_decode(struct announce *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct announce a = { 0 };

	if (rd_u8(&r) != SOW_VERSION)
		return rd_ok(&r) ? -EPROTONOSUPPORT : -EBADMSG;
	a.state = rd_u8(&r);
	a.host_len = rd_u16(&r);
	a.version_len = rd_u16(&r);
	rd_skip(&r, 2);
	a.free = rd_u64(&r);
	a.machine = rd_u64(&r);
	a.host = (const char *)rd_bytes(&r, a.host_len);
	a.version = (const char *)rd_bytes(&r, a.version_len);
	if (!rd_ok(&r) || !announce_valid(&a))
		return -EBADMSG;
	*ret = a;
	return 0;
}

int receipt_encode(const struct receipt *rc, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (!text_valid(rc->text, rc->text_len, CENSUS_TEXT_MAX))
		return -EINVAL;
	wr_u8(&w, SOW_VERSION);
	wr_u8(&w, rc->status);
	wr_u16(&w, (uint16_t)rc->text_len);
	wr_u32(&w, rc->n_objects);
	wr_u32(&w, rc->n_verified);
	wr_u32(&w, rc->symbols);
	wr_u32(&w, rc->lost);
	wr_u64(&w, rc->bytes);
	wr_bytes(&w, rc->digest, DIGEST_LEN);
	wr_u64(&w, rc->needed);
	wr_u32(&w, rc->time_ms);
	wr_bytes(&w, rc->text, rc->text_len);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

int receipt_decode(struct receipt *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct receipt rc = { 0 };
	const uint8_t *digest;

	if (rd_u8(&r) != SOW_VERSION)
		return rd_ok(&r) ? -EPROTONOSUPPORT : -EBADMSG;
	rc.status = rd_u8(&r);
	rc.text_len = rd_u16(&r);
	rc.n_objects = rd_u32(&r);
	rc.n_verified = rd_u32(&r);
	rc.symbols = rd_u32(&r);
	rc.lost = rd_u32(&r);
	rc.bytes = rd_u64(&r);
	digest = rd_bytes(&r, DIGEST_LEN);
	rc.needed = rd_u64(&r);
	rc.time_ms = rd_u32(&r);
	rc.text = (const char *)rd_bytes(&r, rc.text_len);
	if (!rd_ok(&r) || !text_valid(rc.text, rc.text_len, CENSUS_TEXT_MAX))
		return -EBADMSG;
	memcpy(rc.digest, digest, DIGEST_LEN);
	*ret = rc;
	return 0;
}

const char *announce_state_name(uint8_t state)
{
	static const char *const names[] = {
		[ANNOUNCE_IDLE] = "idle",
		[ANNOUNCE_RECEIVING] = "receiving",
		[ANNOUNCE_STORING] = "storing",
	};

	return state < ARRAY_LEN(names) ? names[state] : "unknown";
}

const char *receipt_status_name(uint8_t status)
{
	static const char *const names[] = {
		[RECEIPT_COMPLETE] = "complete",     [RECEIPT_PARTIAL] = "partial",
		[RECEIPT_CORRUPT] = "corrupt",       [RECEIPT_REFUSED] = "refused",
		[RECEIPT_IO] = "input/output error", [RECEIPT_INTERRUPTED] = "interrupted",
		[RECEIPT_HOOK] = "hook failed",      [RECEIPT_STUCK] = "not removed",
	};

	return status < ARRAY_LEN(names) ? names[status] : "unknown";
}
