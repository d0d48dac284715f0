/* sow_rig.h - sow's job with a sending session, and a receiver that keeps all of it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_SOW_RIG_H
#define TESTS_UNIT_SOW_RIG_H

#include "tests/unit/unit.h"

#include "proto/rx.h"
#include "proto/wire.h"
#include "sender/feeder.h"
#include "sender/report.h"

#define E       1000
#define LARGE   (3 << 20)
#define N_SMALL 40
#define OBJECTS 64

extern char dir[]; /* of all that follows */
extern char paths[N_SMALL][64];
extern char *argv_small[N_SMALL], *argv_tree[1];
extern char tree[64], large_path[80], cache[64];
extern uint8_t large[LARGE];
extern unsigned threads; /* every test is run without and with some */

void put(const char *path, const void *data, size_t len);
/* Small files beside each other, and a tree with a large one; for each test. */
int put_files(void **state);
int remove_files(void **state);
/* For all of them. */
int fill_large(void **state);

/* What the receiver has of an object. */
struct got {
	uint8_t *data;
	uint64_t size;
	struct jobinfo info;
	char name[64];
	bool plain, complete, aborted;
};

/* A sender with its job and a receiver; no loss, a virtual clock. */
struct field {
	struct conf conf;
	struct netplan plan;
	uint64_t quick;
	bool cached;
	const char *input; /* standard input is sent, as this */
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
	bool astray;    /* ... which is of another job */
	bool holds;     /* it says so */
	struct got got[OBJECTS];
	unsigned n_objects;
	const char *spoil; /* a file to change when the content's first data were read */
	unsigned n_reads;  /* of packets that the sender sent when that came */
};

void field_init(struct field *f, char *const *argv, unsigned n, unsigned max_objects);
void field_fini(struct field *f);

/* Until the session has ended. */
void transfer(struct field *f);
struct report_now at_the_end(const struct field *f);
/* Both, and the exit status. */
int run(struct field *f);

#endif
