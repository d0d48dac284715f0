/* roll.c - how it ended for each receiver. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/roll.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/human.h"
#include "common/log.h"
#include "common/table.h"
#include "common/utf8.h"

#define LABEL_MAX 384
#define NAME_MAX  (4 * 256)

/* One of them. */
struct one {
	struct tx_receiver rc;
	const struct listener *li; /* NULL: nothing is known but its node */
	const struct receipt *rt;  /* NULL: none came */
	bool astray;               /* it says that it stored a job, which was not this one */
	bool ok;
};

static bool succeeded(const struct report *r, const struct tx_receiver *rc)
{
	if (rc->state == TX_RX_FINISHED)
		return rc->receipt_status == RECEIPT_COMPLETE;
	return rc->state == TX_RX_ACKED && r->conf->profile == PROFILE_NORM;
}

/* What was not stored may be one of which nothing is known. */
static bool went_astray(const struct report_now *is, const struct receipt *rt)
{
	return (rt->status == RECEIPT_COMPLETE || rt->status == RECEIPT_HOOK ||
		rt->status == RECEIPT_STUCK) &&
	       !job_is_of(is->job, rt);
}

/* The i-th receiver. False: it only listens, it was not to get it. */
static bool look(const struct report *r, const struct report_now *is, unsigned i,
		 struct one *ret)
{
	struct tx_receiver rc = tx_receiver(is->tx, i);
	const struct listener *li = listeners_find(is->who, rc.node_id);

	*ret = (struct one){
		.rc = rc,
		.li = li,
		.rt = li && li->has_receipt ? &li->receipt : NULL,
		.ok = succeeded(r, &rc) && !(li && li->ambiguous),
	};
	ret->astray = ret->rt && went_astray(is, ret->rt);
	ret->ok &= !ret->astray;
	return !li || !li->stranger;
}

struct roll roll_count(const struct report *r, const struct report_now *is)
{
	struct roll roll = { 0 };
	struct one one;

	for (unsigned i = 0; i < tx_n_receivers(is->tx); i++) {
		if (!look(r, is, i, &one))
			continue;
		roll.here++;
		roll.present += one.rc.state != TX_RX_DROPPED;
		roll.ok += one.ok;
	}
	roll.expected = r->expected ? roll.here + expected_n_absent(r->expected)
				    : MAX(roll.here, r->conf->receivers);
	return roll;
}

/* --- what there is to say --- */

/* In a word that scripts may rely on. */
static const char *outcome(const struct report *r, const struct one *one)
{
	if (one->li && one->li->ambiguous)
		return "ambiguous";
	if (one->astray)
		return "wrong digest";
	switch (one->rc.state) {
	case TX_RX_FINISHED:
		return receipt_status_name(one->rc.receipt_status);
	case TX_RX_ACKED:
		return r->conf->profile == PROFILE_NORM ? "acknowledged" : "unconfirmed";
	case TX_RX_DROPPED:
		return one->rc.barred ? "dropped" : "silent";
	case TX_RX_ACTIVE:
	case TX_RX_BEHIND:
		break;
	}
	return "incomplete";
}

static double loss_percent(const struct one *one)
{
	uint64_t all = (uint64_t)one->rt->symbols + one->rt->lost;

	return all ? 100.0 * one->rt->lost / (double)all : 0.0;
}

static bool digest_ok(const struct one *one)
{
	return one->rt->n_objects && one->rt->n_verified == one->rt->n_objects && !one->astray;
}

static const char *reason(const struct one *one, char buf[static 4 * CENSUS_TEXT_MAX + 1])
{
	buf[0] = '\0';
	if (one->rt)
		utf8_escape(buf, 4 * CENSUS_TEXT_MAX + 1, one->li->text, one->li->text_len);
	return buf;
}

static const char *label(const struct one *one, char buf[static LABEL_MAX])
{
	return one->li ? listener_label(one->li, buf, LABEL_MAX) : "?";
}

/* --- lines --- */

static void tell_line(struct report *r, const struct one *one)
{
	char who[LABEL_MAX], why[4 * CENSUS_TEXT_MAX + 1], line[2048], other[ADDR_TEXT];
	size_t n = (size_t)snprintf(line, sizeof(line), "%s: %s", label(one, who),
				    outcome(r, one));

	if (one->rc.state == TX_RX_DROPPED && !one->rc.barred)
		n += (size_t)snprintf(line + n, sizeof(line) - n, ", given up after %.3g s",
				      (double)r->conf->drop_after / 1e9);
	if (one->li && one->li->ambiguous)
		n += (size_t)snprintf(line + n, sizeof(line) - n,
				      ", %s answers as the same receiver: clones of a "
				      "running machine; start reap anew there",
				      addr_format_host(&one->li->other, other));
	if (one->rt)
		n += (size_t)snprintf(line + n, sizeof(line) - n,
				      ", %" PRIu32 " of %" PRIu32 " files, %" PRIu64
				      " bytes, %.2f %% lost",
				      one->rt->n_verified, one->rt->n_objects, one->rt->bytes,
				      loss_percent(one));
	if (reason(one, why)[0])
		snprintf(line + n, sizeof(line) - n, ": %s", why);
	said_line(&r->said, !one->ok, line);
}

static void tell_absent_line(struct report *r, const char *name)
{
	char line[NAME_MAX + 16];
	size_t n = utf8_escape(line, NAME_MAX, name, strlen(name));

	snprintf(line + n, sizeof(line) - n, ": absent");
	said_line(&r->said, true, line);
}

