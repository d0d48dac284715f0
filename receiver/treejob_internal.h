/* treejob_internal.h - the job of one session, shared by the files treejob*.c and by nobody
 * else.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TREEJOB_INTERNAL_H
#define RECEIVER_TREEJOB_INTERNAL_H

#include "receiver/map.h"
#include "receiver/parts.h"
#include "receiver/sink_memory.h"
#include "receiver/tree.h"
#include "receiver/treejob.h"

#define TREEJOB_MANIFEST_MAX ((uint64_t)256 << 20) /* bytes, as it comes and unpacked */
#define TREEJOB_MEMORY_MAX   ((size_t)2 << 30)     /* bytes, decoded, with all that follows */
#define TREEJOB_ENTRIES_MAX  4000000
#define TREEJOB_TEXT         200
#define TREEJOB_INPLACE                                                                        \
	"no space for a second copy beside it; --inplace would change the file itself"

/*
 *	MANIFEST --complete--> CHECKING --it can be stored--> OPEN
 *	                        |   \__the stage is in use--> WAITING --time--> CHECKING
 *	                        \__it can not--> DONE
 *	OPEN --digests and content complete--> VERIFYING --all good, or asked for too often-->
 *	SWITCHING --> DONE
 *	VERIFYING --some chunks are bad: they are asked for again--> OPEN
 *	OPEN, of unknown size --all parts verified--> SWITCHING
 *	any --treejob_stop(), an object aborted--> DONE
 */
enum treejob_state {
	TREEJOB_MANIFEST,
	TREEJOB_CHECKING,
	TREEJOB_WAITING,
	TREEJOB_OPEN,
	TREEJOB_VERIFYING,
	TREEJOB_SWITCHING,
	TREEJOB_DONE,
};

/* One of its objects. */
struct treejob_part {
	bool offered, accepted, complete, released;
	uint64_t object, size;
	uint8_t digest[SHA256_LEN]; /* MANIFEST: the job's id */
	uint64_t raw_size;          /* MANIFEST: unpacked; 0: it is not packed */
};

struct treejob_map {
	struct map_range *ranges;
	uint32_t n, cap;
};

/* What goes to standard output. */
struct treejob_pour {
	bool busy, ended; /* busy: the pourer has it */
	struct finish finish;
	nsec_t at;
	atomic_bool stop;
	atomic_ullong done; /* bytes that went out */
	/* The pourer's while `busy`. */
	uint64_t limit;   /* of a job of unknown size: what is verified */
	uint64_t front;   /* up to which all content is stored for good */
	uint64_t punched; /* so much of the spool makes room */
	uint32_t run;     /* the next one of the file */
	uint8_t *buf;
	int error;
};

struct treejob {
	struct treejob_conf conf;
	enum treejob_state state;
	struct treejob_part part[JOBINFO_CONTENT + 1]; /* by enum jobinfo_role */
	struct sink_memory memory[JOBINFO_CONTENT];    /* of manifest and digests */
	struct sink content;
	atomic_ullong written;           /* bytes of the content, in this run */
	struct parts parts;              /* instead, if its size is not known */
	bool hopeless;                   /* whoever comes later cannot go on with it */
	char name[JOBINFO_NAME_MAX + 1]; /* of the job, as the sender calls it */
	uint8_t id[SHA256_LEN];
	nsec_t retry_at;      /* WAITING */
	uint8_t *asked;       /* how often each chunk was asked for again; NULL: none was */
	bool hooking;         /* the hook runs */
	bool refused, drop;   /* `drop`: the stage is of no use */
	const char *stopping; /* why nothing more will come; NULL: it will */
	atomic_bool stop;     /* as soon as can be */

	bool holds;    /* something may be here already, */
	bool tells;    /* ... which is worth that the sender reads all before it sends */
	uint64_t held; /* bytes of the content that were */

	/* The looker's while `looking`. */
	bool looking, look_more;
	struct finish look;
	struct have *have;

	struct treejob_map map; /* what an earlier run left, until the content is accepted */
	bool expanding;         /* chunks go from the spool to their places: the looker's */
	struct finish expand;

	/* The looker's while `saving`. */
	bool saving, save_told;
	struct finish save;
	struct treejob_map saved;
	int save_error;
	nsec_t save_at;
	uint64_t save_from; /* of `written` */

	struct treejob_pour pour; /* to standard output */

	/* The finisher's while `out`. */
	bool out;
	struct finish finish;
	bool decoded; /* `manifest` is there */
	struct manifest manifest;
	struct device device;        /* the output, if it is one; fd -1: not open */
	unsigned tries;              /* to open it */
	struct tree *tree;           /* NULL: nothing may be stored yet */
	int error;                   /* of the request */
	char text[TREEJOB_TEXT + 1]; /* CHECKING: why not */
	struct tree_result result;   /* SWITCHING */
};

/* treejob.c: tells the session whether it is known yet what to ask for. */
void treejob_set_busy(struct treejob *tj, nsec_t now);
/* ... and gives the finisher something to do. */
void treejob_submit(struct treejob *tj, void (*serve)(struct finish *f));

/* treejob_task.c: what the finisher does. */
void treejob_check(struct finish *f);
void treejob_expect(struct finish *f);
void treejob_verify(struct finish *f);
void treejob_switch(struct finish *f);
void treejob_drop(struct finish *f);

/* treejob_parts.c: a job of unknown size, */
bool treejob_is_open(const struct treejob *tj);
bool treejob_is_part(const struct treejob *tj, uint64_t object);
void treejob_offer_part(struct treejob *tj, nsec_t now, const struct jobinfo *info,
			const struct rx_event *ev);
void treejob_advance_parts(struct treejob *tj, nsec_t now);
void treejob_part_verified(struct treejob *tj, nsec_t now);

/* treejob_pour.c: to standard output; `pour.at` is when to go on. */
bool treejob_is_pour(const struct treejob *tj);
void treejob_pour(struct treejob *tj, nsec_t now);
void treejob_poured(struct treejob *tj, nsec_t now);
void treejob_deliver_out(struct treejob *tj, nsec_t now);

/* treejob_look.c: what is here already, */
void treejob_look(struct treejob *tj);
void treejob_looked(struct treejob *tj, nsec_t now);
void treejob_load_map(struct treejob *tj);
void treejob_hold_all(struct treejob *tj, nsec_t now);
/* What came compressed goes to its place. */
void treejob_expand(struct treejob *tj);
/* ... and what shall be known of it in the next run. */
void treejob_save(struct treejob *tj, nsec_t now);
void treejob_saved(struct treejob *tj);
void treejob_save_last(struct treejob *tj);

/* treejob_end.c: what came of it is told, and it is DONE. */
void treejob_fail(struct treejob *tj, nsec_t now, enum file_status status, int error,
		  const char *reason);
void treejob_delivered(struct treejob *tj, nsec_t now);

#endif
