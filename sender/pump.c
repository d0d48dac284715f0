/* pump.c - moves packets between the session, the files and the network until it is over. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/pump.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/udp_in.h"
#include "common/udp_out.h"
#include "proto/wire.h"
#include "sender/feeder.h"
#include "sender/desk.h"
#include "sender/identity.h"

#define BATCH       256 /* packets queued for one flush */
#define ROUNDS      4   /* batches for one reading of the clock */
#define READS       16  /* reads of feedback for one wake-up */
#define GROUP       44  /* packets: a full super-packet costs what a part does */
#define QUANTUM_MIN (500 * NSEC_PER_USEC) /* the pacer's groups leave this far apart, */
#define QUANTUM_MAX (2 * NSEC_PER_MSEC)   /* or as far as it takes to have GROUP of them */
#define DRAIN       NSEC_PER_SEC          /* an interrupted session says good-bye, at most */
#define QUEUE_RETRY NSEC_PER_MSEC         /* the device's queue is full */
#define ERROR_RETRY (100 * NSEC_PER_MSEC) /* the network is in trouble */

#define OBJECTS_SOW  4096
#define OBJECTS_NORM 200 /* NRL's receivers keep 256 at most */

enum tag { TAG_SEND, TAG_GROUP, N_SOCKETS, TAG_DESK = N_SOCKETS };

/* What keeps queued packets from leaving. */
enum blocked {
	FREE,
	BLOCKED_SOCKET, /* until it is writable */
	BLOCKED_TIME,   /* until retry_at */
};

struct pump {
	struct pump_conf c;
	struct tx *tx;
	struct listeners *who;
	struct loop *loop;
	struct udp socket[N_SOCKETS]; /* TAG_GROUP: multicast feedback, only --profile norm */
	struct udp_in *in[N_SOCKETS];
	struct udp_out *out;
	struct feeder *feeder;
	struct addr self; /* what our own packets come from */

	nsec_t now;
	struct desk desk;
	nsec_t deadline_at;
	nsec_t started_at; /* tx_start(); NSEC_NEVER: not yet */
	nsec_t drain_until;
	bool feeding; /* the job has more to do at once */
	bool working; /* the last wake-up ended with more to do */
	bool sent;    /* packets were sent in this wake-up */
	bool late;    /* the deadline passed */
	bool stopped; /* a second signal */
	bool warned;  /* of a firewall */
	int signals;  /* caught so far */
	int error;    /* what ended it */
	bool readable[N_SOCKETS];

	enum blocked blocked;
	nsec_t retry_at;
	nsec_t trouble_since; /* NSEC_NEVER: packets leave */
};

/* --- making it --- */

static int make_session(struct pump *p)
{
	static const enum tx_code codes[] = { [FEC_BY_RECEIVERS] = TX_CODE_AUTO,
					      [FEC_SMALL] = TX_CODE_SMALL,
					      [FEC_LARGE] = TX_CODE_LARGE };
	const struct conf *c = p->c.conf;
	bool norm = c->profile == PROFILE_NORM, near = p->c.plan->ttl <= 1;
	struct tx_conf tc = {
		.profile = norm ? TX_NORM : TX_SOW,
		.segment_size = (uint16_t)c->segment,
		.fec_id = c->fec_id == FEC_129 ? FEC_SB_SYST : FEC_RS8,
		.block_len = (uint16_t)c->fec.k,
		.n_parity = (uint16_t)c->fec.n_parity,
		.code = norm || c->segment % 2 ? TX_CODE_SMALL : codes[c->fec.kind],
		.large_len = (uint16_t)c->fec.large,
		.interleave = (uint16_t)c->interleave,
		.rate = p->c.rates.start / 8,
		.rate_auto = p->c.rates.automatic && !p->c.rates.cc,
		.rate_cc = p->c.rates.cc,
		.rate_min = p->c.rates.min / 8,
		.rate_start = p->c.rates.start / 8,
		.rate_max = p->c.rates.max / 8,
		.backoff = 4,
		.repair_adv = norm,
		.grtt_initial = (near   ? (norm ? 20 : 10)
				 : norm ? 250
					: 100) *
				NSEC_PER_MSEC,
		.near = near && !norm,
		.drop_after = c->drop_after,
		.memory = c->memory,
		.max_objects = norm ? OBJECTS_NORM : OBJECTS_SOW,
		.max_receivers = RECEIVERS_MAX,
		.expected = p->c.expected ? expected_n(p->c.expected) : c->receivers,
	};
	const char *name = job_name(p->c.job);
	int r = identity_choose(&tc);

	if (r < 0)
		return r;
	if (name[0])
		tc.job = digest_tag(name, strlen(name));
	r = tx_new(&p->tx, &tc, p->now);
	return r < 0 ? log_err(r, "start a session") : 0;
}

