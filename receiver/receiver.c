/* receiver.c - sockets, senders and the loop between them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/log.h"
#include "common/loop.h"
#include "proto/wire.h"
#include "receiver/listener.h"
#include "receiver/peers.h"
#include "receiver/sweep.h"

#define RCVBUF_NAP  (2 << 20) /* with less, do not let packets wait */
#define NAP         (400 * NSEC_PER_USEC)
#define BUSY        (900 * NSEC_PER_USEC) /* packets that come in less than this are many */
#define READS       4                     /* system calls before answers get their turn */
#define FAREWELL    (200 * NSEC_PER_MSEC) /* to tell senders that we were stopped */
#define STILL_THERE NSEC_PER_SEC /* a sender heard within that time was not started anew */
#define PACKET_MAX  1500

struct receiver {
	const struct conf *conf;
	struct listener net;
	struct session_conf session;
	struct self self;
	struct loop *loop;
	struct worker *finisher, *looker, *pourer;
	struct have_from from;
	struct sweep *sweep;
	struct chores chores;
	struct limits limits;
	struct output output;
	struct report report;
	struct peers peers;
	struct rng rng;
	nsec_t wait_until; /* for the first sender */
	nsec_t stop_at;    /* NSEC_NEVER: nobody stopped us */
	nsec_t read_at;    /* packets were there last */
	bool drained;      /* and no more of them */
	unsigned served;   /* senders that are done */
	unsigned stops;    /* signals */
	bool refused_peer; /* said so already */
};

/* --- beginning and end --- */

static int open_from(struct receiver *r)
{
	const struct opt_list *dirs = &r->conf->from;

	for (unsigned i = 0; i < dirs->n; i++) {
		int fd = open(dirs->items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			log_err(-errno, "--from %s: give a directory that exists",
				dirs->items[i]);
			return -EINVAL;
		}
		r->from.fd[r->from.n++] = fd;
	}
	return 0;
}

/* The number of files in progress is bounded by our own limits, not by the usual 1024. */
static void raise_file_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int open_hook(struct receiver *r)
{
	const struct hook_conf hc = {
		.command = r->conf->exec,
		.output = r->output.dir,
		.parallel = r->conf->exec_parallel,
		.timeout = r->conf->exec_timeout,
	};
	int err;

	if (!hc.command)
		return 0;
	signal(SIGCHLD, SIG_DFL); /* were it ignored, nobody would tell us how it ended */
	err = hook_new(&r->session.hook, &hc);
	if (err == -EINVAL)
		return log_err(0,
			       "--exec \"%s\": a quote is not closed, or there is no command",
			       hc.command),
		       err;
	if (err < 0)
		return log_err(err,
			       "--exec \"%s\": give a program that you may run, sh -c '...' "
			       "for the shell",
			       hc.command),
		       -EINVAL;
	return 0;
}

static int choose_identity(struct receiver *r)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return log_err(-EIO, "read random numbers");
	r->rng = rng_init(seed);
	do {
		r->session.node_id = (uint32_t)rng_u64(&r->rng);
	} while (r->session.node_id == NORM_NODE_NONE || r->session.node_id == NORM_NODE_ANY);
	self_init(&r->self);
	return 0;
}

static int open_loop(struct receiver *r)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	bool small;
	unsigned threads = worker_threads(r->conf->threads, &small);
	int err = loop_new(&r->loop);

	if (err == 0)
		err = loop_catch(r->loop, signals, ARRAY_LEN(signals));
	if (err == 0)
		err = worker_new(&r->finisher, 1, r->loop);
	if (err == 0)
		err = worker_new(&r->looker, 1, r->loop);
	if (err == 0 && r->output.kind == OUTPUT_STDOUT)
		err = worker_new(&r->pourer, 1, r->loop);
	/* What a file lies beside is not ours but for what stood for that file. */
	if (err == 0 && !r->pourer)
		err = sweep_new(&r->sweep, r->output.dirfd,
				r->output.kind == OUTPUT_DIR ? SWEEP_DEPTH : 0, r->loop);
	if (err == 0)
		err = chores_init(&r->chores, threads, r->loop);
	r->chores.small = small;
	if (err == 0)
		err = loop_add(r->loop, r->net.listen.fd, LOOP_READ, 0);
	return err < 0 ? log_err(err, "begin to wait for packets") : 0;
}

