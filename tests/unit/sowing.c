/* sowing.c - tests of sender/job, listeners and report: real sessions, real files. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sow_rig.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/file.h"
#include "proto/manifest.h"
#include "sender/digests.h"
#include "sender/source_tree.h"
#include "tests/unit/nomem.h"

#include <sys/stat.h>
#include <unistd.h>

/* --- a job of ours --- */

static const struct got *with_role(const struct field *f, enum jobinfo_role role)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (f->got[i].data && f->got[i].info.role == role)
			return &f->got[i];
	}
	fail_msg("no object of role %d", role);
	return NULL;
}

static void decode(const struct field *f, struct manifest *ret)
{
	const struct manifest_limits limits = { .max_entries = 1000, .max_memory = 1 << 20 };
	const struct got *g = with_role(f, JOBINFO_MANIFEST);
	uint8_t raw[10000], id[SHA256_LEN];
	size_t len = g->size;

	assert_true(g->complete);
	assert_in_range(g->info.has_raw_size ? g->info.raw_size : len, 1, sizeof(raw));
	if (g->info.has_raw_size) {
		len = g->info.raw_size;
		assert_int_equal(manifest_unpack(g->data, g->size, raw, len), 0);
	} else {
		memcpy(raw, g->data, len);
	}
	assert_int_equal(digest_bytes(raw, len, id), 0);
	assert_memory_equal(id, g->info.job, SHA256_LEN);
	assert_int_equal(manifest_decode(ret, raw, len, &limits), 0);
}

/* Chunks whose digest does not fit. */
static unsigned wrong_chunks(const struct field *f, const struct manifest *m)
{
	const struct got *content = with_role(f, JOBINFO_CONTENT);
	const struct got *digests = with_role(f, JOBINFO_DIGESTS);
	uint8_t sum[SHA256_LEN];
	unsigned n = 0;

	assert_true(content->complete && digests->complete);
	assert_int_equal(digests->size, m->n_chunks * SHA256_LEN);
	assert_int_equal(digest_bytes(digests->data, digests->size, sum), 0);
	assert_memory_equal(sum, digests->info.digest, SHA256_LEN);
	assert_int_equal(content->size, m->content_size);
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		const struct manifest_chunk *c = &m->chunks[i];

		assert_int_equal(digest_bytes(content->data + c->content_off, c->len, sum), 0);
		n += memcmp(sum, digests->data + i * SHA256_LEN, SHA256_LEN) != 0;
	}
	return n;
}

static void assert_tree_arrived(const struct field *f)
{
	const struct manifest_entry *e;
	struct manifest m;

	decode(f, &m);
	assert_int_equal(wrong_chunks(f, &m), 0);
	assert_int_equal(m.n_entries, 4);
	assert_string_equal(m.entries[0].path, "tree");
	assert_string_equal(m.entries[1].path, "tree/a");
	e = &m.entries[3];
	assert_string_equal(e->path, "tree/large");
	assert_int_equal(e->size, LARGE);
	for (uint32_t i = e->first_run; i < e->first_run + e->n_runs; i++)
		assert_memory_equal(with_role(f, JOBINFO_CONTENT)->data + m.runs[i].content_off,
				    large + m.runs[i].file_off, m.runs[i].len);
	manifest_fini(&m);
	assert_string_equal(f->got[0].name, "tree");
}

/* The roles of objects 0, 1 and 2. */
static void assert_order(const struct field *f, enum jobinfo_role a, enum jobinfo_role b,
			 enum jobinfo_role c)
{
	assert_int_equal(f->n_objects, 3);
	assert_int_equal(f->got[0].info.role, a);
	assert_int_equal(f->got[1].info.role, b);
	assert_int_equal(f->got[2].info.role, c);
}

static void digests_come_first_when_they_are_known(void **state)
{
	struct field f = { .quick = LARGE * 2, .conf.receivers = 1 };

	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_order(&f, JOBINFO_MANIFEST, JOBINFO_DIGESTS, JOBINFO_CONTENT);
	assert_tree_arrived(&f);
	assert_int_equal(job_n_files(f.job), 3);
	assert_int_equal(job_bytes(f.job), LARGE + 5);
	assert_int_equal(tx_status(f.tx).sent, job_total(f.job));
	field_fini(&f);
}

