/* report.c - what sow says of a transfer, to people and to scripts, and its exit status. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/human.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "sender/roll.h"

#define LABEL_MAX     384
#define RATE_INTERVAL (250 * NSEC_PER_MSEC) /* between two events of the rate */

static int status(const struct report *r, const struct report_now *is)
{
	struct roll roll = roll_count(r, is);

	if (is->failed)
		return EXIT_SYSTEM;
	if (is->interrupted)
		return EXIT_INTERRUPTED;
	if (!job_n_failed(is->job) && roll.here && roll.ok == roll.expected)
		return EXIT_ALL;
	if (is->late)
		return EXIT_DEADLINE;
	return roll.here ? EXIT_PARTIAL : EXIT_NOBODY;
}

void report_init(struct report *r, const struct conf *conf, const struct netplan *plan,
		 const struct rates *rates, const struct expected *expected)
{
	*r = (struct report){
		.conf = conf, .plan = plan, .rates = rates, .expected = expected
	};
	said_init(&r->said, conf->json, conf->quiet, conf->report);
	progress_init(&r->progress, STDERR_FILENO, conf->progress_mode);
	log_before_line(progress_clear, &r->progress);
}

/* --- the beginning --- */

static void say_wait(const struct conf *c, unsigned n)
{
	log_info("waiting up to %.3g s for %u receiver%s", (double)c->wait / 1e9, n,
		 n == 1 ? "" : "s");
}

void report_plan(const struct report *r, const struct job *job)
{
	const struct conf *c = r->conf;
	char group[ADDR_TEXT], rate[32], what[LABEL_MAX];
	unsigned n = job_n_files(job);

	snprintf(what, sizeof(what), "%u file%s, %" PRIu64 " bytes", n, n == 1 ? "" : "s",
		 job_bytes(job));
	if (job_input_name(job))
		snprintf(what, sizeof(what), "standard input, as %s", job_input_name(job));
	log_info("%s, to %s by %s at %s%s", what, addr_format(&r->plan->group, group),
		 r->plan->ifname, r->rates->automatic ? "up to " : "",
		 human_number(rate, sizeof(rate), (double)r->rates->max, "bit/s"));
	if (c->receivers)
		say_wait(c, c->receivers);
	if (r->expected)
		say_wait(c, expected_n(r->expected));
}

void report_start(struct report *r, const struct report_now *is)
{
	unsigned n = roll_count(r, is).present;
	char group[ADDR_TEXT];
	struct json j;

	log_info("sending to %u receiver%s", n, n == 1 ? "" : "s");
	json_begin(&j, "start");
	json_string(&j, "group", addr_format(&r->plan->group, group));
	json_string(&j, "interface", r->plan->ifname);
	json_u64(&j, "files", job_n_files(is->job));
	json_u64(&j, "bytes", job_bytes(is->job));
	json_u64(&j, "receivers", n);
	json_u64(&j, "rate_bps", r->rates->start);
	json_bool(&j, "rate_auto", r->rates->automatic);
	json_u64(&j, "rate_max_bps", r->rates->max);
	said_event(&r->said, &j, true);
}

/* The rate as it is now, when it changed and not too often. */
static void say_rate(struct report *r, const struct report_now *is)
{
	struct tx_status st;
	struct json j;

	if (!r->conf->json || !r->rates->automatic || is->started_at == NSEC_NEVER ||
	    is->now - r->rate_at < RATE_INTERVAL)
		return;
	r->rate_at = is->now;
	st = tx_status(is->tx);
	if (st.rate * 8 == r->rate && st.rate_reason == r->why)
		return;
	r->rate = st.rate * 8;
	r->why = st.rate_reason;
	json_begin(&j, "rate");
	json_u64(&j, "rate_bps", r->rate);
	json_string(&j, "reason", rate_reason_name(r->why));
	json_u64(&j, "sent", st.sent);
	said_event(&r->said, &j, false);
}

void report_straggler(struct report *r, const struct listener *li)
{
	char label[LABEL_MAX];
	struct json j;

	if (!li)
		return;
	log_info("%s cannot keep up: %s", listener_label(li, label, sizeof(label)),
		 r->conf->input ? "nobody waits for it, and standard input is not kept for it"
				: "it gets the rest when the others are done");
	json_begin(&j, "straggler");
	listener_tell(li, &j);
	said_event(&r->said, &j, true);
}