/* --- events --- */

static void put_report(struct json *j, const struct rx_report *rp)
{
	uint64_t all = (uint64_t)rp->heard + rp->missed;

	json_real(j, "loss_percent", all ? 100.0 * rp->missed / (double)all : 0.0);
	json_u64(j, "dropped", rp->dropped);
	json_u64(j, "backlog_bytes", (uint64_t)rp->backlog * 1024);
}

static void put_receipt(struct json *j, const struct one *one)
{
	const struct receipt *rt = one->rt;

	json_u64(j, "files", rt->n_objects);
	json_u64(j, "verified", rt->n_verified);
	json_bool(j, "digest_ok", digest_ok(one));
	json_u64(j, "bytes", rt->bytes);
	json_u64(j, "needed_bytes", rt->needed);
	json_u64(j, "packets", rt->symbols);
	json_u64(j, "lost", rt->lost);
	json_real(j, "seconds", rt->time_ms / 1e3);
	json_text(j, "text", one->li->text, one->li->text_len);
}

static void tell_json(struct report *r, const struct one *one)
{
	char id[16];
	struct json j;

	json_begin(&j, "receiver");
	if (one->li) {
		listener_tell(one->li, &j);
	} else {
		snprintf(id, sizeof(id), "%08" PRIx32, one->rc.node_id);
		json_string(&j, "node", id);
	}
	json_string(&j, "status", outcome(r, one));
	json_bool(&j, "ok", one->ok);
	json_bool(&j, "straggler", one->rc.straggled);
	if (one->li)
		listener_tell_self(one->li, &j);
	if (one->li && one->li->has_report)
		put_report(&j, &one->li->last);
	if (one->rt)
		put_receipt(&j, one);
	said_event(&r->said, &j, true);
}

static void tell_absent_json(struct report *r, const char *name)
{
	struct json j;

	json_begin(&j, "receiver");
	json_string(&j, "host", name);
	json_string(&j, "status", "absent");
	json_bool(&j, "ok", false);
	said_event(&r->said, &j, true);
}

/* --- the table --- */

static const struct table_column columns[] = {
	{ "NAME", false }, { "ADDRESS", false }, { "STATUS", false }, { "NEEDED", true },
	{ "LOST", true },  { "TIME", true },     { "DIGEST", false },
};

static void add_row(struct report *r, struct table *t, const struct one *one)
{
	char text[4 * CENSUS_HOST_MAX + 1] = "?";

	if (one->li)
		utf8_escape(text, sizeof(text), one->li->host, one->li->self.host_len);
	table_add(t, text);
	table_add(t, one->li ? addr_format_host(&one->li->addr, text) : "?");
	table_add(t, outcome(r, one));
	if (!one->rt) {
		for (int i = 0; i < 4; i++)
			table_add(t, "-");
		return;
	}
	table_add(t, human_number(text, sizeof(text), (double)one->rt->needed, "B"));
	snprintf(text, sizeof(text), "%.2f %%", loss_percent(one));
	table_add(t, text);
	snprintf(text, sizeof(text), "%.1f s", one->rt->time_ms / 1e3);
	table_add(t, text);
	table_add(t, digest_ok(one)                                      ? "ok"
		     : one->astray || one->rt->status == RECEIPT_CORRUPT ? "wrong"
									 : "-");
}

static void add_absent_row(struct table *t, const char *name)
{
	char text[NAME_MAX];

	utf8_escape(text, sizeof(text), name, strlen(name));
	table_add(t, text);
	table_add(t, "-");
	table_add(t, "absent");
	for (int i = 0; i < 4; i++)
		table_add(t, "-");
}

static void tell_table(struct report *r, const struct report_now *is)
{
	struct table t = { .columns = columns, .n_columns = ARRAY_LEN(columns) };
	char who[LABEL_MAX], why[4 * CENSUS_TEXT_MAX + 1];
	const char *name;
	struct one one;
	int e;

	for (unsigned i = 0; i < tx_n_receivers(is->tx); i++)
		if (look(r, is, i, &one))
			add_row(r, &t, &one);
	for (unsigned i = 0; r->expected && (name = expected_absent(r->expected, &i));)
		add_absent_row(&t, name);
	e = t.n_cells || t.failed ? table_write(&t, stdout) : 0;
	if (e < 0)
		r->said.error = e;
	for (unsigned i = 0; i < tx_n_receivers(is->tx); i++)
		if (look(r, is, i, &one) && reason(&one, why)[0])
			printf("%s: %s\n", label(&one, who), why);
}

void roll_tell(struct report *r, const struct report_now *is)
{
	bool table = r->said.terminal && !r->said.json && !r->said.quiet;
	const char *name;
	struct one one;

	r->said.hidden = table;
	for (unsigned i = 0; i < tx_n_receivers(is->tx); i++) {
		if (!look(r, is, i, &one))
			continue;
		if (said_wants_json(&r->said))
			tell_json(r, &one);
		tell_line(r, &one);
	}
	for (unsigned i = 0; r->expected && (name = expected_absent(r->expected, &i));) {
		if (said_wants_json(&r->said))
			tell_absent_json(r, name);
		tell_absent_line(r, name);
	}
	r->said.hidden = false;
	if (table)
		tell_table(r, is);
}