static void digests_follow_when_nobody_holds_anything(void **state)
{
	struct field f = { .quick = 0 };

	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_order(&f, JOBINFO_MANIFEST, JOBINFO_CONTENT, JOBINFO_DIGESTS);
	assert_tree_arrived(&f);
	field_fini(&f);
}

static void all_is_hashed_when_somebody_holds_something(void **state)
{
	struct field f = { .quick = 0, .holds = true };
	uint64_t done, total;

	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_order(&f, JOBINFO_MANIFEST, JOBINFO_DIGESTS, JOBINFO_CONTENT);
	assert_tree_arrived(&f);
	assert_false(job_hashing(f.job, &done, &total));
	assert_int_equal(done, total);
	/* the content was sent as it was asked for */
	assert_true(tx_status(f.tx).sent < LARGE);
	field_fini(&f);
}

/* As sow does at its end, but in the time to come: files that were changed just now are left
 * out. */
static void keep_digests(void)
{
	static const struct scan_conf sc;
	struct source_loss *losses = NULL;
	struct source_tree *t;
	struct digests *old;
	struct scan *scan;
	struct pack *pack;
	struct sums sums;

	assert_int_equal(scan_new(&scan, argv_tree, 1, &sc), 0);
	assert_int_equal(pack_new(&pack, scan), 0);
	assert_int_equal(sums_init(&sums, pack->m.n_chunks), 0);
	assert_int_equal(source_tree_new(&t, pack, &sums), 0);
	assert_true(source_tree_hash(t, UINT64_MAX, &losses) > 0);
	assert_int_equal(digests_load(&old, cache), 0);
	assert_int_equal(digests_save(old, cache, pack, &sums, clock_wall() + 10), 0);
	digests_free(old);
	source_tree_free(t);
	sums_fini(&sums);
	pack_free(pack);
	scan_free(scan);
}

static void unchanged_files_are_not_read_for_digests(void **state)
{
	struct field f = { .quick = 0, .cached = true };

	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_order(&f, JOBINFO_MANIFEST, JOBINFO_CONTENT, JOBINFO_DIGESTS);
	field_fini(&f);
	assert_int_equal(access(cache, F_OK), 0);
	keep_digests();
	f = (struct field){ .quick = 0, .cached = true };
	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_order(&f, JOBINFO_MANIFEST, JOBINFO_DIGESTS, JOBINFO_CONTENT);
	assert_tree_arrived(&f);
	field_fini(&f);
}

static void only_directories_and_empty_files(void **state)
{
	struct field f = { .quick = 0 };
	struct manifest m;

	unlink(large_path);
	argv_tree[0] = paths[0];
	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_ALL);
	assert_int_equal(f.n_objects, 1);
	decode(&f, &m);
	assert_int_equal(m.n_entries, 1);
	manifest_fini(&m);
	field_fini(&f);
}

static void what_changes_is_stored_by_nobody(void **state)
{
	for (unsigned first = 0; first <= 1; first++) {
		struct field f = { .quick = first ? LARGE * 2 : 0, .spoil = large_path };
		struct manifest m;

		put(large_path, large, LARGE);
		field_init(&f, argv_tree, 1, 64);
		assert_int_equal(run(&f), EXIT_PARTIAL);
		decode(&f, &m);
		assert_in_range(wrong_chunks(&f, &m), 1, 11);
		assert_int_equal(job_n_failed(f.job), 1);
		manifest_fini(&m);
		field_fini(&f);
	}
}

static void a_job_of_nothing_but_changes_ends(void **state)
{
	struct field f = { .spoil = large_path };
	char *argv[] = { large_path };

	field_init(&f, argv, 1, 64);
	assert_int_equal(run(&f), EXIT_PARTIAL);
	assert_int_equal(f.n_objects, 2);
	assert_true(f.got[1].aborted);
	assert_true(tx_status(f.tx).sent < LARGE / 4 * 3);
	field_fini(&f);
}

static void what_cannot_be_taken_makes_it_partial(void **state)
{
	struct field f = { .quick = LARGE * 2 };
	char fifo[100];

	snprintf(fifo, sizeof(fifo), "%s/fifo", tree);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	field_init(&f, argv_tree, 1, 64);
	assert_int_equal(run(&f), EXIT_PARTIAL);
	assert_tree_arrived(&f);
	field_fini(&f);
}