static int open_socket(struct pump *p, enum tag tag, enum udp_role role)
{
	char text[NETOPT_TEXT];
	struct udp *u = &p->socket[tag];
	int r = netplan_open(p->c.plan, role, u, text);

	if (r < 0)
		return log_err(0, "%s", text), r;
	if ((p->c.conf->net.rcvbuf || p->c.conf->net.sndbuf) && netplan_clamped(u, text))
		log_warn(0, "%s", text);
	r = udp_in_new(&p->in[tag], u);
	if (r == 0)
		r = loop_add(p->loop, u->fd, LOOP_READ, tag);
	return r < 0 ? log_err(r, "watch a socket") : 0;
}

/* Plain NORM receivers may answer to the group; a source-specific one cannot carry that. */
static bool wants_group(const struct pump *p)
{
	return p->c.conf->profile == PROFILE_NORM && !p->c.plan->broadcast &&
	       !p->c.plan->n_sources && !addr_is_ssm(&p->c.plan->group);
}

static int catch_signals(struct pump *p)
{
	int signals[8] = { SIGINT, SIGTERM, SIGHUP };
	const int *more;
	unsigned n = desk_signals(p->c.conf, &more);

	memcpy(signals + 3, more, n * sizeof(signals[0]));
	return loop_catch(p->loop, signals, 3 + n);
}

static int open_network(struct pump *p)
{
	int r = loop_new(&p->loop);

	if (r == 0)
		r = catch_signals(p);
	if (r == 0)
		r = udp_out_new(&p->out, BATCH);
	if (r == 0)
		r = feeder_new(&p->feeder, p->c.conf->threads, p->loop);
	if (r == 0)
		r = listeners_new(&p->who, RECEIVERS_MAX);
	if (r < 0)
		return log_err(r, "start");
	r = open_socket(p, TAG_SEND, UDP_SEND);
	if (r == 0 && wants_group(p))
		r = open_socket(p, TAG_GROUP, UDP_LISTEN);
	if (r == 0 && (r = job_start(p->c.job, p->loop)) < 0)
		return log_err(r, "read standard input");
	p->self = p->c.plan->local;
	addr_set_port(&p->self, addr_port(&p->socket[TAG_SEND].local));
	return r;
}

static int open_desk(struct pump *p)
{
	const struct conf *c = p->c.conf;
	int64_t deadline = deadline_in(&c->deadline, clock_wall());
	struct gather *g = &p->desk.orders.gather;

	p->desk.orders.tx = p->tx;
	p->desk.orders.who = p->who;
	gather_init(g, p->now, c->wait);
	g->receivers = c->receivers;
	g->plain = c->profile == PROFILE_NORM;
	g->named = p->c.expected != NULL;
	if (p->c.expected)
		g->absent = expected_n(p->c.expected);
	p->deadline_at = deadline == INT64_MAX ? NSEC_NEVER : p->now + deadline;
	return desk_open(&p->desk, c, p->loop, TAG_DESK);
}

