/* trace.c - a line for everything that happens. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/census.h"
#include "proto/msg.h"
#include "proto/request.h"

static void begin(nsec_t now, const char *who, uint32_t id)
{
	printf("%12.6f %s %" PRIu32 " ", (double)now / NSEC_PER_SEC, who, id);
}

void trace_note(nsec_t now, const char *who, uint32_t id, const char *what, uint64_t value)
{
	begin(now, who, id);
	printf("* %s %" PRIu64 "\n", what, value);
}

static void print_requests(const struct msg *m)
{
	static const char *const form[] = { "?", "items", "ranges", "erasures" };
	struct request_reader r;
	struct request q;

	request_reader_init(&r, m->payload, m->payload_len);
	while (request_next(&r, &q) > 0)
		printf(" %s%s%s%s%s %u:%" PRIu32 ":%u", form[q.form & 3],
		       q.flags & NACK_SEGMENT ? " segment" : "",
		       q.flags & NACK_BLOCK ? " block" : "", q.flags & NACK_INFO ? " info" : "",
		       q.flags & NACK_OBJECT ? " object" : "", q.object_first, q.first.sbn,
		       q.first.esi);
}

static void print_probe(const struct msg *m)
{
	struct probe p;

	if (probe_decode(&p, m->payload, m->payload_len) != 0)
		return;
	printf(" phase %u objects %u-%u%s floor %u:%" PRIu32 " announced %u receipts %u",
	       p.phase, p.first_object, p.end_object, p.end_known ? "." : "...", p.floor_object,
	       p.floor_sbn, p.n_announced, p.n_receipts);
}

static void print_cmd(const struct msg *m)
{
	static const char *const name[] = { "?",  "FLUSH",      "EOT",     "SQUELCH",
					    "CC", "REPAIR_ADV", "ACK_REQ", "APPLICATION" };

	printf("%s", name[m->cmd & 7]);
	if (m->cmd == CMD_FLUSH || m->cmd == CMD_SQUELCH)
		printf(" %u:%" PRIu32 ":%u (%zu)", m->object_id, m->fpi.sbn, m->fpi.esi,
		       m->payload_len);
	if (m->cmd == CMD_REPAIR_ADV)
		print_requests(m);
	if (m->cmd == CMD_APPLICATION)
		print_probe(m);
}

static void print_msg(const struct msg *m)
{
	switch ((enum norm_type)m->type) {
	case NORM_INFO:
		printf("INFO %u (%zu)", m->object_id, m->payload_len);
		break;
	case NORM_DATA:
		printf("DATA %u:%" PRIu32 ":%u%s (%zu)", m->object_id, m->fpi.sbn, m->fpi.esi,
		       m->flags & NORM_FLAG_REPAIR ? " repair" : "", m->payload_len);
		if (m->ext.present & EXT_HAS_TARGET)
			printf(" target %u", m->ext.target);
		break;
	case NORM_CMD:
		print_cmd(m);
		break;
	case NORM_NACK:
		printf("NACK");
		print_requests(m);
		break;
	case NORM_ACK:
		printf("ACK type %u (%zu)", m->ack_type, m->payload_len);
		break;
	case NORM_REPORT:
		printf("REPORT");
		break;
	}
}

void trace_packet(nsec_t now, const char *who, uint32_t id, const struct packet *p)
{
	struct msg m;
	int r = msg_decode(&m, p->data, p->len);

	begin(now, who, id);
	if (r == 0)
		print_msg(&m);
	else
		printf("unreadable %zu bytes: %d", p->len, r);
	printf(r == 0 ? " seq %u\n" : "\n", m.sequence);
}
