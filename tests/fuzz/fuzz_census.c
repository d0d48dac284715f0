/* fuzz_census.c - PROBE, ANNOUNCE, RECEIPT, POLL, REPORT: what decodes, encodes to the same. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "proto/bytes.h"
#include "proto/census.h"
#include "proto/poll.h"
#include "proto/report.h"
#include "tests/equal.h"

static void fuzz_probe(const uint8_t *data, size_t size)
{
	struct probe p, back;
	uint8_t *buf;

	if (probe_decode(&p, data, size) < 0)
		return;
	buf = malloc(size);
	CHECK(buf);
	CHECK(probe_encode(&p, buf, size) == (int)size);
	CHECK(probe_decode(&back, buf, size) == 0);
	CHECK(p.phase == back.phase && p.end_known == back.end_known);
	CHECK(p.census == back.census && p.spread == back.spread && p.job == back.job);
	CHECK(p.n_early == back.n_early);
	CHECK(p.first_object == back.first_object && p.end_object == back.end_object);
	CHECK(p.floor_object == back.floor_object && p.floor_sbn == back.floor_sbn);
	CHECK(p.sequence == back.sequence && p.report_every == back.report_every);
	CHECK(p.position_object == back.position_object && p.position_sbn == back.position_sbn);
	CHECK(bytes_equal(p.announced, p.n_announced * 4, back.announced,
			  back.n_announced * 4));
	CHECK(bytes_equal(p.receipts, p.n_receipts * 4, back.receipts, back.n_receipts * 4));
	CHECK(bytes_equal(p.behind, p.n_behind * 4, back.behind, back.n_behind * 4));
	for (unsigned i = 0; i < p.n_announced; i++) {
		struct rd id = rd_init(p.announced + i * 4, 4);

		CHECK(probe_lists(p.announced, p.n_announced, rd_u32(&id)));
	}
	free(buf);
}

/* Every byte up to `len` is a field, but for the reserved ones; what follows is a later
 * program's. */
static void fuzz_announce(const uint8_t *data, size_t size)
{
	struct announce a;
	uint8_t buf[ANNOUNCE_MAX];
	int len;

	if (announce_decode(&a, data, size) < 0)
		return;
	len = announce_encode(&a, buf, sizeof(buf));
	CHECK(len > 0 && (size_t)len <= size);
	CHECK(bytes_equal(buf, 6, data, 6));
	CHECK(bytes_equal(buf + 8, (size_t)len - 8, data + 8, (size_t)len - 8));
	CHECK(announce_state_name(a.state));
}

static void fuzz_receipt(const uint8_t *data, size_t size)
{
	struct receipt rc;
	uint8_t buf[RECEIPT_MAX];
	int len;

	if (receipt_decode(&rc, data, size) < 0)
		return;
	len = receipt_encode(&rc, buf, sizeof(buf));
	CHECK(len > 0 && (size_t)len <= size);
	CHECK(bytes_equal(buf, (size_t)len, data, (size_t)len));
	CHECK(receipt_status_name(rc.status));
}

static void fuzz_poll(const uint8_t *data, size_t size)
{
	struct poll p;
	uint8_t buf[POLL_LEN];

	if (poll_decode(&p, data, size) < 0)
		return;
	CHECK(poll_encode(&p, buf, sizeof(buf)) == (int)size);
	buf[5] = data[5]; /* reserved */
	CHECK(bytes_equal(buf, size, data, size));
}

static void fuzz_report(const uint8_t *data, size_t size)
{
	struct rx_report rp;
	uint8_t buf[REPORT_LEN];

	if (report_decode(&rp, data, size) < 0)
		return;
	CHECK(report_encode(&rp, buf, sizeof(buf)) == (int)size);
	CHECK(buf[1] == (data[1] & 3));
	buf[1] = data[1];
	CHECK(bytes_equal(buf, size, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const fuzz[])(const uint8_t *, size_t) = {
		fuzz_probe, fuzz_announce, fuzz_receipt, fuzz_poll, fuzz_report,
	};

	if (size > 0)
		fuzz[data[0] % ARRAY_LEN(fuzz)](data + 1, size - 1);
	return 0;
}
