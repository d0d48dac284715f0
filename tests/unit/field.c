/* field.c - a sender session that sends a job, and one of reap's sessions that receives it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/wire.h"
#include "tests/unit/field.h"
#include "tests/unit/patience.h"

#define E 1000

static const struct self self = { .host = "h", .version = "1" };

static void open_receiver(struct field *f, const struct field_conf *conf)
{
	struct msg_session id = { NORM_CMD, 1, 1, 7 };
	struct hook_origin origin = { 0 };

	report_init(&f->report, &(struct report_conf){ .quiet = true, .net = &f->net });
	assert_int_equal(loop_new(&f->loop), 0);
	f->limits.max_size = conf->max_size;
	f->output = (struct output){ .dirfd = conf->dirfd };
	f->sc = (struct session_conf){
		.output = conf->to ? conf->to : &f->output,
		.report = &f->report,
		.chores = &f->chores,
		.limits = &f->limits,
		.node_id = 2,
		.self = &self,
	};
	if (conf->hook)
		assert_int_equal(hook_new(&f->sc.hook,
					  &(struct hook_conf){ .command = conf->hook,
							       .output = conf->output,
							       .parallel = 1,
							       .timeout = 60 * NSEC_PER_SEC }),
				 0);
	assert_int_equal(worker_new(&f->sc.finisher, 1, f->loop), 0);
	assert_int_equal(worker_new(&f->sc.looker, 1, f->loop), 0);
	if (conf->to && conf->to->kind == OUTPUT_STDOUT)
		assert_int_equal(worker_new(&f->sc.pourer, 1, f->loop), 0);
	f->sc.from = &f->conf.from;
	assert_int_equal(chores_init(&f->chores, conf->threads, f->loop), 0);
	f->chores.small = true;
	assert_int_equal(session_new(&f->session, &f->sc, &origin, &id, 3, f->now), 0);
}

static void add(struct field *f, enum jobinfo_role role, const uint8_t *data, uint64_t size,
		uint64_t raw_size)
{
	const struct crop *c = f->crop;
	struct jobinfo info = {
		.name = "job",
		.name_len = 3,
		.mode = 0600,
		.role = (uint8_t)role,
		.has_digest = role != JOBINFO_CONTENT,
		.has_raw_size = raw_size != 0,
		.raw_size = raw_size,
	};
	uint8_t buf[300];
	uint64_t object;
	int len;

	memcpy(info.job, c->job, SHA256_LEN);
	if (role == JOBINFO_MANIFEST)
		memcpy(info.digest, c->job, SHA256_LEN);
	else if (role == JOBINFO_DIGESTS)
		assert_int_equal(digest_bytes(data, size, info.digest), 0);
	else
		info.job[0] ^= f->conf.wrong_job;
	len = jobinfo_encode(&info, buf, sizeof(buf));
	assert_true(len > 0);
	if (role == JOBINFO_CONTENT && f->conf.asked)
		len = tx_add_asked(f->tx, f->now, size, buf, (size_t)len, &object);
	else
		len = tx_add(f->tx, f->now, size, buf, (size_t)len, &object);
	assert_int_equal(len, 0);
	f->data[object] = data;
	if (role == JOBINFO_CONTENT)
		f->content = object;
}

static void add_part(struct field *f, const struct field_part *p)
{
	struct jobinfo info = {
		.name = "job",
		.name_len = 3,
		.role = (uint8_t)(p->as ? p->as : JOBINFO_PART),
		.has_digest = true,
		.offset = p->offset,
		.has_size = p->last,
		.size = p->size,
	};
	uint8_t buf[300];
	uint64_t object;
	int len;

	memcpy(info.job, f->crop->job, SHA256_LEN);
	assert_int_equal(digest_bytes(p->data, p->len, info.digest), 0);
	len = jobinfo_encode(&info, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(tx_add(f->tx, f->now, p->len, buf, (size_t)len, &object), 0);
	assert_true(object < sizeof(f->data) / sizeof(f->data[0]));
	f->data[object] = p->data;
}

static void add_manifest(struct field *f)
{
	const struct crop *c = f->crop;
	int64_t len;

	if (!f->conf.packed) {
		add(f, JOBINFO_MANIFEST, c->wire, c->wire_len, 0);
		return;
	}
	f->packed = malloc(2 * c->wire_len + 100);
	len = manifest_pack(c->wire, c->wire_len, f->packed, 2 * c->wire_len + 100);
	assert_true(len > 0);
	add(f, JOBINFO_MANIFEST, f->packed, (uint64_t)len, c->wire_len);
}

void field_init(struct field *f, const struct crop *crop, const struct field_conf *conf)
{
	struct tx_conf tc = { .profile = TX_SOW,
			      .node_id = 1,
			      .instance_id = 7,
			      .segment_size = E,
			      .fec_id = FEC_RS8,
			      .block_len = 64,
			      .n_parity = 32,
			      .rate = conf->rate ? conf->rate : 100000000,
			      .code = conf->large ? TX_CODE_LARGE : TX_CODE_SMALL,
			      .large_len = 300,
			      .robust = 4,
			      .seed = 1 };

	*f = (struct field){ .conf = *conf, .crop = crop, .now = 1000, .receipt = -1 };
	f->rng = rng_init(11);
	f->content = UINT64_MAX;
	assert_int_equal(tx_new(&f->tx, &tc, f->now), 0);
	open_receiver(f, conf);
	add_manifest(f);
}

int field_fini(struct field *f)
{
	chores_fini(&f->chores);
	worker_free(f->sc.finisher);
	worker_free(f->sc.looker);
	worker_free(f->sc.pourer);
	session_free(f->session);
	hook_free(f->sc.hook);
	tx_free(f->tx);
	loop_free(f->loop);
	free(f->packed);
	return report_end(&f->report);
}

static void feed_part(struct field *f)
{
	if (!tx_settled(f->tx) || f->step == f->conf.n_parts)
		return;
	if (f->receipt < 0)
		add_part(f, &f->conf.parts[f->step]);
	if (++f->step == f->conf.n_parts && !f->conf.endless)
		tx_finish(f->tx, f->now);
	else
		tx_settle(f->tx, f->now);
}

/* The next object, when the receiver has confirmed the one before. */
static void feed(struct field *f)
{
	const struct crop *c = f->crop;
	size_t sums = (size_t)c->m.n_chunks * SHA256_LEN;

	if (f->conf.parts) {
		feed_part(f);
		return;
	}
	if ((!tx_settled(f->tx) && !f->conf.at_once) || f->step > 1)
		return;
	if (f->step++ == 0 && f->conf.digests_first && sums) {
		add(f, JOBINFO_DIGESTS, c->digests[0], sums, 0);
		tx_settle(f->tx, f->now);
		return;
	}
	f->step = 2;
	if (sums && f->receipt < 0)
		add(f, JOBINFO_CONTENT, c->object, manifest_object_size(&c->m), 0);
	if (sums && f->receipt < 0 && !f->conf.digests_first)
		add(f, JOBINFO_DIGESTS, c->digests[0], sums, 0);
	tx_finish(f->tx, f->now);
}