static void begin(struct receiver *r, nsec_t now)
{
	const struct conf *c = r->conf;

	report_init(&r->report, &(struct report_conf){
					.json = c->json,
					.quiet = c->quiet,
					.aside = r->pourer != NULL,
					.progress = c->progress_mode,
					.metrics = c->metrics,
					.allow_unverified = c->allow_unverified,
					.net = udp_in_counters(r->net.in),
				});
	r->session.output = &r->output;
	r->session.finisher = r->finisher;
	r->session.looker = r->looker;
	r->session.pourer = r->pourer;
	r->session.from = &r->from;
	r->session.chores = &r->chores;
	r->session.report = &r->report;
	r->session.limits = &r->limits;
	r->session.self = &r->self;
	r->session.memory = c->memory;
	r->session.inactivity = c->inactivity;
	r->session.once = c->once;
	r->wait_until = c->wait ? now + c->wait : NSEC_NEVER;
	r->stop_at = NSEC_NEVER;
}

/* A sync that takes long may be interrupted the hard way. */
static void release_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void close_all(struct receiver *r)
{
	release_signals();
	for (unsigned i = 0; i < r->peers.n; i++)
		if (r->peers.list[i].session)
			session_stop_pour(r->peers.list[i].session);
	worker_free(r->pourer);
	chores_fini(&r->chores);
	worker_free(r->finisher);
	worker_free(r->looker);
	sweep_free(r->sweep);
	hook_free(r->session.hook);
	peers_fini(&r->peers);
	loop_free(r->loop);
	listener_close(&r->net);
	for (unsigned i = 0; i < r->from.n; i++)
		close_fd(&r->from.fd[i]);
	output_close(&r->output);
}

/* --- packets in --- */

static enum announce_state state(const struct receiver *r)
{
	enum announce_state state = ANNOUNCE_IDLE;

	for (unsigned i = 0; i < r->peers.n; i++) {
		const struct session *s = r->peers.list[i].session;

		if (s && session_storing(s) && state == ANNOUNCE_IDLE)
			state = ANNOUNCE_STORING;
		else if (s && session_busy(s) && !session_storing(s))
			state = ANNOUNCE_RECEIVING;
	}
	return state;
}

static struct peer *meet(struct receiver *r, nsec_t now, const struct udp_datagram *d,
			 const struct msg_session *id)
{
	const struct hook_origin origin = { d->from, r->net.plan.local, d->to, d->ifindex };
	char from[ADDR_TEXT];
	struct session *s;
	struct peer *earlier;
	struct msg m;
	int err;

	if (id->source_id == r->session.node_id || !netplan_accepts(&r->net.plan, &d->from)) {
		r->report.unwelcome++;
		return NULL;
	}
	if (msg_decode(&m, d->data, d->len) < 0) {
		r->report.malformed++;
		return NULL;
	}
	if (!limits_hear(&r->limits, &m))
		return NULL;
	/* One forged packet must not end what a sender that is still there has begun. */
	earlier = peers_earlier(&r->peers, &d->from, id);
	if (earlier && now - earlier->heard_at < STILL_THERE) {
		r->report.unwelcome++;
		return NULL;
	}
	if (earlier)
		session_replaced(earlier->session, now);
	r->session.state = state(r);
	r->session.free = output_free(&r->output);
	err = session_new(&s, &r->session, &origin, id, rng_u64(&r->rng), now);
	if (err == 0 && (err = peers_add(&r->peers, now, &d->from, id, s)) < 0)
		session_free(s);
	addr_format(&d->from, from);
	if (err < 0) {
		if (!r->refused_peer)
			log_warn(err, "no room for the sender at %s", from);
		r->refused_peer = true;
		return NULL;
	}
	log_debug("the sender at %s: node %08x, instance %u", from, id->sender_id,
		  id->instance_id);
	return peers_find(&r->peers, &d->from, id);
}

static struct peer *peer_of(struct receiver *r, nsec_t now, const struct udp_datagram *d)
{
	struct msg_session id;
	struct peer *peer;

