/* reaping.c - tests of receiver/session, job and finisher: a real sender session, real files.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/patience.h"

#include "common/digest.h"
#include "common/file.h"
#include "proto/tx.h"
#include "proto/wire.h"
#include "receiver/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 2500000 /* more than one step of hashing */

static char dir[sizeof("/tmp/sow-reaping-XXXXXX")];
static uint8_t data[SIZE], digest[SHA256_LEN];
static unsigned threads; /* every test is run without and with some */

/* One sender, one of our sessions, no loss, a virtual clock for both; the finisher is real. */
struct pair {
	struct tx *tx;
	struct session *session;
	struct session_conf conf;
	struct output output;
	struct chores chores;
	struct report report;
	struct udp_in_counters net;
	struct limits limits;
	struct loop *loop;
	nsec_t now;
	bool mute;   /* the sender is not heard any more */
	int receipt; /* status; -1: none came */
	uint32_t n_verified;
	char reason[CENSUS_TEXT_MAX + 1];
};

static const struct self self = { .host = "h", .version = "1" };

static void set_hook(struct pair *p, const char *command)
{
	const struct hook_conf hc = {
		.command = command, .output = dir, .parallel = 1, .timeout = 60 * NSEC_PER_SEC
	};

	assert_int_equal(hook_new(&p->conf.hook, &hc), 0);
}

static void pair_init_hook(struct pair *p, enum tx_profile profile, const char *command)
{
	struct tx_conf tc = { .profile = profile,
			      .node_id = 1,
			      .instance_id = 7,
			      .segment_size = 1000,
			      .fec_id = FEC_RS8,
			      .block_len = 64,
			      .n_parity = 32,
			      .rate = 100000000,
			      .robust = 4,
			      .seed = 1 };
	struct msg_session id = { NORM_CMD, 1, 1, 7 };
	struct hook_origin origin = { 0 };

	*p = (struct pair){ .now = 1000, .receipt = -1 };
	report_init(&p->report, &(struct report_conf){ .quiet = true, .net = &p->net });
	assert_int_equal(loop_new(&p->loop), 0);
	p->conf = (struct session_conf){
		.report = &p->report, .limits = &p->limits, .node_id = 2, .self = &self
	};
	if (command)
		set_hook(p, command);
	p->conf.output = &p->output;
	p->output.dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(worker_new(&p->conf.finisher, 1, p->loop), 0);
	assert_int_equal(chores_init(&p->chores, threads, p->loop), 0);
	p->chores.small = true;
	p->conf.chores = &p->chores;
	assert_int_equal(tx_new(&p->tx, &tc, p->now), 0);
	assert_int_equal(session_new(&p->session, &p->conf, &origin, &id, 3, p->now), 0);
}

static void pair_init(struct pair *p, enum tx_profile profile)
{
	pair_init_hook(p, profile, NULL);
}

/* The exit status. */
static int pair_fini(struct pair *p)
{
	chores_fini(&p->chores);
	worker_free(p->conf.finisher);
	hook_free(p->conf.hook);
	session_free(p->session);
	tx_free(p->tx);
	loop_free(p->loop);
	close_fd(&p->output.dirfd);
	return report_end(&p->report);
}

static uint64_t add(struct pair *p, const char *name, uint64_t size, const uint8_t *sum)
{
	struct jobinfo info = {
		.name = name, .name_len = strlen(name), .mode = 0600, .has_digest = sum != NULL
	};
	uint8_t buf[200];
	uint64_t object;
	int len;

	if (sum)
		memcpy(info.digest, sum, SHA256_LEN);
	len = jobinfo_encode(&info, buf, sizeof(buf));
	assert_int_equal(tx_add(p->tx, p->now, size, buf, (size_t)len, &object), 0);
	return object;
}

static void sender_step(struct pair *p)
{
	struct tx_packet pkt;
	struct work w;
	uint8_t buf[2000];

	while (tx_work(p->tx, &w)) {
		if (w.op == WORK_READ)
			memcpy(w.data, data + w.offset, w.len);
		tx_work_done(p->tx, p->now, &w, w.op == WORK_READ ? 0 : work_codec(&w));
	}
	while (tx_output(p->tx, p->now, &pkt)) {
		memcpy(buf, pkt.hdr, pkt.hdr_len);
		if (pkt.payload_len)
			memcpy(buf + pkt.hdr_len, pkt.payload, pkt.payload_len);
		if (!p->mute)
			session_input(
				p->session, p->now,
				&(struct udp_datagram){ .data = buf,
							.len = pkt.hdr_len + pkt.payload_len });
	}
}

