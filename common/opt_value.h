/* opt_value.h - inside opt: one value of one option, and what to say when it is bad. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_OPT_VALUE_H
#define COMMON_OPT_VALUE_H

#include "common/opt.h"

/* The options that every program has, before the table's own. */
enum opt_builtin { OPT_CONFIG, OPT_HELP, OPT_VERSION, OPT_DUMP, OPT_N_BUILTINS };
extern const struct opt opt_builtins[OPT_N_BUILTINS];

/* The index in the table, or -1. */
int opt_find(const struct opt_prog *prog, const char *name, size_t len);

/*
 * Stores a value. `where` stands before the option in the error line: "--", or "FILE:3: ".
 * 0, or -EINVAL and run->error.
 */
int opt_store(const struct opt_prog *prog, void *conf, struct opt_run *run, unsigned i,
	      const char *text, enum opt_origin origin, const char *where);

/* run->error = the text; always -EINVAL. */
int opt_fail(struct opt_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "unknown option", with the nearest name there is. -EINVAL. */
int opt_unknown(const struct opt_prog *prog, struct opt_run *run, const char *where,
		const char *name, size_t len);

/* "give ..." for this option. */
void opt_accepts(const struct opt *o, char *buf, size_t cap);

/* Reads the configuration file (opt_file.c). 0, or -EINVAL and run->error. */
int opt_read_file(const struct opt_prog *prog, void *conf, struct opt_run *run,
		  const char *path);

#endif
