/* opt.h - one table of options: command line, configuration file, --help and the rest. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_OPT_H
#define COMMON_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A program describes its options in one constant table and its settings in one struct:
 *
 *	static const struct opt opts[] = {
 *		{ .help = "Network" },
 *		{ "group", 'g', "ADDR[:PORT]", &opt_string, offsetof(struct conf, group),
 *		  .help = "multicast group" },
 *		{ "rate", 0, "RATE", &opt_rate, offsetof(struct conf, rate), .zero = "auto",
 *		  .dflt = "auto", .help = "bits a second on the wire" },
 *		{ "loop", 0, NULL, &opt_flag, offsetof(struct conf, loop), .negatable = true,
 *		  .dflt = "yes", .help = "receivers on this host hear it too" },
 *	};
 *
 * --config FILE, --help, --version and --dump-options come by themselves. In the file each
 * option is a line "name = value" (a flag: "name" or "name = yes|no"), # starts a comment; what
 * the command line says goes before what the file says.
 */
struct opt;

/* A kind of value. Programs may add their own. */
struct opt_type {
	const char *noun; /* "not a %s": "rate" */
	const char *hint; /* "give %s": "bits a second with K, M or G, such as 950M" */
	bool flag;        /* takes no argument on the command line */
	bool repeats;     /* may be given several times */
	/* Stores the value of `text` at `dst`: 0; -EINVAL: not such a value; -ERANGE: outside
	 * the bounds; -E2BIG: one too many. `text` lives as long as struct opt_run. */
	int (*parse)(const struct opt *o, const char *text, void *dst);
	/* Writes the value so that parse() would take it; cut at `cap`. */
	void (*print)(const struct opt *o, const void *src, char *buf, size_t cap);
};

struct opt {
	const char *name; /* NULL: a heading in --help, its text is `help` */
	char letter;      /* 0: none */
	const char *arg;  /* what --help calls the value; NULL for a flag */
	const struct opt_type *type;
	size_t offset; /* of the member in the program's struct */
	const char *help;
	const char *dflt;           /* stored before anything is parsed; NULL: leave it */
	const char *zero;           /* numbers: the word that stands for 0, such as "auto" */
	uint64_t min, max;          /* numbers, in the stored unit; max 0: no bound */
	const char *const *choices; /* opt_enum: ended by NULL */
	const char *const *against; /* names of options that contradict this; ended by NULL */
	bool negatable;             /* a flag that also has --no-NAME */
	bool hidden;                /* not in --help */
};

/* A list of values as they were given. */
#define OPT_LIST_MAX 64
struct opt_list {
	unsigned n;
	const char *items[OPT_LIST_MAX];
};

/* The member that each type stores into. */
extern const struct opt_type opt_flag;     /* bool */
extern const struct opt_type opt_string;   /* const char *; not empty */
extern const struct opt_type opt_strings;  /* struct opt_list, repeatable */
extern const struct opt_type opt_enum;     /* int: index into choices */
extern const struct opt_type opt_u32;      /* uint32_t */
extern const struct opt_type opt_u64;      /* uint64_t */
extern const struct opt_type opt_size;     /* uint64_t bytes; K = 1024 */
extern const struct opt_type opt_rate;     /* uint64_t bits a second; K = 1000 */
extern const struct opt_type opt_duration; /* int64_t ns; "1.5", "300ms", "2m", "1h" */

struct opt_prog {
	const char *name;     /* "sow" */
	const char *synopsis; /* "[options] FILE..." */
	const char *about;    /* a line or more for --help */
	const char *version;
	const struct opt *opts;
	size_t n_opts;
};

/* Where a parsed option came from. */
enum opt_origin { OPT_UNSET, OPT_DEFAULT, OPT_FROM_FILE, OPT_FROM_ARGS };

#define OPT_MAX       128
#define OPT_ERROR_MAX 512

/* What one run of the parser leaves; strings in the settings live as long as this. */
struct opt_run {
	int first; /* index of the first operand in argv, which was reordered */
	enum opt_origin origin[OPT_MAX];
	char error[OPT_ERROR_MAX]; /* one line: option, value, what is accepted */
	char *file_text;
};

/*
 * Fills `conf` from the defaults, the configuration file and the command line. 0: go on; 1:
 * --help and the like were answered on stdout, exit 0; -EINVAL: say run->error and exit 1.
 * opt_fini(run) in every case.
 */
int opt_parse(const struct opt_prog *prog, void *conf, int argc, char **argv,
	      struct opt_run *run);
void opt_fini(struct opt_run *run);

/* Where the option's value came from; OPT_UNSET also for a name that is not in the table. */
enum opt_origin opt_origin(const struct opt_prog *prog, const struct opt_run *run,
			   const char *name);

/* The value that `conf` holds, as it could be given on the command line. Cut at `cap`. */
void opt_print(const struct opt *o, const void *conf, char *buf, size_t cap);

/* --help. */
void opt_help(const struct opt_prog *prog, FILE *out);

/*
 * --dump-options: a line for each option that --help shows, of fields between tabs: name,
 * letter or -, argument or -, default or -, "flag", "negatable", "repeatable" or -, help.
 */
void opt_dump(const struct opt_prog *prog, FILE *out);

#endif
