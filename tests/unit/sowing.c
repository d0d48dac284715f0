/* sowing.c - tests of sender/job, listeners and report: real sessions, real files. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/log.h"
#include "proto/rx.h"
#include "proto/wire.h"
#include "sender/feeder.h"
#include "sender/report.h"
#include "tests/unit/nomem.h"

#include <fcntl.h>
#include <unistd.h>

#define E       1000
#define LARGE   (3 << 20) /* is hashed while it is sent */
#define N_SMALL 40        /* more than are held open */

static char dir[sizeof("/tmp/sow-sowing-XXXXXX")];
static char paths[N_SMALL + 1][64];
static char *argv_small[N_SMALL], *argv_large[1];
static uint8_t large[LARGE];
static unsigned threads; /* every test is run without and with some */

static void put(unsigned i, const void *data, size_t len)
{
	assert_int_equal(file_replace(paths[i], 0640, data, len), 0);
}

static int put_files(void **state)
{
	for (unsigned i = 0; i < N_SMALL; i++)
		put(i, paths[i], i); /* the first one is empty */
	put(N_SMALL, large, LARGE);
	return 0;
}

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-sowing-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (uint8_t)(i * 2654435761u >> 13);
	for (unsigned i = 0; i <= N_SMALL; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/file%u", dir, i);
	for (unsigned i = 0; i < N_SMALL; i++)
		argv_small[i] = paths[i];
	argv_large[0] = paths[N_SMALL];
	log_set_level(LOG_LEVEL_ERR);
	return 0;
}

static int remove_dir(void **state)
{
	for (unsigned i = 0; i <= N_SMALL; i++)
		unlink(paths[i]);
	return rmdir(dir);
}

/* A sender with its job and, when there is one, a receiver; no loss, a virtual clock. */
struct field {
	struct conf conf;
	struct netplan plan;
	struct job *job;
	struct tx *tx;
	struct loop *loop;
	struct feeder *feeder;
	bool rushed;
	struct listeners *who;
	struct report report;
	struct rx *rx;
	nsec_t now;
	uint8_t status; /* of the receiver's receipt */
	unsigned n_objects, n_digests_first, n_digests, n_complete, n_aborted;
	uint64_t bytes;
	char name[64]; /* of the last object's INFO, when it is plain */
	int spoil;     /* file to change when the first data were read; -1: none */
};

static const struct rates rates = { .min = 1000, .start = 1000, .max = 1000 };

static void field_init(struct field *f, char *const *argv, unsigned n, unsigned max_objects)
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
	struct job_conf jc = { .segment = E, .plain = f->conf.profile == PROFILE_NORM };

	f->now = 1000;
	f->conf.progress_mode = PROGRESS_NEVER;
	assert_int_equal(job_new(&f->job, argv, n, &jc), 0);
	assert_int_equal(tx_new(&f->tx, &tc, f->now), 0);
	assert_int_equal(rx_new(&f->rx, &rc, f->now), 0);
	assert_int_equal(listeners_new(&f->who, 4), 0);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(feeder_new(&f->feeder, threads, f->loop), 0);
	report_init(&f->report, &f->conf, &f->plan, &rates, NULL);
}

static void field_fini(struct field *f)
{
	feeder_free(f->feeder);
	loop_free(f->loop);
	log_before_line(NULL, NULL); /* the report may not have come to its end */
	listeners_free(f->who);
	rx_free(f->rx);
	tx_free(f->tx);
	job_free(f->job);
}

static bool has_digest(struct field *f, const struct rx_event *ev)
{
	struct jobinfo info;

	if (jobinfo_decode(&info, ev->info, ev->info_len) == 0)
		return info.has_digest;
	snprintf(f->name, sizeof(f->name), "%.*s", (int)ev->info_len, (const char *)ev->info);
	return false;
}

