/* who.c - sow --who: which receivers listen to the group. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/who.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/human.h"
#include "common/json.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/table.h"
#include "common/udp_in.h"
#include "common/utf8.h"
#include "proto/wire.h"
#include "sender/identity.h"
#include "sender/report.h"

#define PACKET_MAX 1500
#define SEGMENT    1400 /* at most */
#define READS      16   /* for one wake-up; the loop tells if there is more */

struct who {
	const struct conf *conf;
	const struct netplan *plan;
	struct tx *tx;
	struct listeners *listeners;
	struct loop *loop;
	struct udp socket;
	struct udp_in *in;
	nsec_t now, until;
	bool ended; /* good-bye is being said */
	bool interrupted;
	int error; /* of the network */
};

/* --- asking --- */

static int open_session(struct who *w)
{
	struct tx_conf tc = {
		.profile = TX_SOW,
		.census = true,
		.segment_size = (uint16_t)MIN(w->conf->segment, SEGMENT),
		.fec_id = FEC_RS8,
		.block_len = 1,
		.backoff = 4,
		.near = w->plan->ttl <= 1,
		.grtt_initial = (w->plan->ttl <= 1 ? 10 : 100) * NSEC_PER_MSEC,
		.max_objects = 1,
		.max_receivers = RECEIVERS_MAX,
		.expected = w->conf->receivers,
	};
	int r = identity_choose(&tc);

	if (r < 0)
		return r;
	r = tx_new(&w->tx, &tc, w->now);
	if (r == 0)
		r = listeners_new(&w->listeners, RECEIVERS_MAX);
	return r < 0 ? log_err(r, "start") : 0;
}

static int open_network(struct who *w)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	char text[NETOPT_TEXT];
	int r = netplan_open(w->plan, UDP_SEND, &w->socket, text);

	if (r < 0)
		return log_err(0, "%s", text), r;
	r = udp_in_new(&w->in, &w->socket);
	if (r == 0)
		r = loop_new(&w->loop);
	if (r == 0)
		r = loop_catch(w->loop, signals, ARRAY_LEN(signals));
	if (r == 0)
		r = loop_add(w->loop, w->socket.fd, LOOP_READ, 0);
	return r < 0 ? log_err(r, "start") : 0;
}

static void close_all(struct who *w)
{
	loop_free(w->loop);
	udp_in_free(w->in);
	udp_close(&w->socket);
	listeners_free(w->listeners);
	tx_free(w->tx);
}

static void receive(struct who *w)
{
	struct udp_datagram d;
	struct tx_event ev;

	for (int n = 0; n < READS && udp_in_read(w->in) > 0; n++)
		while (udp_in_next(w->in, &d))
			if (netplan_accepts(w->plan, &d.from) &&
			    tx_input(w->tx, w->now, d.data, d.len, &ev) == 0)
				listeners_note(w->listeners, &ev, &d.from);
}

/* What cannot leave for want of room is sent again anyway; another error is final. */
static void send_all(struct who *w)
{
	uint8_t pkt[PACKET_MAX];
	struct tx_packet out;
	char text[NETOPT_TEXT];

	while (!w->error && tx_output(w->tx, w->now, &out)) {
		int r;

		memcpy(pkt, out.hdr, out.hdr_len);
		if (out.payload_len)
			memcpy(pkt + out.hdr_len, out.payload, out.payload_len);
		r = udp_send(&w->socket, &w->plan->group, pkt, out.hdr_len + out.payload_len);
		if (r == 0 || r == -EAGAIN || r == -ENOBUFS)
			continue;
		w->error = r;
		log_err(0, "%s", netplan_explain(w->plan, r, text));
	}
}

static bool enough(const struct who *w)
{
	unsigned n = w->conf->receivers;

	return w->interrupted || w->now >= w->until || (n && tx_n_receivers(w->tx) >= n);
}

static void wait_for_answers(struct who *w)
{
	nsec_t at = tx_deadline(w->tx, w->now);
	struct loop_event ev[4];
	int n = loop_wait(w->loop, w->ended ? at : MIN(at, w->until), ev, ARRAY_LEN(ev));

	w->now = clock_now();
	for (int i = 0; i < n; i++)
		w->interrupted |= ev[i].tag == LOOP_TAG_SIGNAL;
	receive(w);
}

static void ask(struct who *w)
{
	for (;;) {
		if (!w->ended && enough(w)) {
			w->ended = true;
			tx_abort(w->tx, w->now);
		}
		send_all(w);
		if (w->error || tx_done(w->tx))
			return;
		wait_for_answers(w);
	}
}

