/* scenario.h - what happens in one simulation: a row of a table. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "proto/tx.h"
#include "tests/sim/link.h"

/* What every host that lives must have in the end. */
enum expect {
	EXPECT_COMPLETE, /* every object that was not withdrawn, and the sender knows it */
	EXPECT_GONE,     /* heard in time that the sender is gone */
	EXPECT_REPORT,   /* any end that it reports */
	EXPECT_ANYTHING, /* forged data may spoil everything but what holds after each step */
};

/* What strangers throw in. */
enum hostile {
	HOSTILE_FEEDBACK = 1 << 0, /* floods of well-formed NACK and ACK to the sender */
	HOSTILE_GARBAGE = 1 << 1,  /* random bytes to everyone */
	HOSTILE_FLIPS = 1 << 2,    /* copies of real packets with some bits turned */
	HOSTILE_INSIDER = 1 << 3,  /* floods of NACK in the name of real receivers */
};

/*
 * 0 or NULL where a field does not matter; "by the seed" where a number is drawn. Points in
 * time that hang on progress are fractions of all object bytes sent for the first time.
 */
struct scenario {
	const char *name;
	unsigned share; /* runs of this one among 100 when all are run; 0: 30 */
	enum expect expect;

	unsigned n_hosts; /* 1 .. n_hosts by the seed */
	bool exact;       /* n_hosts as it is */
	unsigned n_senders;

	unsigned n_objects;
	uint64_t size_min, size_max; /* bytes of an object, by the seed */
	bool edges;                  /* sizes at the edges of segments and blocks instead */

	/* A job: the first objects are settled before the others come, of which hosts have
	 * something. */
	unsigned n_settled;
	uint64_t first_size;   /* of the first object; 0: as the others */
	bool early;            /* they are here before the others were sent once */
	bool near;             /* they are on one LAN */
	bool asked;            /* the others are sent only as far as they are asked for */
	double held;           /* of them each host has this part, */
	uint64_t piece;        /* by pieces of so many bytes, by the seed, */
	bool held_alike;       /* all hosts the same ones, */
	unsigned n_empty;      /* and the first hosts nothing */
	nsec_t busy;           /* hosts look for it so long */
	unsigned n_wrong;      /* ranges that prove wrong when an object is complete */
	double union_overhead; /* bytes for each byte that some host lacks, at most; 0: not
				  looked at */

	enum tx_profile profile;
	uint8_t fec_id;        /* 0: by the seed */
	uint16_t segment_size; /* 0: by the seed, as the next two */
	uint16_t block_len, n_parity;
	uint16_t large_len;  /* large blocks of up to so many symbols; 0: small blocks */
	uint64_t rate;       /* 0: by the seed */
	bool rate_auto;      /* it is only where the rate begins; up to 50 times that */
	bool rate_cc;        /* the same by congestion control */
	unsigned tx_blocks;  /* memory of the sender in blocks; 0: plenty */
	unsigned rx_blocks;  /* of a receiver */
	unsigned tx_objects; /* tx_conf.max_objects */
	nsec_t drop_after, inactivity;

	struct link_conf down, up; /* delay 0: half a millisecond */
	double common_loss;        /* lost before the paths part */
	bool feedback_group;       /* the others hear feedback */
	nsec_t work_delay;         /* requests come back after 0 .. this; 0: in line */

	unsigned n_late; /* hosts that come at late_at */
	double late_at;
	unsigned n_dying; /* hosts that fall silent at dying_at */
	double dying_at;
	unsigned n_refusing; /* hosts that refuse every object */
	unsigned n_slow;     /* hosts behind a link like this */
	struct link_conf slow;
	nsec_t others_by; /* from its start on, until the others have everything; 0: any */
	double sender_dies_at, withdraw_at, abort_at, slow_at;
	bool late_info; /* the digest comes after the last byte */
	unsigned hostile;
	nsec_t hostile_until; /* 0: to the end */
	nsec_t limit;         /* of virtual time; 0: 60 s */
	double nacks_a_block; /* NACKs of all hosts for each block and object; 0: 8 */
	double overhead;      /* packets for each source packet, at most; 0: not looked at */
};

extern const struct scenario scenarios[];
extern const unsigned n_scenarios;
const struct scenario *scenario_find(const char *name);

/* The scenario with all that the seed decides filled in. */
struct scenario scenario_draw(const struct scenario *sc, uint64_t seed);

#endif