int pump_new(struct pump **ret, const struct pump_conf *conf)
{
	struct pump *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return log_err(-ENOMEM, "start");
	p->c = *conf;
	p->now = clock_now();
	p->started_at = p->drain_until = p->trouble_since = NSEC_NEVER;
	p->feeding = p->working = true;
	for (int i = 0; i < N_SOCKETS; i++)
		p->socket[i].fd = -1;
	r = open_network(p);
	if (r == 0)
		r = make_session(p);
	if (r == 0)
		r = open_desk(p);
	if (r < 0)
		pump_free(p);
	else
		*ret = p;
	return r;
}

void pump_free(struct pump *p)
{
	if (!p)
		return;
	desk_close(&p->desk);
	feeder_free(p->feeder);
	job_stop(p->c.job);
	udp_out_free(p->out);
	tx_free(p->tx);
	for (int i = 0; i < N_SOCKETS; i++) {
		udp_in_free(p->in[i]);
		udp_close(&p->socket[i]);
	}
	listeners_free(p->who);
	loop_free(p->loop);
	free(p);
}

static struct report_now moment(const struct pump *p)
{
	return (struct report_now){
		.tx = p->tx,
		.who = p->who,
		.job = p->c.job,
		.started_at = p->started_at,
		.now = p->now,
		.interrupted = p->signals > 0,
		.late = p->late,
		.quit = p->desk.orders.quit,
		.failed = p->error < 0,
	};
}

/* --- what comes in --- */

/* Others than those expected may listen, but are neither served nor waited for. */
static void admit(struct pump *p, uint32_t node_id)
{
	const struct listener *li = listeners_find(p->who, node_id);

	if (li && !expected_came(p->c.expected, li)) {
		listeners_set_stranger(p->who, node_id);
		orders_bar(&p->desk.orders, p->now, node_id);
	}
	p->desk.orders.gather.absent = expected_n_absent(p->c.expected);
}

static void take(struct pump *p, const struct udp_datagram *d)
{
	struct tx_event ev;

	if (!netplan_accepts(p->c.plan, &d->from) || addr_equal(&d->from, &p->self))
		return;
	if (tx_input(p->tx, p->now, d->data, d->len, &ev) < 0)
		return;
	listeners_note(p->who, &ev, &d->from);
	if (p->c.expected && ev.fresh)
		admit(p, ev.node_id);
	if (ev.straggles)
		report_straggler(p->c.report, listeners_find(p->who, ev.node_id));
}

static void receive(struct pump *p)
{
	for (int i = 0; i < N_SOCKETS; i++) {
		struct udp_datagram d;

		for (int n = 0; p->readable[i] && n < READS; n++) {
			p->readable[i] = udp_in_read(p->in[i]) > 0;
			while (p->readable[i] && udp_in_next(p->in[i], &d))
				take(p, &d);
		}
		p->readable[i] = false; /* epoll tells if there is more */
	}
	gather_count(&p->desk.orders.gather, p->now,
		     tx_n_receivers(p->tx) - p->desk.orders.barred);
}

static void say_goodbye(struct pump *p)
{
	udp_out_clear(p->out);
	tx_abort(p->tx, p->now);
	p->drain_until = p->now + DRAIN;
	p->working = true;
}

/* The first signal ends the session politely, the second at once. */
static void on_signal(struct pump *p, int signo)
{
	if (desk_signal(&p->desk, signo))
		return;
	p->signals++;
	p->stopped = p->signals > 1;
	if (p->stopped)
		return;
	log_warn(0, "%s: saying good-bye", signo == SIGINT ? "interrupted" : "terminated");
	say_goodbye(p);
}

/* The deadline, or the user's wish. */
static void check_end(struct pump *p)
{
	desk_serve(&p->desk, p->now);
	if (p->drain_until != NSEC_NEVER)
		return;
	p->late = p->now >= p->deadline_at;
	if (!p->late && !p->desk.orders.quit)
		return;
	log_warn(0, "%s: saying good-bye",
		 p->late ? "the deadline has passed" : "finishing early");
	say_goodbye(p);
}