/* --- files by themselves --- */

static void plain_files_keep_their_order(void **state)
{
	struct field f = { .conf.profile = PROFILE_NORM };
	char *argv[] = { paths[7], paths[3], paths[0], large_path };

	field_init(&f, argv, 4, 64);
	run(&f);
	assert_int_equal(f.n_objects, 4);
	assert_string_equal(f.got[0].name, "file7");
	assert_string_equal(f.got[1].name, "file3");
	assert_string_equal(f.got[2].name, "file0");
	assert_true(f.got[3].plain && f.got[3].complete);
	assert_memory_equal(f.got[0].data, paths[7], 7);
	assert_memory_equal(f.got[1].data, paths[3], 3);
	assert_memory_equal(f.got[3].data, large, LARGE);
	assert_int_equal(job_largest(f.job), LARGE);
	field_fini(&f);
}

static void more_files_than_the_session_keeps(void **state)
{
	struct field f = { .conf.profile = PROFILE_NORM };

	field_init(&f, argv_small, N_SMALL, 4);
	assert_int_equal(run(&f), EXIT_ALL);
	for (unsigned i = 0; i < N_SMALL; i++)
		assert_true(f.got[i].complete);
	field_fini(&f);
}

static void a_plain_file_that_changes_is_withdrawn(void **state)
{
	struct field f = { .conf.profile = PROFILE_NORM, .spoil = large_path };
	char *argv[] = { large_path, paths[5] };

	field_init(&f, argv, 2, 64);
	put(paths[5], "longer than before", 18);
	assert_int_equal(run(&f), EXIT_PARTIAL);
	assert_true(f.got[0].aborted && !f.got[0].complete);
	assert_true(!f.got[1].complete);
	assert_int_equal(job_n_failed(f.job), 2);
	field_fini(&f);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	struct job_conf plain = { .segment = 5, .plain = true }, ours = { .segment = 100 };
	char absent[] = "/tmp/no/such/file", null[] = "/dev/null";
	char twice[128], *two[] = { paths[1], twice }, *one[1];
	struct job *j = NULL;

	one[0] = absent;
	assert_int_equal(job_new(&j, one, 1, &plain), -EINVAL);
	one[0] = null;
	assert_int_equal(job_new(&j, one, 1, &ours), -EINVAL);
	one[0] = tree;
	assert_int_equal(job_new(&j, one, 1, &plain), -EINVAL);
	one[0] = paths[10]; /* its name is of six letters */
	assert_int_equal(job_new(&j, one, 1, &plain), -EINVAL);
	assert_int_equal(job_new(&j, one, 1, &ours), -EINVAL);
	ours.segment = 113; /* a name of one letter: enough */
	assert_int_equal(job_new(&j, one, 1, &ours), 0);
	job_free(j);
	snprintf(twice, sizeof(twice), "%s/./file1", dir);
	assert_int_equal(job_new(&j, two, 2, &ours), -EINVAL);
}

/* Two machines, from different addresses, both with the receiver's id. */
static void clone_the_receiver(struct field *f)
{
	const char *const from[] = { "192.0.2.1", "192.0.2.2", "192.0.2.1" };
	struct tx_event ev = { .kind = TX_EV_FEEDBACK,
			       .node_id = tx_receiver(f->tx, 0).node_id };
	struct addr addr;

	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		assert_int_equal(addr_parse(&addr, from[i], 0), 0);
		listeners_note(f->who, &ev, &addr);
	}
}

