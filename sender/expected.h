/* expected.h - the receivers that shall get it, by host name or address, and who of them came.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_EXPECTED_H
#define SENDER_EXPECTED_H

#include "common/opt.h"
#include "sender/listeners.h"

struct expected;

/* Nobody yet. -ENOMEM, logged. */
int expected_new(struct expected **ret);
void expected_free(struct expected *e);

/* A name or address. 0, or -EINVAL, -ENOMEM, logged as below. */
int expected_add(struct expected *e, const char *name);

/*
 * Each item is names between commas, or @FILE: a name, or some, a line, # begins a comment.
 * What reads as an address is one. A name given twice counts once. -EINVAL: no such file, no
 * name in all, more than RECEIVERS_MAX, a name too long: logged as a mistake of --to. -ENOMEM,
 * logged.
 */
int expected_read(struct expected *e, const struct opt_list *lists);

/* Whether a receiver is one of them, by its address or the name that it gives: "pc1" is
 * "PC1.example.org", too. If so, it came. */
bool expected_came(struct expected *e, const struct listener *li);

unsigned expected_n(const struct expected *e);
unsigned expected_n_absent(const struct expected *e);
/* The next one that did not come, from *i on, which is moved behind it; NULL: none. */
const char *expected_absent(const struct expected *e, unsigned *i);

#endif