static void serve_sender(struct field *f)
{
	struct work w;

	while (tx_work(f->tx, &w)) {
		int r = 0;

		if (w.op == WORK_READ)
			memcpy(w.data, f->data[w.object] + w.offset, w.len);
		else
			r = work_codec(&w);
		tx_work_done(f->tx, f->now, &w, r);
	}
}

/* Content looks like nothing else: its symbols are known by their first bytes. */
static void spoil(struct field *f, uint8_t *payload, size_t len)
{
	const uint8_t *all = f->conf.parts ? f->conf.parts[0].data : f->crop->object;
	const uint8_t *symbol = all + f->conf.wrong / E * E;

	if (f->conf.wrongs == 0 || len != E || memcmp(payload, symbol, 16) != 0)
		return;
	f->conf.wrongs--;
	payload[f->conf.wrong % E] ^= 1;
}

static bool is_lost(struct field *f)
{
	return f->mute || rng_unit(&f->rng) < f->conf.loss;
}

static void sender_step(struct field *f)
{
	struct tx_packet pkt;
	uint8_t buf[2000];

	feed(f);
	serve_sender(f);
	while (tx_output(f->tx, f->now, &pkt)) {
		memcpy(buf, pkt.hdr, pkt.hdr_len);
		if (pkt.payload_len)
			memcpy(buf + pkt.hdr_len, pkt.payload, pkt.payload_len);
		spoil(f, buf + pkt.hdr_len, pkt.payload_len);
		f->sent += pkt.payload_len;
		if (!is_lost(f))
			session_input(
				f->session, f->now,
				&(struct udp_datagram){ .data = buf,
							.len = pkt.hdr_len + pkt.payload_len });
	}
}

