/* field.h - a sender session that sends a job, and one of reap's sessions that receives it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_FIELD_H
#define TESTS_UNIT_FIELD_H

#include "proto/tx.h"
#include "receiver/session.h"
#include "tests/unit/crop.h"

/* A part of a job of unknown size, as it is sent. */
struct field_part {
	const uint8_t *data;
	uint64_t offset, len, size;
	bool last;            /* the file has `size` bytes */
	enum jobinfo_role as; /* FILE: a part */
};

struct field_conf {
	int dirfd;               /* of the output directory, */
	const struct output *to; /* ... or all that is to know of the output */
	unsigned threads;        /* that serve chores */
	double loss;             /* of packets, both ways */
	bool digests_first;
	bool asked;         /* ... and of the content only what is asked for */
	uint64_t rate;      /* bytes a second; 0: 100 MB */
	bool large;         /* blocks of the large code */
	bool packed;        /* the manifest is compressed */
	uint64_t wrong;     /* this byte of its object is sent wrong ... */
	unsigned wrongs;    /* ... so many times */
	bool at_once;       /* nothing waits until the manifest is confirmed */
	uint8_t wrong_job;  /* added to the id of the job in the INFO of the content */
	const char *hook;   /* a command; NULL: none */
	const char *output; /* path of dirfd, for the hook */
	uint64_t max_size;
	const struct field_part *parts; /* instead of digests and content; NULL: those */
	unsigned n_parts;
	bool endless; /* no more is said behind them */
	struct have_from from;
};

/* A virtual clock for both; the finisher is real. */
struct field {
	struct field_conf conf;
	const struct crop *crop;
	struct tx *tx;
	struct session *session;
	struct session_conf sc;
	struct output output;
	struct chores chores;
	struct report report;
	struct udp_in_counters net;
	struct limits limits;
	struct loop *loop;
	struct rng rng;
	nsec_t now;
	bool mute; /* the sender is not heard any more */
	unsigned step;
	const uint8_t *data[8]; /* of the objects, by their numbers */
	uint64_t content;       /* the number of the content */
	uint8_t *packed;
	uint64_t sent; /* bytes of content that left */
	int receipt;   /* status; -1: none came */
	struct receipt is;
	char reason[CENSUS_TEXT_MAX + 1];
};

void field_init(struct field *f, const struct crop *crop, const struct field_conf *conf);
/* The exit status. */
int field_fini(struct field *f);

void field_step(struct field *f);
/* Until the receiver's session is over. */
void field_run(struct field *f);
/* Until so many object bytes are complete at the receiver. */
void field_until(struct field *f, uint64_t bytes);

#endif