static void answers(struct pair *p)
{
	struct tx_event ev;
	uint8_t buf[2000];
	int len;

	while ((len = session_output(p->session, p->now, buf, sizeof(buf))) > 0) {
		assert_int_equal(tx_input(p->tx, p->now, buf, (size_t)len, &ev), 0);
		if (ev.kind == TX_EV_ANNOUNCE)
			tx_start(p->tx, p->now);
		if (ev.kind != TX_EV_RECEIPT)
			continue;
		p->receipt = ev.receipt.status;
		p->n_verified = ev.receipt.n_verified;
		memcpy(p->reason, ev.receipt.text, ev.receipt.text_len);
		p->reason[ev.receipt.text_len] = '\0';
	}
}

static void step(struct pair *p)
{
	struct hook_end end;
	struct finish *f;
	struct chore c;
	nsec_t at;

	sender_step(p);
	answers(p);
	at = MIN(tx_deadline(p->tx, p->now), session_deadline(p->session, p->now));
	at = CLAMP(at, p->now + 1000, p->now + 20 * NSEC_PER_MSEC);
	if (at - p->now >= NSEC_PER_MSEC)
		patience(&p->conf, p->loop, at - p->now);
	while ((f = finisher_take(p->conf.finisher)))
		session_finished(session_of(f), p->now, f);
	if (p->conf.hook) {
		hook_child(p->conf.hook);
		hook_go(p->conf.hook, p->now);
		while (hook_take(p->conf.hook, &end))
			session_hooked(end.owner, p->now, &end);
	}
	chores_go(&p->chores);
	p->chores.rushed = !p->chores.rushed; /* both ways are gone */
	while (chores_take(&p->chores, &c))
		session_served(c.session, p->now, &c);
	p->now = at;
}

static void run(struct pair *p)
{
	nsec_t limit = p->now + 60 * NSEC_PER_SEC;

	while (!session_over(p->session, p->now) && p->now < limit)
		step(p);
	assert_true(session_over(p->session, p->now));
}

static void until_written(struct pair *p, uint64_t bytes)
{
	uint64_t done = 0, total;
	struct chore c; /* the threads keep up, however busy the machine is */

	while (done < bytes) {
		step(p);
		while (threads > 0 && (chores_wait(&p->chores), chores_take(&p->chores, &c)))
			session_served(c.session, p->now, &c);
		session_progress(p->session, &done, &total);
	}
}

/* Files in the directory, temporary ones too. */
static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void assert_stored(const char *name, size_t size)
{
	char path[512], *got;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_read(path, SIZE, &got, &len), 0);
	assert_int_equal(len, size);
	assert_memory_equal(got, data, size);
	free(got);
	unlink(path);
}

static void files_are_stored_and_confirmed(void **state)
{
	uint8_t small[SHA256_LEN], empty[SHA256_LEN];
	struct pair p;

	assert_int_equal(digest_bytes(data, 10, small), 0);
	assert_int_equal(digest_bytes(data, 0, empty), 0);
	pair_init(&p, TX_SOW);
	add(&p, "large", SIZE, digest);
	add(&p, "small", 10, small);
	add(&p, "empty", 0, empty);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_COMPLETE);
	assert_int_equal(p.n_verified, 3);
	assert_int_equal(entries(), 3);
	assert_stored("large", SIZE);
	assert_stored("small", 10);
	assert_stored("empty", 0);
	assert_false(session_resumable(p.session));
	assert_int_equal(pair_fini(&p), 0);
}

/* The sender reads the file while it sends, and knows the digest in the end. */
static void the_digest_may_come_last(void **state)
{
	struct jobinfo info = { .name = "f", .name_len = 1, .has_digest = true };
	uint64_t object;
	uint8_t buf[200];
	struct pair p;
	int len;

	pair_init(&p, TX_SOW);
	object = add(&p, "f", SIZE, NULL);
	until_written(&p, SIZE);
	for (int i = 0; i < 20; i++)
		step(&p);
	assert_int_equal(entries(), 1);
	assert_int_equal(p.report.files[FILE_VERIFIED], 0);
	memcpy(info.digest, digest, SHA256_LEN);
	len = jobinfo_encode(&info, buf, sizeof(buf));
	assert_int_equal(tx_set_info(p.tx, p.now, object, buf, (size_t)len), 0);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_COMPLETE);
	assert_stored("f", SIZE);
	assert_int_equal(pair_fini(&p), 0);
}

static void a_wrong_digest_is_not_delivered(void **state)
{
	uint8_t wrong[SHA256_LEN] = { 0 };
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "f", SIZE, wrong);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_CORRUPT);
	assert_string_equal(p.reason, "f: the digest does not match");
	assert_int_equal(entries(), 0);
	assert_int_equal(pair_fini(&p), 4);
}