static void on_event(struct field *f, const struct rx_event *ev)
{
	struct receipt rc = { .status = f->status, .text = "it\x1b[7ms", .text_len = 7 };

	switch (ev->kind) {
	case RX_EV_OBJECT:
		f->n_objects++;
		f->n_digests_first += has_digest(f, ev);
		f->bytes += ev->size;
		rx_accept(f->rx, f->now, ev->object);
		break;
	case RX_EV_INFO:
		f->n_digests += has_digest(f, ev);
		break;
	case RX_EV_COMPLETE:
		f->n_complete++;
		rx_release(f->rx, ev->object);
		break;
	case RX_EV_ABORTED:
		f->n_aborted++;
		break;
	case RX_EV_FINISHED:
		rx_set_receipt(f->rx, f->now, &rc);
		break;
	case RX_EV_JOINED:
	case RX_EV_RECEIPTED:
	case RX_EV_SENDER_END:
	case RX_EV_SENDER_GONE:
		break;
	}
}

static void serve(struct field *f)
{
	struct rx_event ev;
	struct work w;

	feeder_serve(f->feeder, f->tx, f->job, f->now);
	feeder_rush(f->feeder, f->rushed = !f->rushed); /* both ways are gone */
	if (f->spoil >= 0 && tx_status(f->tx).sent) {
		put((unsigned)f->spoil, "other", 5);
		f->spoil = -1;
	}
	while (rx_work(f->rx, &w))
		rx_work_done(f->rx, f->now, &w, 0);
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

static void transfer(struct field *f)
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

static struct report_now at_the_end(const struct field *f)
{
	return (struct report_now){
		.tx = f->tx, .who = f->who, .job = f->job, .started_at = 2000, .now = f->now
	};
}

/* The exit status. */
static int run(struct field *f)
{
	struct report_now is;

	transfer(f);
	is = at_the_end(f);
	return report_end(&f->report, &is);
}

static void small_files_have_their_digest_at_once(void **state)
{
	struct field f = { .spoil = -1, .conf.receivers = 1 };

	field_init(&f, argv_small, N_SMALL, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_int_equal(f.n_complete, N_SMALL);
	assert_int_equal(f.n_digests_first, N_SMALL);
	assert_int_equal(f.bytes, job_bytes(f.job));
	assert_int_equal(job_largest(f.job), N_SMALL - 1);
	field_fini(&f);
}

static void more_files_than_the_session_keeps(void **state)
{
	struct field f = { .spoil = -1 };

	field_init(&f, argv_small, N_SMALL, 4);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_int_equal(f.n_complete, N_SMALL);
	field_fini(&f);
}

static void the_digest_of_a_large_file_follows(void **state)
{
	struct field f = { .spoil = -1 };

	field_init(&f, argv_large, 1, 4);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_int_equal(f.n_complete, 1);
	assert_int_equal(f.n_digests_first, 0);
	assert_int_equal(f.n_digests, 1);
	field_fini(&f);
}

static void a_file_that_changes_is_withdrawn(void **state)
{
	struct field f = { .spoil = N_SMALL };

	field_init(&f, argv_large, 1, 4);
	assert_int_equal(run(&f), EXIT_PARTIAL);
	assert_int_equal(f.n_complete, 0);
	assert_int_equal(f.n_digests, 0);
	assert_int_equal(f.n_aborted, 1);
	assert_int_equal(job_n_failed(f.job), 1);
	field_fini(&f);
}

static void a_file_that_changed_before_is_left_out(void **state)
{
	struct field f = { .spoil = -1 };

	field_init(&f, argv_small, N_SMALL, 64);
	put(3, "longer than before", 18);
	unlink(paths[4]);
	assert_int_equal(run(&f), EXIT_PARTIAL);
	assert_int_equal(f.n_complete, N_SMALL - 2);
	assert_int_equal(job_n_failed(f.job), 2);
	field_fini(&f);
}

static void plain_info_is_the_name(void **state)
{
	struct field f = { .spoil = -1, .conf.profile = PROFILE_NORM };

	field_init(&f, argv_small + 5, 1, 4);
	run(&f);
	assert_string_equal(f.name, "file5");
	assert_int_equal(f.n_digests + f.n_digests_first, 0);
	field_fini(&f);
}

/* Files are closed and opened again behind the session's back; the bytes stay right. */
static void reads_in_any_order(void **state)
{
	struct field f = { .spoil = -1 };
	struct rng rng = rng_init(1);
	uint8_t buf[64];

	field_init(&f, argv_small, N_SMALL, 64);
	job_feed(f.job, f.tx, f.now);
	for (unsigned i = 0; i < 500; i++) {
		unsigned n = (unsigned)rng_below(&rng, N_SMALL);
		struct work w = {
			.op = WORK_READ, .object = n, .data = buf, .len = n, .offset = 0
		};

		assert_int_equal(job_read(f.job, f.tx, f.now, &w), 0);
		assert_memory_equal(buf, paths[n], n);
	}
	put(7, "another", 7);
	for (unsigned i = 8; i < 8 + 20; i++) {
		struct work w = { .op = WORK_READ, .object = i, .data = buf, .len = i };

		assert_int_equal(job_read(f.job, f.tx, f.now, &w), 0);
	}
	struct work w = { .op = WORK_READ, .object = 7, .data = buf, .len = 7 };
	assert_int_equal(job_read(f.job, f.tx, f.now, &w), -ESTALE);
	assert_int_equal(job_n_failed(f.job), 1);
	field_fini(&f);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	struct job_conf wide = { .segment = E }, narrow = { .segment = 64 };
	char absent[] = "/tmp/no/such/file", null[] = "/dev/null", here[] = "/tmp";
	char twice[128], *two[] = { paths[1], twice }, *one[1];
	struct job *j = NULL;

	one[0] = absent;
	assert_int_equal(job_new(&j, one, 1, &wide), -EINVAL);
	one[0] = null;
	assert_int_equal(job_new(&j, one, 1, &wide), -EINVAL);
	one[0] = here;
	assert_int_equal(job_new(&j, one, 1, &wide), -EINVAL);
	one[0] = paths[1];
	assert_int_equal(job_new(&j, one, 1, &narrow), -EINVAL);
	snprintf(twice, sizeof(twice), "%s/./file1", dir);
	assert_int_equal(job_new(&j, two, 2, &wide), -EINVAL);
	assert_null(j);
}

static void the_receipt_decides(void **state)
{
	static const struct {
		uint8_t receipt;
		unsigned expected;
		bool interrupted, failed;
		int exit;
	} cases[] = {
		{ RECEIPT_COMPLETE, 0, false, false, EXIT_ALL },
		{ RECEIPT_COMPLETE, 1, false, false, EXIT_ALL },
		{ RECEIPT_COMPLETE, 2, false, false, EXIT_PARTIAL },
		{ RECEIPT_PARTIAL, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_CORRUPT, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_REFUSED, 1, false, false, EXIT_PARTIAL },
		{ 99, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_PARTIAL, 1, true, false, EXIT_INTERRUPTED },
		{ RECEIPT_COMPLETE, 1, true, true, EXIT_SYSTEM },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field f = { .spoil = -1, .status = cases[i].receipt };
		struct report_now is;

		f.conf.receivers = cases[i].expected;
		f.conf.json = i % 2;
		field_init(&f, argv_small, 2, 64);
		transfer(&f);
		is = at_the_end(&f);
		is.failed = cases[i].failed;
		is.interrupted = cases[i].interrupted;
		assert_int_equal(report_end(&f.report, &is), cases[i].exit);
		field_fini(&f);
	}
}

static void nobody_is_a_status_of_its_own(void **state)
{
	struct field f = { .spoil = -1 };
	struct report_now is;

	field_init(&f, argv_small, 1, 4);
	is = at_the_end(&f);
	is.started_at = NSEC_NEVER;
	assert_int_equal(report_end(&f.report, &is), EXIT_NOBODY);
	is.interrupted = true;
	assert_int_equal(report_end(&f.report, &is), EXIT_INTERRUPTED);
	is.failed = true;
	assert_int_equal(report_end(&f.report, &is), EXIT_SYSTEM);
	field_fini(&f);
}

static void listeners_are_bounded_and_found(void **state)
{
	struct tx_event ev = { .kind = TX_EV_ANNOUNCE,
			       .announce = { .host = "h\n", .host_len = 2, .version = "9" } };
	struct listeners *l;
	struct addr from;
	char label[64];

	assert_int_equal(addr_parse(&from, "192.0.2.1:99", 0), 0);
	assert_int_equal(listeners_new(&l, 3), 0);
	for (uint32_t id = 8; id <= 40; id += 8) { /* all in one slot of eight */
		ev.node_id = id;
		listeners_note(l, &ev, &from);
	}
	for (uint32_t id = 8; id <= 40; id += 8)
		assert_int_equal(listeners_find(l, id) != NULL, id <= 24);
	assert_string_equal(listener_label(listeners_find(l, 16), label, sizeof(label)),
			    "h\\x0a (192.0.2.1)");
	ev = (struct tx_event){ .kind = TX_EV_RECEIPT,
				.node_id = 16,
				.receipt = { .bytes = 5, .text = "t", .text_len = 1 } };
	listeners_note(l, &ev, &from);
	ev.receipt.bytes = 6; /* the first counts */
	listeners_note(l, &ev, &from);
	assert_int_equal(listeners_find(l, 16)->receipt.bytes, 5);
	assert_int_equal(listeners_find(l, 16)->self.host_len, 2);
	assert_false(listeners_find(l, 16)->has_report);
	ev = (struct tx_event){ .kind = TX_EV_REPORT, .node_id = 16 };
	listeners_note(l, &ev, &from);
	ev.report.dropped = 7; /* the last counts */
	listeners_note(l, &ev, &from);
	assert_int_equal(listeners_find(l, 16)->last.dropped, 7);
	ev = (struct tx_event){ .kind = TX_EV_NONE, .node_id = 24 };
	listeners_note(l, &ev, &(struct addr){ 0 });
	assert_true(addr_equal(&listeners_find(l, 24)->addr, &from));
	listeners_free(l);
}

static void failed_allocations_leave_nothing(void **state)
{
	struct job_conf jc = { .segment = E };
	struct listeners *l = NULL;
	struct job *j = NULL;
	int r = -1;

	for (unsigned n = 1; r < 0; n++) {
		nomem_in = n;
		r = job_new(&j, argv_small, 2, &jc);
		assert_true(r == 0 || (r == -ENOMEM && !j));
		assert_in_range(n, 1, 20);
	}
	nomem_in = 0;
	job_free(j);
	for (nomem_in = 1, r = -1; r < 0;) {
		unsigned n = nomem_in;

		r = listeners_new(&l, 4);
		assert_true(r == 0 || (r == -ENOMEM && !l));
		nomem_in = n + 1;
	}
	nomem_in = 0;
	listeners_free(l);
	listeners_free(NULL);
	job_free(NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, put_files)
	const struct CMUnitTest tests[] = {
		CASE(small_files_have_their_digest_at_once),
		CASE(more_files_than_the_session_keeps),
		CASE(the_digest_of_a_large_file_follows),
		CASE(a_file_that_changes_is_withdrawn),
		CASE(a_file_that_changed_before_is_left_out),
		CASE(plain_info_is_the_name),
		CASE(reads_in_any_order),
		CASE(what_cannot_be_sent_is_refused),
		CASE(the_receipt_decides),
		CASE(nobody_is_a_status_of_its_own),
		CASE(listeners_are_bounded_and_found),
		CASE(failed_allocations_leave_nothing),
	};

	int failed = 0;

	for (threads = 0; threads <= 2; threads++)
		failed += cmocka_run_group_tests_name("sowing", tests, make_dir, remove_dir);
	return failed;
}