/* --- when it begins --- */

/* Starts, or gives up; when to look again. */
static nsec_t decide(struct pump *p)
{
	nsec_t at = NSEC_NEVER;

	if (p->started_at != NSEC_NEVER || p->drain_until != NSEC_NEVER)
		return NSEC_NEVER;
	if (gather_enough(&p->desk.orders.gather, p->now, &at)) {
		if (p->feeding)
			return p->now; /* it goes on by itself: job_feed() */
		p->started_at = p->now;
		p->desk.orders.started = true;
		tx_start(p->tx, p->now);
		struct report_now is = moment(p);
		report_start(p->c.report, &is);
		return NSEC_NEVER;
	}
	if (gather_in_vain(&p->desk.orders.gather, p->now))
		say_goodbye(p); /* others may listen */
	return at;
}

/* --- what goes out --- */

/* An error that is not about room. Before the first packet left it is final; later the network
 * may come back. What was queued is lost, as on any network. */
static void on_trouble(struct pump *p, int r)
{
	char text[NETOPT_TEXT];

	netplan_explain(p->c.plan, r, text);
	udp_out_clear(p->out);
	p->retry_at = p->now + ERROR_RETRY;
	if (p->trouble_since == NSEC_NEVER) {
		p->trouble_since = p->now;
		if (udp_out_counters(p->out)->packets > 0 && r != -EMSGSIZE)
			log_warn(0, "%s; trying again for %.3g s", text,
				 (double)p->c.conf->drop_after / 1e9);
		else
			p->error = r;
	} else if (p->now - p->trouble_since > p->c.conf->drop_after) {
		p->error = r;
	}
	if (p->error)
		log_err(0, "%s", text);
}

static void warn_of_firewall(struct pump *p)
{
	char text[NETOPT_TEXT];

	p->warned = true;
	log_warn(0, "%s", netplan_explain(p->c.plan, -EPERM, text));
}

/* The socket is listened to only while nothing is queued: feedback would free what waits. */
static void set_blocked(struct pump *p, enum blocked blocked)
{
	static const uint32_t bits[] = {
		[FREE] = LOOP_READ, [BLOCKED_SOCKET] = LOOP_WRITE, [BLOCKED_TIME] = 0
	};

	if (blocked == p->blocked)
		return;
	p->blocked = blocked;
	loop_change(p->loop, p->socket[TAG_SEND].fd, bits[blocked], TAG_SEND);
	if (p->socket[TAG_GROUP].fd >= 0)
		loop_change(p->loop, p->socket[TAG_GROUP].fd, blocked == FREE ? LOOP_READ : 0,
			    TAG_GROUP);
}

/* Sends what is queued, or notes why not. */
static void flush(struct pump *p)
{
	enum blocked blocked = FREE;
	int r = 0;

	/* Not before this; to read what is sent may take longer than its way. */
	if (udp_out_len(p->out))
		tx_left(p->tx, clock_now());
	while (udp_out_len(p->out) && r >= 0) {
		r = udp_out_flush(p->out, &p->socket[TAG_SEND]);
		if (r > 0)
			p->trouble_since = NSEC_NEVER;
	}
	if (r == -EAGAIN) {
		blocked = BLOCKED_SOCKET;
		p->retry_at = p->now + p->c.conf->drop_after;
	} else if (r == -ENOBUFS) {
		blocked = BLOCKED_TIME;
		p->retry_at = p->now + QUEUE_RETRY;
	} else if (r < 0) {
		on_trouble(p, r);
		blocked = BLOCKED_TIME;
	}
	set_blocked(p, blocked);
	if (r == -EAGAIN || r == -ENOBUFS)
		tx_blocked(p->tx);
	if (!p->warned && udp_out_counters(p->out)->refused)
		warn_of_firewall(p);
}

