/* listeners.h - what we know of each receiver beyond its node id: address, name, receipt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_LISTENERS_H
#define SENDER_LISTENERS_H

#include "common/addr.h"
#include "common/json.h"
#include "proto/tx.h"

/* Texts are as they came: not terminated, of any bytes but 0. */
struct listener {
	uint32_t node_id;
	struct addr addr;  /* where it was heard from last, */
	struct addr other; /* and before it had this address */
	bool ambiguous;    /* two machines speak as one: clones of one on which reap ran */
	bool stranger;     /* it is not one of those that shall get it */
	bool announced;
	struct announce self; /* the last one; its texts are the next two */
	char host[CENSUS_HOST_MAX], version[CENSUS_VERSION_MAX];
	bool has_receipt;
	struct receipt receipt; /* its text: NULL, see below */
	char text[CENSUS_TEXT_MAX];
	size_t text_len;
	bool has_report;
	struct rx_report last; /* the last REPORT */
};

struct listeners;

/* Of at most `cap` receivers. -ENOMEM. */
int listeners_new(struct listeners **ret, unsigned cap);
void listeners_free(struct listeners *l);

/* An event of the session that came from this address; more than `cap` are not remembered. */
void listeners_note(struct listeners *l, const struct tx_event *ev, const struct addr *from);

void listeners_set_stranger(struct listeners *l, uint32_t node_id);

/* NULL: never heard, or forgotten. */
const struct listener *listeners_find(const struct listeners *l, uint32_t node_id);

/* Whether that is its host name: "pc1" is "PC1.example.org", too. */
bool listener_has_name(const struct listener *li, const char *name, size_t len);
/* ... or its node, or its address. */
bool listener_is(const struct listener *li, const char *text, size_t len);

/* Its node, host name and address, and what else it announced, as members of an event. */
void listener_tell(const struct listener *li, struct json *j);
void listener_tell_self(const struct listener *li, struct json *j);

/* "HOST (ADDRESS)" for a terminal: nothing in it controls one. Cut at `cap`. Returns buf. */
const char *listener_label(const struct listener *li, char *buf, size_t cap);

#endif