static void on_answer(struct field *f, const struct tx_event *ev)
{
	if (ev->kind == TX_EV_ANNOUNCE && ev->fresh) {
		tx_start(f->tx, f->now);
		tx_settle(f->tx, f->now);
	}
	if (ev->kind != TX_EV_RECEIPT)
		return;
	f->receipt = ev->receipt.status;
	f->is = ev->receipt;
	memcpy(f->reason, ev->receipt.text, ev->receipt.text_len);
	f->reason[ev->receipt.text_len] = '\0';
}

static void answers(struct field *f)
{
	struct tx_event ev;
	uint8_t buf[2000];
	int len;

	while ((len = session_output(f->session, f->now, buf, sizeof(buf))) > 0) {
		if (is_lost(f))
			continue;
		assert_int_equal(tx_input(f->tx, f->now, buf, (size_t)len, &ev), 0);
		on_answer(f, &ev);
	}
}

static void take_back(struct field *f)
{
	struct hook_end end;
	struct finish *done;
	struct chore c;

	if (f->sc.pourer) /* no reader here is slow */
		worker_wait(f->sc.pourer);
	while ((done = finisher_take(f->sc.finisher)) || (done = finisher_take(f->sc.looker)) ||
	       (f->sc.pourer && (done = finisher_take(f->sc.pourer))))
		session_finished(session_of(done), f->now, done);
	chores_go(&f->chores);
	f->chores.rushed = !f->chores.rushed; /* both ways are gone */
	while (chores_take(&f->chores, &c))
		session_served(c.session, f->now, &c);
	if (!f->sc.hook)
		return;
	hook_child(f->sc.hook);
	hook_go(f->sc.hook, f->now);
	while (hook_take(f->sc.hook, &end))
		session_hooked(end.owner, f->now, &end);
}

void field_step(struct field *f)
{
	nsec_t at;

	sender_step(f);
	answers(f);
	at = MIN(tx_deadline(f->tx, f->now), session_deadline(f->session, f->now));
	at = CLAMP(at, f->now + 1000, f->now + 20 * NSEC_PER_MSEC);
	if (at - f->now >= NSEC_PER_MSEC)
		patience(&f->sc, f->loop, at - f->now);
	take_back(f);
	f->now = at;
}

void field_run(struct field *f)
{
	nsec_t limit = f->now + 120 * NSEC_PER_SEC;

	while (!session_over(f->session, f->now) && f->now < limit)
		field_step(f);
	assert_true(session_over(f->session, f->now));
}

/* The threads do all that they were given, however busy the machine is. */
static void keep_up(struct field *f)
{
	struct chore c;

	while (f->conf.threads > 0) {
		chores_wait(&f->chores);
		if (!chores_take(&f->chores, &c))
			break;
		session_served(c.session, f->now, &c);
	}
}

void field_until(struct field *f, uint64_t bytes)
{
	uint64_t done = 0, total;

	while (done < bytes) {
		field_step(f);
		keep_up(f);
		session_progress(f->session, &done, &total);
	}
}