/* --- telling --- */

static int by_name(const void *a, const void *b)
{
	const struct listener *const *x = a, *const *y = b;
	size_t n = MIN((*x)->self.host_len, (*y)->self.host_len);
	int r = n ? memcmp((*x)->host, (*y)->host, n) : 0;
	char from[ADDR_TEXT], to[ADDR_TEXT];

	if (!r && (*x)->self.host_len != (*y)->self.host_len)
		r = (*x)->self.host_len < (*y)->self.host_len ? -1 : 1;
	if (!r)
		r = strcmp(addr_format_host(&(*x)->addr, from),
			   addr_format_host(&(*y)->addr, to));
	if (!r)
		r = (*x)->node_id < (*y)->node_id ? -1 : 1;
	return r;
}

static int tell_json(const struct listener *li)
{
	struct json j;

	json_begin(&j, "listener");
	listener_tell(li, &j);
	json_string(&j, "state", announce_state_name(li->self.state));
	listener_tell_self(li, &j);
	return json_write(&j, STDOUT_FILENO);
}

static int tell_all_json(const struct listener *const *list, unsigned n, int status)
{
	struct json j;
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++)
		r = tell_json(list[i]);
	json_begin(&j, "done");
	json_u64(&j, "listeners", n);
	json_i64(&j, "exit", status);
	return r < 0 ? r : json_write(&j, STDOUT_FILENO);
}

static int tell_table(const struct listener *const *list, unsigned n)
{
	static const struct table_column columns[] = {
		{ "NAME", false },  { "ADDRESS", false }, { "VERSION", false },
		{ "STATE", false }, { "FREE", true },
	};
	struct table t = { .columns = columns, .n_columns = ARRAY_LEN(columns) };
	char text[4 * CENSUS_HOST_MAX + 1];

	for (unsigned i = 0; i < n; i++) {
		const struct listener *li = list[i];

		utf8_escape(text, sizeof(text), li->host, li->self.host_len);
		table_add(&t, text);
		table_add(&t, addr_format_host(&li->addr, text));
		utf8_escape(text, sizeof(text), li->version, li->self.version_len);
		table_add(&t, text);
		table_add(&t, announce_state_name(li->self.state));
		table_add(&t, li->self.free == ANNOUNCE_FREE_UNKNOWN
				      ? "?"
				      : human_number(text, sizeof(text), (double)li->self.free,
						     "B"));
	}
	return n ? table_write(&t, stdout) : 0;
}

static int tell(const struct who *w, int status)
{
	unsigned n = 0, n_receivers = tx_n_receivers(w->tx);
	const struct listener **list = calloc(n_receivers + 1, sizeof(struct listener *));
	int r = -ENOMEM;

	if (!list)
		return r;
	for (unsigned i = 0; i < n_receivers; i++) {
		const struct listener *li =
			listeners_find(w->listeners, tx_receiver(w->tx, i).node_id);

		if (li)
			list[n++] = li;
	}
	qsort(list, n, sizeof(list[0]), by_name);
	if (w->conf->json)
		r = tell_all_json(list, n, status);
	else
		r = tell_table(list, n);
	free(list);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = -EIO;
	return r;
}

static int end(struct who *w)
{
	int status = EXIT_ALL, r;

	if (w->error)
		status = EXIT_SYSTEM;
	else if (w->interrupted)
		status = EXIT_INTERRUPTED;
	else if (tx_n_receivers(w->tx) == 0)
		status = EXIT_NOBODY;
	r = tell(w, status);
	if (r < 0)
		return log_err(r, "write the list"), EXIT_SYSTEM;
	if (status == EXIT_NOBODY)
		log_err(0, "nobody there: no receiver answered within %.3g s",
			(double)w->conf->wait / 1e9);
	else if (w->conf->receivers && tx_n_receivers(w->tx) < w->conf->receivers)
		log_warn(0, "%u of %u receivers answered within %.3g s", tx_n_receivers(w->tx),
			 w->conf->receivers, (double)w->conf->wait / 1e9);
	return status;
}

int who_run(const struct conf *conf, const struct netplan *plan)
{
	struct who w = { .conf = conf, .plan = plan, .now = clock_now(), .socket.fd = -1 };
	int r;

	w.until = w.now + conf->wait;
	r = open_session(&w);
	if (r == 0)
		r = open_network(&w);
	if (r == 0) {
		ask(&w);
		r = end(&w);
	} else {
		r = EXIT_SYSTEM;
	}
	close_all(&w);
	return r;
}