static void the_receipt_decides(void **state)
{
	static const struct {
		uint8_t receipt;
		unsigned expected;
		bool interrupted, failed;
		int exit;
		bool astray, cloned;
	} cases[] = {
		{ RECEIPT_COMPLETE, 0, false, false, EXIT_ALL },
		{ RECEIPT_COMPLETE, 1, false, false, EXIT_ALL },
		{ RECEIPT_COMPLETE, 2, false, false, EXIT_PARTIAL },
		{ RECEIPT_COMPLETE, 1, false, false, EXIT_PARTIAL, .astray = true },
		{ RECEIPT_COMPLETE, 1, false, false, EXIT_PARTIAL, .cloned = true },
		{ RECEIPT_STUCK, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_PARTIAL, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_CORRUPT, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_REFUSED, 1, false, false, EXIT_PARTIAL },
		{ 99, 1, false, false, EXIT_PARTIAL },
		{ RECEIPT_PARTIAL, 1, true, false, EXIT_INTERRUPTED },
		{ RECEIPT_COMPLETE, 1, true, true, EXIT_SYSTEM },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field f = { .status = cases[i].receipt, .astray = cases[i].astray };
		struct report_now is;

		f.conf.receivers = cases[i].expected;
		f.conf.json = i % 2;
		field_init(&f, argv_small, 2, 64);
		transfer(&f);
		if (cases[i].cloned)
			clone_the_receiver(&f);
		is = at_the_end(&f);
		is.failed = cases[i].failed;
		is.interrupted = cases[i].interrupted;
		assert_int_equal(report_end(&f.report, &is), cases[i].exit);
		field_fini(&f);
	}
}

static void nobody_is_a_status_of_its_own(void **state)
{
	struct field f = {};
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

static void clones_that_speak_as_one_are_noticed(void **state)
{
	struct tx_event ev = { .kind = TX_EV_FEEDBACK, .node_id = 8 };
	struct addr a, port, b, c;
	struct listeners *l;

	assert_int_equal(addr_parse(&a, "192.0.2.1:99", 0), 0);
	assert_int_equal(addr_parse(&port, "192.0.2.1:98", 0), 0);
	assert_int_equal(addr_parse(&b, "192.0.2.2:99", 0), 0);
	assert_int_equal(addr_parse(&c, "192.0.2.3:99", 0), 0);
	assert_int_equal(listeners_new(&l, 3), 0);
	listeners_note(l, &ev, &a);
	listeners_note(l, &ev, &port);
	listeners_note(l, &ev, &b); /* it got another address, */
	listeners_note(l, &ev, &c); /* and another one */
	assert_false(listeners_find(l, 8)->ambiguous);
	listeners_note(l, &ev, &b);
	assert_true(listeners_find(l, 8)->ambiguous);

	ev = (struct tx_event){ .kind = TX_EV_RECEIPT, .node_id = 9 };
	listeners_note(l, &ev, &a);
	listeners_note(l, &ev, &a);
	assert_false(listeners_find(l, 9)->ambiguous);
	listeners_note(l, &ev, &b); /* a receipt of its own */
	assert_true(listeners_find(l, 9)->ambiguous);
	listeners_free(l);
}

static void failed_allocations_leave_nothing(void **state)
{
	struct job_conf jc = { .segment = E, .quick = LARGE };
	struct listeners *l = NULL;
	struct job *j = NULL;
	int r = -1;

	for (unsigned n = 1; r < 0; n++) {
		nomem_in = n;
		r = job_new(&j, argv_small, 3, &jc);
		assert_true(r == 0 || (r == -ENOMEM && !j));
		assert_in_range(n, 1, 60);
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
#define CASE(name) cmocka_unit_test_setup_teardown(name, put_files, remove_files)
	const struct CMUnitTest tests[] = {
		CASE(digests_come_first_when_they_are_known),
		CASE(digests_follow_when_nobody_holds_anything),
		CASE(all_is_hashed_when_somebody_holds_something),
		CASE(unchanged_files_are_not_read_for_digests),
		CASE(only_directories_and_empty_files),
		CASE(what_changes_is_stored_by_nobody),
		CASE(a_job_of_nothing_but_changes_ends),
		CASE(what_cannot_be_taken_makes_it_partial),
		CASE(plain_files_keep_their_order),
		CASE(more_files_than_the_session_keeps),
		CASE(a_plain_file_that_changes_is_withdrawn),
		CASE(what_cannot_be_sent_is_refused),
		CASE(the_receipt_decides),
		CASE(nobody_is_a_status_of_its_own),
		CASE(listeners_are_bounded_and_found),
		CASE(clones_that_speak_as_one_are_noticed),
		CASE(failed_allocations_leave_nothing),
	};

	int failed = 0;

	for (threads = 0; threads <= 2; threads++)
		failed += cmocka_run_group_tests_name("sowing", tests, fill_large, NULL);
	return failed;
}
