/* sow_rig.c - sow's job with a sending session, and a receiver that keeps all of it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sow_rig.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/log.h"

char dir[sizeof("/tmp/sow-sowing-XXXXXX")];
char paths[N_SMALL][64];
char *argv_small[N_SMALL], *argv_tree[1];
char tree[64], large_path[80], cache[64];
uint8_t large[LARGE];
unsigned threads;

void put(const char *path, const void *data, size_t len)
{
	assert_int_equal(file_replace(path, 0640, data, len), 0);
}

int put_files(void **state)
{
	char path[100];

	memcpy(dir, "/tmp/sow-sowing-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	for (unsigned i = 0; i < N_SMALL; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/file%u", dir, i);
		put(paths[i], paths[i], i); /* the first one is empty */
		argv_small[i] = paths[i];
	}
	snprintf(tree, sizeof(tree), "%s/tree", dir);
	snprintf(large_path, sizeof(large_path), "%s/large", tree);
	snprintf(cache, sizeof(cache), "%s/cache", dir);
	snprintf(path, sizeof(path), "%s/a", tree);
	argv_tree[0] = tree;
	assert_int_equal(mkdir(tree, 0755), 0);
	put(path, "12345", 5);
	snprintf(path, sizeof(path), "%s/empty", tree);
	put(path, "", 0);
	put(large_path, large, LARGE);
	return 0;
}

static int rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int remove_files(void **state)
{
	return nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
}

int fill_large(void **state)
{
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (uint8_t)(i * 2654435761u >> 13);
	log_set_level(LOG_LEVEL_ERR);
	return 0;
}

static const struct rates rates = { .min = 1000, .start = 1000, .max = 1000 };

void field_init(struct field *f, char *const *argv, unsigned n, unsigned max_objects)
{
	struct tx_conf tc = { .profile = TX_SOW,
			      .node_id = 1,
			      .instance_id = 7,
			      .segment_size = E,
			      .fec_id = FEC_RS8,
			      .block_len = 64,
			      .n_parity = 32,
			      .rate = 100000000,
			      .max_objects = max_objects,
			      .seed = 1 };
	struct rx_conf rc = {
		.node_id = 2, .sender_id = 1, .instance_id = 7, .host = "a\nb", .seed = 2
	};
	struct job_conf jc = { .segment = E,
			       .plain = f->conf.profile == PROFILE_NORM,
			       .quick = f->quick,
			       .input_name = f->input,
			       .input_part = 3000,
			       .digest_cache = f->cached ? cache : NULL };

	f->now = 1000;
	f->conf.progress_mode = PROGRESS_NEVER;
	f->conf.segment = E;
	assert_int_equal(job_new(&f->job, argv, n, &jc), 0);
	assert_int_equal(tx_new(&f->tx, &tc, f->now), 0);
	assert_int_equal(rx_new(&f->rx, &rc, f->now), 0);
	rx_set_holds(f->rx, f->holds);
	assert_int_equal(listeners_new(&f->who, 4), 0);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(feeder_new(&f->feeder, threads, f->loop), 0);
	report_init(&f->report, &f->conf, &f->plan, &rates, NULL);
}

void field_fini(struct field *f)
{
	feeder_free(f->feeder);
	loop_free(f->loop);
	log_before_line(NULL, NULL); /* the report may not have come to its end */
	listeners_free(f->who);
	rx_free(f->rx);
	tx_free(f->tx);
	job_free(f->job);
	for (unsigned i = 0; i < OBJECTS; i++)
		free(f->got[i].data);
}

static void on_object(struct field *f, const struct rx_event *ev)
{
	struct got *g = &f->got[ev->object];

	assert_true(ev->object < OBJECTS);
	f->n_objects++;
	g->size = ev->size;
	g->data = calloc(1, ev->size + 1);
	assert_non_null(g->data);
	g->plain = jobinfo_decode(&g->info, ev->info, ev->info_len) < 0;
	snprintf(g->name, sizeof(g->name), "%.*s",
		 (int)(g->plain ? ev->info_len : g->info.name_len),
		 g->plain ? (const char *)ev->info : g->info.name);
	rx_accept(f->rx, f->now, ev->object);
}