	if (msg_peek(&id, d->data, d->len) < 0) {
		r->report.malformed++;
		return NULL;
	}
	switch (id.type) {
	case NORM_INFO:
	case NORM_DATA:
	case NORM_CMD:
		peer = peers_find(&r->peers, &d->from, &id);
		if (!peer)
			peer = meet(r, now, d, &id);
		if (peer)
			peer->heard_at = now;
		return peer;
	case NORM_NACK:
	case NORM_ACK: /* of others, to the group */
		return netplan_accepts(&r->net.plan, &d->from)
			       ? peers_find_sender(&r->peers, &id)
			       : NULL;
	default: /* what the standard does not know */
		return NULL;
	}
}

/* What threads have done. */
static void take_back(struct receiver *r, nsec_t now)
{
	struct finish *f;
	struct chore c;

	while ((f = finisher_take(r->finisher)) || (f = finisher_take(r->looker)) ||
	       (r->pourer && (f = finisher_take(r->pourer))))
		session_finished(session_of(f), now, f);
	while (chores_take(&r->chores, &c))
		session_served(c.session, now, &c);
}

static void run_hooks(struct receiver *r, nsec_t now)
{
	struct hook_end end;

	if (!r->session.hook)
		return;
	hook_go(r->session.hook, now);
	while (hook_take(r->session.hook, &end))
		session_hooked(end.owner, now, &end);
}

/* Whether any packet was there. What the threads cannot keep up with waits in the socket. */
static bool receive(struct receiver *r, nsec_t now)
{
	struct udp_datagram d;
	bool any = false;
	int err;

	for (int i = 0; i < READS; i++) {
		err = udp_in_read(r->net.in);
		r->drained = err == 0;
		if (r->drained)
			break;
		if (err < 0) {
			log_err(err, "receive");
			report_status(&r->report, STATUS_SYSTEM);
			r->stop_at = now;
			break;
		}
		any = true;
		while (udp_in_next(r->net.in, &d)) {
			struct peer *peer = peer_of(r, now, &d);

			if (peer && peer->session)
				session_input(peer->session, now, &d);
		}
		if (!chores_room(&r->chores)) {
			chores_wait(&r->chores);
			break; /* that took its time */
		}
	}
	return any;
}

/* --- everything else that is due --- */

/* Whoever sends is told what the socket had no room for, and what waits, there or to be
 * written: a disk that takes too little shows. */
static void tell_health(struct receiver *r, nsec_t now)
{
	uint64_t waiting = udp_in_waiting(r->net.in) + r->chores.bytes;
	uint64_t dropped = udp_in_counters(r->net.in)->dropped;

	for (unsigned i = 0; i < r->peers.n; i++)
		if (r->peers.list[i].session)
			session_health(r->peers.list[i].session, now, dropped, waiting);
}

static void answer(struct receiver *r, nsec_t now)
{
	uint8_t pkt[PACKET_MAX];
	int len;

	for (unsigned i = 0; i < r->peers.n; i++) {
		struct peer *peer = &r->peers.list[i];

		while (peer->session &&
		       (len = session_output(peer->session, now, pkt, sizeof(pkt))) > 0)
			listener_answer(&r->net, &peer->from, pkt, (size_t)len);
	}
}

static void sweep(struct receiver *r, nsec_t now)
{
	for (unsigned i = r->peers.n; i-- > 0;) {
		struct session *s = r->peers.list[i].session;

		if (!s || !session_over(s, now))
			continue;
		r->served += session_counts(s);
		peers_end(&r->peers, i);
	}
}

static void on_signal(struct receiver *r, nsec_t now, int signo)
{
	if (signo == SIGCHLD) {
		if (r->session.hook)
			hook_child(r->session.hook);
		return;
	}
	if (r->stops++)
		_exit(STATUS_INTERRUPTED);
	report_status(&r->report, STATUS_INTERRUPTED);
	r->stop_at = MIN(r->stop_at, now + FAREWELL);
	for (unsigned i = 0; i < r->peers.n; i++)
		if (r->peers.list[i].session)
			session_interrupt(r->peers.list[i].session, now);
}

static void show_progress(struct receiver *r, nsec_t now)
{
	uint64_t done = 0, total = 0, d, t;

	for (unsigned i = 0; i < r->peers.n; i++) {
		const struct session *s = r->peers.list[i].session;

		if (!s || !session_busy(s))
			continue;
		session_progress(s, &d, &t);
		done += d;
		total += t;
	}
	report_progress(&r->report, now, done, total);
}

/* --- the loop --- */

struct crowd {
	unsigned live, busy, unconfirmed;
};