void report_progress(struct report *r, const struct report_now *is)
{
	struct progress_now now = { .note = "reading what some have already" };
	struct tx_status st;
	char note[128], rate[32] = "";

	say_rate(r, is);
	if (!r->progress.on || is->now < r->progress.redraw_at)
		return;
	if (job_hashing(is->job, &now.done, &now.total)) {
		progress_show(&r->progress, is->now, &now);
		return;
	}
	st = tx_status(is->tx);
	now = (struct progress_now){ st.sent, MAX(st.total, job_total(is->job)), note };
	if (r->rates->automatic && is->started_at != NSEC_NEVER)
		human_number(rate, sizeof(rate), (double)st.rate * 8, "bit/s");
	snprintf(note, sizeof(note), "%s%u receiver%s%s%s%s%s",
		 st.phase == PHASE_WAIT      ? "waiting, "
		 : st.phase == PHASE_CATCHUP ? "repairing, "
					     : "",
		 tx_n_receivers(is->tx), tx_n_receivers(is->tx) == 1 ? "" : "s",
		 rate[0] ? ", at " : "", rate, rate[0] ? ": " : "",
		 rate[0] ? rate_reason_name(st.rate_reason) : "");
	progress_show(&r->progress, is->now, &now);
}

/* --- the end --- */

struct totals {
	unsigned ok, expected;
	uint64_t bytes; /* of files, that everybody has now; or what was sent of them */
	double seconds, goodput; /* bits of them a second */
	double ratio;            /* packets sent for each packet that they fill */
};

static struct totals totals_of(const struct report *r, const struct report_now *is)
{
	const struct tx_counters *c = tx_counters(is->tx);
	struct roll roll = roll_count(r, is);
	struct totals t = { .ok = roll.ok, .expected = roll.expected };

	uint64_t filled = job_bytes(is->job) / r->conf->segment;

	t.bytes = t.ok == t.expected ? job_bytes(is->job) : tx_status(is->tx).sent;
	if (is->started_at != NSEC_NEVER)
		t.seconds = (double)(is->now - is->started_at) / 1e9;
	if (t.seconds > 0)
		t.goodput = (double)t.bytes * 8 / t.seconds;
	if (c->source || filled)
		t.ratio = (double)c->packets / (double)MAX(c->source, filled);
	return t;
}

static const char *why(const struct report_now *is, int exit_status)
{
	if (is->quit && (exit_status == EXIT_PARTIAL || exit_status == EXIT_NOBODY))
		return "finished early; ";
	switch ((enum exit_status)exit_status) {
	case EXIT_INTERRUPTED:
		return "interrupted; ";
	case EXIT_NOBODY:
		return "nobody there; ";
	case EXIT_SYSTEM:
		return "failed; ";
	case EXIT_DEADLINE:
		return "deadline passed; ";
	case EXIT_ALL:
	case EXIT_USAGE:
	case EXIT_PARTIAL:
		break;
	}
	return "";
}

static void summary(struct report *r, const struct report_now *is, int exit_status)
{
	struct totals t = totals_of(r, is);
	char text[320];

	snprintf(text, sizeof(text),
		 "%s%u of %u receiver%s complete; %" PRIu64
		 " bytes in %.3f s, %.1f Mbit/s, %.3f packets per source packet",
		 why(is, exit_status), t.ok, t.expected, t.expected == 1 ? "" : "s", t.bytes,
		 t.seconds, t.goodput / 1e6, t.ratio);
	if (is->started_at == NSEC_NEVER && exit_status == EXIT_NOBODY && !is->quit)
		snprintf(text, sizeof(text),
			 "nobody there: no receiver%s answered within %.3g s",
			 r->expected ? " of those named" : "", (double)r->conf->wait / 1e9);
	else if (is->started_at == NSEC_NEVER)
		snprintf(text, sizeof(text), "%snothing was sent", why(is, exit_status));
	said_line(&r->said, exit_status != EXIT_ALL, text);
}