/* As doc/PROTOCOL.md, "RECEIPT", has it. */
static void vouch(const struct field *f, struct receipt *rc)
{
	uint8_t both[DIGEST_LEN + 1];

	memcpy(both, f->got[0].info.job, DIGEST_LEN);
	both[0] ^= f->astray;
	both[DIGEST_LEN] = rc->status;
	assert_int_equal(digest_bytes(both, sizeof(both), rc->digest), 0);
}

static void on_event(struct field *f, const struct rx_event *ev)
{
	struct receipt rc = { .status = f->status, .text = "it\x1b[7ms", .text_len = 7 };

	switch (ev->kind) {
	case RX_EV_OBJECT:
		on_object(f, ev);
		break;
	case RX_EV_COMPLETE:
		f->got[ev->object].complete = true;
		rx_release(f->rx, ev->object);
		break;
	case RX_EV_ABORTED:
		f->got[ev->object].aborted = true;
		break;
	case RX_EV_FINISHED:
		vouch(f, &rc);
		rx_set_receipt(f->rx, f->now, &rc);
		break;
	case RX_EV_INFO:
	case RX_EV_JOINED:
	case RX_EV_RECEIPTED:
	case RX_EV_SENDER_END:
	case RX_EV_SENDER_GONE:
		break;
	}
}

static void store(struct field *f, const struct work *w)
{
	struct got *g = &f->got[w->object];
	int r = 0;

	if (w->op == WORK_WRITE) {
		assert_true(w->offset + w->len <= g->size);
		memcpy(g->data + w->offset, w->data, w->len);
	} else if (w->op == WORK_READ) {
		memcpy(w->data, g->data + w->offset, w->len);
	} else {
		r = work_codec(w);
	}
	rx_work_done(f->rx, f->now, w, r);
}

static void serve(struct field *f)
{
	struct rx_event ev;
	struct work w;

	feeder_serve(f->feeder, f->tx, f->job, f->now);
	feeder_rush(f->feeder, f->rushed = !f->rushed); /* both ways are gone */
	if (f->spoil && tx_status(f->tx).sent > LARGE / 2) {
		put(f->spoil, "other", 5);
		f->spoil = NULL;
	}
	while (rx_work(f->rx, &w))
		store(f, &w);
	while (rx_event(f->rx, &ev))
		on_event(f, &ev);
}

static void step(struct field *f)
{
	static const struct addr from = { .in = { .sin_family = AF_INET } };
	struct tx_packet pkt;
	struct tx_event ev;
	uint8_t buf[2000];
	int n;

	job_feed(f->job, f->tx, f->now);
	serve(f);
	while (tx_output(f->tx, f->now, &pkt)) {
		memcpy(buf, pkt.hdr, pkt.hdr_len);
		if (pkt.payload_len)
			memcpy(buf + pkt.hdr_len, pkt.payload, pkt.payload_len);
		rx_input(f->rx, f->now, buf, pkt.hdr_len + pkt.payload_len);
		serve(f);
	}
	while ((n = rx_output(f->rx, f->now, buf, sizeof(buf))) > 0)
		if (tx_input(f->tx, f->now, buf, (size_t)n, &ev) == 0)
			listeners_note(f->who, &ev, &from);
	serve(f);
}

void transfer(struct field *f)
{
	struct loop_event ev;

	for (nsec_t at = f->now; !tx_done(f->tx) && at < 60 * NSEC_PER_SEC;) {
		f->now = MAX(at, f->now + 1000);
		step(f);
		if (tx_n_receivers(f->tx))
			tx_start(f->tx, f->now);
		at = MIN(tx_deadline(f->tx, f->now), rx_deadline(f->rx, f->now));
		if (threads && at - f->now >= NSEC_PER_MSEC) /* real time, for them */
			loop_wait(f->loop, clock_now() + NSEC_PER_MSEC, &ev, 1);
	}
	assert_true(tx_done(f->tx));
}

struct report_now at_the_end(const struct field *f)
{
	return (struct report_now){
		.tx = f->tx, .who = f->who, .job = f->job, .started_at = 2000, .now = f->now
	};
}

int run(struct field *f)
{
	struct report_now is;

	transfer(f);
	is = at_the_end(f);
	return report_end(&f->report, &is);
}