static struct crowd crowd(const struct receiver *r)
{
	struct crowd c = { 0 };

	for (unsigned i = 0; i < r->peers.n; i++) {
		const struct session *s = r->peers.list[i].session;

		if (!s)
			continue;
		c.live += !session_is_census(s);
		c.busy += session_busy(s) || session_pouring(s);
		c.unconfirmed += session_busy(s) || session_unconfirmed(s);
	}
	return c;
}

static bool is_done(struct receiver *r, nsec_t now)
{
	struct crowd c = crowd(r);

	if (r->stop_at != NSEC_NEVER)
		return now >= r->stop_at || c.unconfirmed == 0;
	if (r->conf->once && r->served && c.busy == 0)
		return true;
	if (r->served || c.live || now < r->wait_until)
		return false;
	log_err(0, "no sender was heard");
	report_status(&r->report, STATUS_NOBODY);
	return true;
}

static nsec_t deadline(const struct receiver *r, nsec_t now)
{
	nsec_t at = r->sweep ? MIN(r->stop_at, sweep_deadline(r->sweep)) : r->stop_at;

	if (r->session.hook)
		at = MIN(at, hook_deadline(r->session.hook));
	if (r->wait_until > now)
		at = MIN(at, r->wait_until);
	for (unsigned i = 0; i < r->peers.n; i++)
		if (r->peers.list[i].session)
			at = MIN(at, session_deadline(r->peers.list[i].session, now));
	return at;
}

/*
 * Packets that trickle in cost more to wait for than to read. When they are many and the socket
 * has room, sleep a little and read more at once.
 */
static void nap(struct receiver *r, nsec_t now)
{
	bool many = now - r->read_at < BUSY;

	r->read_at = now;
	if (many && r->drained && r->net.listen.rcvbuf.got >= RCVBUF_NAP)
		nanosleep(&(struct timespec){ .tv_nsec = NAP }, NULL);
}

static int turn(struct receiver *r, nsec_t *now)
{
	struct loop_event ev[8];
	bool any = false;
	int n = loop_wait(r->loop, deadline(r, *now), ev, ARRAY_LEN(ev));

	if (n < 0 && n != -EINTR)
		return log_err(n, "wait for packets");
	*now = clock_now();
	for (int i = 0; i < n; i++) {
		if (ev[i].tag == LOOP_TAG_SIGNAL)
			on_signal(r, *now, ev[i].signo);
		else if (ev[i].tag != LOOP_TAG_WAKE)
			any = receive(r, *now);
	}
	if (any)
		tell_health(r, *now);
	take_back(r, *now);
	run_hooks(r, *now);
	if (r->sweep)
		sweep_go(r->sweep, *now);
	answer(r, *now);
	chores_go(&r->chores);
	sweep(r, *now);
	show_progress(r, *now);
	if (any) {
		r->chores.rushed = !r->drained;
		nap(r, *now);
	}
	return 0;
}

static int serve(struct receiver *r)
{
	nsec_t now = clock_now();
	int err = 0;

	begin(r, now);
	while (err == 0 && !is_done(r, now))
		err = turn(r, &now);
	if (err < 0)
		report_status(&r->report, STATUS_SYSTEM);
	return report_end(&r->report);
}

static uint32_t job_tag(const char *name)
{
	return name ? digest_tag(name, strlen(name)) : 0;
}

int receiver_run(const struct conf *conf)
{
	struct receiver r = {
		.conf = conf,
		.limits = {
			.max_size = conf->max_size,
			.names = &conf->allow_names,
			.job = job_tag(conf->job),
			.owner = conf->owner,
			.delete = conf->delete,
		},
		.output.dirfd = -1,
	};
	int status = STATUS_SYSTEM, err = listener_plan(&r.net, &conf->net);

	if (err == 0)
		err = output_open(&r.output, conf->output);
	r.output.inplace = conf->inplace;
	if (err == 0)
		err = open_from(&r);
	if (err == 0)
		err = open_hook(&r);
	if (err == -EINVAL)
		status = STATUS_USAGE;
	raise_file_limit();
	if (err == 0)
		err = choose_identity(&r);
	if (err == 0)
		err = listener_open(&r.net);
	if (err == 0)
		err = open_loop(&r);
	if (err == 0)
		status = serve(&r);
	close_all(&r);
	return status;
}