static void summary_json(struct report *r, const struct report_now *is, int exit_status)
{
	const struct tx_counters *c = tx_counters(is->tx);
	struct totals t = totals_of(r, is);
	struct json j;

	json_begin(&j, "done");
	json_u64(&j, "receivers", t.expected);
	json_u64(&j, "complete", t.ok);
	json_u64(&j, "files", job_n_files(is->job));
	json_u64(&j, "failed_files", job_n_failed(is->job));
	json_u64(&j, "packets", c->packets);
	json_u64(&j, "source_packets", c->source);
	json_u64(&j, "parity_packets", c->parity);
	json_u64(&j, "bytes_sent", c->bytes);
	json_u64(&j, "bytes", t.bytes);
	json_u64(&j, "nacks", c->nacks);
	json_u64(&j, "reports", c->reports);
	json_u64(&j, "rate_bps", tx_status(is->tx).rate * 8);
	json_string(&j, "rate_reason", rate_reason_name(tx_status(is->tx).rate_reason));
	json_u64(&j, "rate_changes", c->rate_changes);
	json_real(&j, "seconds", t.seconds);
	json_real(&j, "goodput_bps", t.goodput);
	json_i64(&j, "exit", exit_status);
	said_event(&r->said, &j, true);
}

static void write_metrics(const struct report *r, const struct report_now *is, int exit_status)
{
	const struct tx_counters *c = tx_counters(is->tx);
	struct totals t = totals_of(r, is);
	const struct metric m[] = {
		{ "sow_exit_status", "how sow ended, 0: all is well", METRIC_GAUGE,
		  exit_status },
		{ "sow_receivers", "receivers that came or were expected", METRIC_GAUGE,
		  t.expected },
		{ "sow_receivers_complete", "receivers that have everything", METRIC_GAUGE,
		  t.ok },
		{ "sow_files", "files to send", METRIC_GAUGE, job_n_files(is->job) },
		{ "sow_files_failed", "files that could not be sent", METRIC_GAUGE,
		  job_n_failed(is->job) },
		{ "sow_seconds", "duration of the transfer", METRIC_GAUGE, t.seconds },
		{ "sow_goodput_bps", "file content a second, bits", METRIC_GAUGE, t.goodput },
		{ "sow_content_bytes_total", "file content that arrived", METRIC_COUNTER,
		  (double)t.bytes },
		{ "sow_sent_bytes_total", "bytes of NORM messages sent", METRIC_COUNTER,
		  (double)c->bytes },
		{ "sow_packets_total", "packets sent", METRIC_COUNTER, (double)c->packets,
		  .label = NULL },
		{ "sow_source_packets_total", "packets of content, first time", METRIC_COUNTER,
		  (double)c->source },
		{ "sow_parity_packets_total", "packets of parity", METRIC_COUNTER,
		  (double)c->parity },
		{ "sow_again_packets_total", "packets of content, again", METRIC_COUNTER,
		  (double)c->again },
		{ "sow_nacks_total", "repair requests heard", METRIC_COUNTER,
		  (double)c->nacks },
		{ "sow_reports_total", "reports heard", METRIC_COUNTER, (double)c->reports },
		{ "sow_rate_bps", "the sending rate at the end", METRIC_GAUGE,
		  (double)tx_status(is->tx).rate * 8 },
		{ "sow_rate_changes_total", "changes of the sending rate", METRIC_COUNTER,
		  (double)c->rate_changes },
		{ "sow_malformed_total", "datagrams refused", METRIC_COUNTER,
		  (double)c->malformed },
	};
	int e = metrics_write(r->conf->metrics, m, sizeof(m) / sizeof(m[0]));

	if (e < 0)
		log_err(e, "write %s", r->conf->metrics);
}

int report_end(struct report *r, const struct report_now *is)
{
	int exit_status = status(r, is);
	struct tx_status st = tx_status(is->tx);

	if (is->started_at != NSEC_NEVER)
		progress_end(&r->progress, is->now,
			     &(struct progress_now){ st.sent, st.total, "" });
	else
		progress_clear(&r->progress);
	roll_tell(r, is);
	summary_json(r, is, exit_status);
	summary(r, is, exit_status);
	if (r->conf->metrics)
		write_metrics(r, is, exit_status);
	log_before_line(NULL, NULL);
	return said_end(&r->said) < 0 ? EXIT_SYSTEM : exit_status;
}