static unsigned fill(struct pump *p)
{
	struct tx_packet pkt;
	unsigned n = 0;

	while (n < BATCH && tx_output(p->tx, p->now, &pkt) > 0) {
		udp_out_add(p->out, &(struct udp_packet){
					    .to = &p->c.plan->group,
					    .hdr = pkt.hdr,
					    .hdr_len = pkt.hdr_len,
					    .payload = pkt.payload,
					    .payload_len = pkt.payload_len,
				    });
		n++;
	}
	return n;
}

static void send_all(struct pump *p)
{
	feeder_rush(p->feeder, p->working);
	p->working = true;
	p->sent = false;
	for (int i = 0; i < ROUNDS && p->working && p->blocked == FREE; i++) {
		p->feeding |= feeder_serve(p->feeder, p->tx, p->c.job, p->now);
		p->working = fill(p) > 0;
		p->sent |= p->working;
		flush(p);
	}
}

/* --- the loop --- */

static nsec_t quantum(const struct pump *p)
{
	uint64_t rate = MAX(tx_status(p->tx).rate, 1);
	uint64_t time = (uint64_t)GROUP * p->c.conf->segment * (uint64_t)NSEC_PER_SEC / rate;

	return CLAMP((nsec_t)time, QUANTUM_MIN, QUANTUM_MAX);
}

static nsec_t deadline(const struct pump *p, nsec_t decide_at)
{
	nsec_t goodbye_at = p->drain_until == NSEC_NEVER ? p->deadline_at : p->drain_until;
	nsec_t at;

	if (p->blocked != FREE)
		return MIN(p->retry_at, goodbye_at);
	if (p->working || p->feeding)
		return 0;
	at = tx_deadline(p->tx, p->now);
	if (p->sent)
		at = MAX(at, p->now + quantum(p));
	return MIN(MIN(at, decide_at), goodbye_at);
}

static void wait_for_events(struct pump *p, nsec_t until)
{
	struct loop_event ev[4];
	int n = loop_wait(p->loop, until, ev, sizeof(ev) / sizeof(ev[0]));

	p->now = clock_now();
	if (n < 0 && n != -EINTR)
		p->error = log_err(n, "wait for the network");
	for (int i = 0; i < n; i++) {
		if (ev[i].tag == LOOP_TAG_SIGNAL)
			on_signal(p, ev[i].signo);
		else if (ev[i].tag < N_SOCKETS)
			p->readable[ev[i].tag] = true;
		else
			desk_event(&p->desk, &ev[i]);
	}
}

/* A socket that takes nothing for so long never will. */
static void give_up_socket(struct pump *p)
{
	if (p->blocked != BLOCKED_SOCKET || p->now < p->retry_at)
		return;
	p->error = log_err(-ETIMEDOUT, "%s takes no packets", p->c.plan->ifname);
}

static nsec_t step(struct pump *p)
{
	nsec_t decide_at;

	check_end(p);
	if (p->blocked != FREE) {
		give_up_socket(p);
		flush(p);
	}
	if (p->blocked != FREE || p->error)
		return NSEC_NEVER;
	receive(p);
	p->feeding = job_feed(p->c.job, p->tx, p->now);
	decide_at = decide(p);
	send_all(p);
	return decide_at;
}

static bool over(const struct pump *p)
{
	return p->error < 0 || p->stopped || p->now >= p->drain_until || tx_done(p->tx);
}

int pump_run(struct pump *p)
{
	struct report_now is;
	nsec_t decide_at = 0;

	while (!over(p)) {
		wait_for_events(p, deadline(p, decide_at));
		decide_at = step(p);
		is = moment(p);
		if (!keys_asking(p->desk.keys))
			report_progress(p->c.report, &is);
	}
	is = moment(p);
	return report_end(p->c.report, &is);
}