static void what_escapes_is_refused_and_the_rest_stored(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "../f", SIZE, digest);
	add(&p, "f", SIZE, digest);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_REFUSED);
	assert_int_equal(p.n_verified, 1);
	assert_non_null(strstr(p.reason, "../f: "));
	assert_stored("f", SIZE);
	assert_int_equal(pair_fini(&p), 4);
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = MIN(bytes, l.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void what_is_too_large_is_refused(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "f", SIZE, digest);
	tx_finish(p.tx, p.now);
	limit_file_size(SIZE - 1);
	run(&p);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(p.receipt, RECEIPT_REFUSED);
	assert_int_equal(entries(), 0);
	assert_int_equal(pair_fini(&p), 2);
}

/* The limit hits while data are written. */
static void what_can_not_be_written_fails(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "f", SIZE, digest);
	tx_finish(p.tx, p.now);
	until_written(&p, 100000);
	limit_file_size(1000000);
	run(&p);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(p.receipt, RECEIPT_IO);
	assert_int_equal(entries(), 0);
	assert_int_equal(pair_fini(&p), 2);
}

static void a_plain_sender_is_unverified(void **state)
{
	uint64_t object;
	struct pair p;

	pair_init(&p, TX_NORM);
	p.conf.once = true;
	tx_start(p.tx, p.now);
	assert_int_equal(tx_add(p.tx, p.now, SIZE, (const uint8_t *)"f", 1, &object), 0);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, -1);
	assert_int_equal(p.report.files[FILE_UNVERIFIED], 1);
	assert_stored("f", SIZE);
	assert_int_equal(pair_fini(&p), 4);
}

static void a_sender_that_falls_silent_leaves_nothing(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "f", SIZE, digest);
	until_written(&p, SIZE / 2);
	assert_true(session_busy(p.session));
	p.mute = true;
	run(&p);
	assert_true(session_resumable(p.session));
	assert_int_equal(entries(), 0);
	assert_int_equal(p.report.files[FILE_INCOMPLETE], 1);
	assert_int_equal(pair_fini(&p), 2);
}

static void a_sender_that_ends_early_leaves_nothing(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "f", SIZE, digest);
	until_written(&p, SIZE / 2);
	tx_abort(p.tx, p.now);
	run(&p);
	assert_int_equal(entries(), 0);
	assert_int_equal(p.report.files[FILE_INCOMPLETE], 1);
	assert_int_equal(pair_fini(&p), 4);
}

static void a_file_that_is_withdrawn_leaves_nothing(void **state)
{
	uint64_t object;
	struct pair p;

	pair_init(&p, TX_SOW);
	object = add(&p, "f", SIZE, digest);
	add(&p, "g", SIZE, digest);
	until_written(&p, SIZE / 2);
	tx_withdraw(p.tx, p.now, object);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_PARTIAL);
	assert_int_equal(p.report.files[FILE_WITHDRAWN], 1);
	assert_int_equal(entries(), 1);
	assert_stored("g", SIZE);
	assert_int_equal(pair_fini(&p), 4);
}

static void hear(struct pair *p, struct msg m)
{
	struct udp_datagram d;
	uint8_t buf[200];
	int len;

	m.source_id = 1;
	m.instance_id = 7;
	len = msg_encode(&m, buf, sizeof(buf));
	d = (struct udp_datagram){ .data = buf, .len = (size_t)len };
	assert_int_equal(session_input(p->session, p->now, &d), 0);
}

/* It never gets as far as to be offered. */
static void a_stream_is_refused(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	hear(&p, (struct msg){ .type = NORM_DATA,
			       .flags = NORM_FLAG_STREAM,
			       .fec_id = FEC_RS8,
			       .payload = data,
			       .payload_len = 10 });
	assert_int_equal(p.report.files[FILE_REFUSED], 1);
	assert_true(session_counts(p.session));
	hear(&p, (struct msg){ .type = NORM_CMD, .cmd = CMD_EOT });
	assert_true(session_over(p.session, p.now));
	assert_int_equal(pair_fini(&p), 4);
}

static void an_interrupt_is_confirmed(void **state)
{
	struct pair p;

	pair_init(&p, TX_SOW);
	add(&p, "f", SIZE, digest);
	until_written(&p, SIZE / 2);
	session_interrupt(p.session, p.now);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_INTERRUPTED);
	assert_int_equal(entries(), 0);
	pair_fini(&p);
}

/* It ends when the test has seen that nobody was told of the end before. */
static void the_receipt_waits_for_the_hook(void **state)
{
	char command[200], gate[64];
	struct pair p;
	int fd;

	snprintf(gate, sizeof(gate), "%s.gate", dir);
	assert_int_equal(mkfifo(gate, 0600), 0);
	fd = open(gate, O_RDWR);
	snprintf(command, sizeof(command),
		 "sh -c 'cmp \"$SOW_PATH\" %s/f && read x <%s && exit 0$x'", dir, gate);
	pair_init_hook(&p, TX_SOW, command);
	add(&p, "f", SIZE, digest);
	tx_finish(p.tx, p.now);
	while (!p.report.files[FILE_VERIFIED])
		step(&p);
	for (int i = 0; i < 20; i++)
		step(&p);
	assert_int_equal(p.receipt, -1);
	assert_true(session_busy(p.session));
	assert_int_equal(write(fd, "\n", 1), 1);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_COMPLETE);
	assert_int_equal(p.report.hooks, 1);
	assert_stored("f", SIZE);
	assert_int_equal(pair_fini(&p), 0);
	close(fd);
	unlink(gate);
}

static void a_hook_that_fails_is_told(void **state)
{
	struct pair p;

	pair_init_hook(&p, TX_SOW, "sh -c 'test \"$SOW_NAME\" = g || exit 3'");
	add(&p, "f", SIZE, digest);
	add(&p, "g", SIZE, digest);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_HOOK);
	assert_int_equal(p.n_verified, 2);
	assert_string_equal(p.reason, "f: hook: exit 3");
	assert_int_equal(p.report.hooks, 2);
	assert_int_equal(p.report.hooks_failed, 1);
	assert_stored("f", SIZE);
	assert_stored("g", SIZE);
	assert_int_equal(pair_fini(&p), 4);
}

static void a_hook_hears_of_failures_but_not_of_what_was_refused(void **state)
{
	uint8_t wrong[SHA256_LEN] = { 0 };
	struct pair p;

	pair_init_hook(&p, TX_SOW, "sh -c 'test $SOW_NAME-$SOW_STATUS-$SOW_PATH = f-corrupt-'");
	add(&p, "f", SIZE, wrong);
	add(&p, "../g", SIZE, digest);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_CORRUPT);
	assert_int_equal(p.report.hooks, 1);
	assert_int_equal(p.report.hooks_failed, 0);
	assert_int_equal(pair_fini(&p), 4);
}

static void limits_are_kept(void **state)
{
	const struct opt_list names = { 1, { "f*" } };
	uint8_t small[SHA256_LEN];
	struct pair p;

	assert_int_equal(digest_bytes(data, 10, small), 0);
	pair_init(&p, TX_SOW);
	p.limits = (struct limits){ .max_size = SIZE - 1, .names = &names };
	add(&p, "f", SIZE, digest);
	add(&p, "f2", 10, small);
	add(&p, "g", 10, small);
	tx_finish(p.tx, p.now);
	run(&p);
	assert_int_equal(p.receipt, RECEIPT_REFUSED);
	assert_string_equal(p.reason, "f: larger than --max-size allows here");
	assert_int_equal(p.report.files[FILE_REFUSED], 2);
	assert_stored("f2", 10);
	assert_int_equal(pair_fini(&p), 4);
}

static int make_dir(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	memcpy(dir, "/tmp/sow-reaping-XXXXXX", sizeof(dir));
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	return !mkdtemp(dir) || digest_bytes(data, SIZE, digest) < 0;
}

/* Fails when anything, such as a temporary file, is left. */
static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_stored_and_confirmed),
		cmocka_unit_test(the_digest_may_come_last),
		cmocka_unit_test(a_wrong_digest_is_not_delivered),
		cmocka_unit_test(what_escapes_is_refused_and_the_rest_stored),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(what_can_not_be_written_fails),
		cmocka_unit_test(a_plain_sender_is_unverified),
		cmocka_unit_test(a_sender_that_falls_silent_leaves_nothing),
		cmocka_unit_test(a_sender_that_ends_early_leaves_nothing),
		cmocka_unit_test(a_file_that_is_withdrawn_leaves_nothing),
		cmocka_unit_test(a_stream_is_refused),
		cmocka_unit_test(an_interrupt_is_confirmed),
		cmocka_unit_test(the_receipt_waits_for_the_hook),
		cmocka_unit_test(a_hook_that_fails_is_told),
		cmocka_unit_test(a_hook_hears_of_failures_but_not_of_what_was_refused),
		cmocka_unit_test(limits_are_kept),
	};

	int failed = 0;

	for (threads = 0; threads <= 2; threads++)
		failed += cmocka_run_group_tests_name("reaping", tests, make_dir, remove_dir);
	return failed;
}
