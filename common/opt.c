/* opt.c - one table of options: the command line, defaults, and what was wrong. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/opt_value.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long() returns for an option: its index, or that of its --no- form. */
#define VAL_OPT     0x1000
#define VAL_NOT     0x2000
#define VAL_BUILTIN 0x4000

const struct opt opt_builtins[OPT_N_BUILTINS] = {
	[OPT_CONFIG] = { "config", 0, "FILE", &opt_string,
			 .help = "read options from FILE, a line \"name = value\" each" },
	[OPT_HELP] = { "help", 'h', NULL, &opt_flag, .help = "this text" },
	[OPT_VERSION] = { "version", 'V', NULL, &opt_flag, .help = "the version" },
	[OPT_DUMP] = { "dump-options", 0, NULL, &opt_flag, .hidden = true },
};

int opt_fail(struct opt_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(run->error, sizeof(run->error), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool named(const struct opt *o, const char *name, size_t len)
{
	return o->name && strlen(o->name) == len && memcmp(o->name, name, len) == 0;
}

int opt_find(const struct opt_prog *prog, const char *name, size_t len)
{
	for (size_t i = 0; i < prog->n_opts; i++)
		if (named(&prog->opts[i], name, len))
			return (int)i;
	return -1;
}

enum opt_origin opt_origin(const struct opt_prog *prog, const struct opt_run *run,
			   const char *name)
{
	int i = opt_find(prog, name, strlen(name));

	return i < 0 ? OPT_UNSET : run->origin[i];
}

void opt_print(const struct opt *o, const void *conf, char *buf, size_t cap)
{
	o->type->print(o, (const char *)conf + o->offset, buf, cap);
}

static void accepts_choices(const struct opt *o, char *buf, size_t cap)
{
	size_t len = (size_t)snprintf(buf, cap, "give ");

	for (unsigned i = 0; o->choices[i] && len < cap; i++)
		len += (size_t)snprintf(buf + len, cap - len, "%s%s",
					i == 0              ? ""
					: o->choices[i + 1] ? ", "
							    : " or ",
					o->choices[i]);
}

/* A bound as the option's own type writes it. */
static void bound_text(const struct opt *o, uint64_t v, char *buf, size_t cap)
{
	struct opt no_word = *o;
	uint32_t narrow = (uint32_t)v;

	if (v == 0 && o->max == 0)
		return; /* no number, or no bound */
	no_word.zero = NULL;
	o->type->print(&no_word, o->type == &opt_u32 ? (void *)&narrow : (void *)&v, buf, cap);
}

void opt_accepts(const struct opt *o, char *buf, size_t cap)
{
	char lo[32] = "", hi[32] = "";
	size_t len;

	if (o->choices) {
		accepts_choices(o, buf, cap);
		return;
	}
	len = (size_t)snprintf(buf, cap, "give %s", o->type->hint);
	bound_text(o, o->min, lo, sizeof(lo));
	bound_text(o, o->max, hi, sizeof(hi));
	if (len < cap && o->max > 0)
		len += (size_t)snprintf(buf + len, cap - len, ", from %s to %s", lo, hi);
	else if (len < cap && o->min > 0)
		len += (size_t)snprintf(buf + len, cap - len, ", at least %s", lo);
	if (len < cap && o->zero)
		snprintf(buf + len, cap - len, ", or %s", o->zero);
}

static int bad_value(struct opt_run *run, const struct opt *o, const char *text,
		     const char *where, int r)
{
	char give[256];

	if (r == -E2BIG)
		return opt_fail(run, "%s%s %s: given more than %d times", where, o->name, text,
				OPT_LIST_MAX);
	opt_accepts(o, give, sizeof(give));
	if (r == -ERANGE)
		return opt_fail(run, "%s%s %s: out of range; %s", where, o->name, text, give);
	return opt_fail(run, "%s%s %s: not a %s; %s", where, o->name, *text ? text : "\"\"",
			o->type->noun, give);
}

int opt_store(const struct opt_prog *prog, void *conf, struct opt_run *run, unsigned i,
	      const char *text, enum opt_origin origin, const char *where)
{
	const struct opt *o = &prog->opts[i];
	int r;

	if (origin != OPT_DEFAULT) {
		if (run->origin[i] > origin)
			return 0; /* the command line goes before the file */
		if (run->origin[i] == origin && !o->type->repeats)
			return opt_fail(run, "%s%s %s: given twice", where, o->name, text);
	}
	r = o->type->parse(o, text, (char *)conf + o->offset);
	if (r < 0)
		return bad_value(run, o, text, where, r);
	run->origin[i] = origin;
	return 0;
}

/* Edit distance (Levenshtein), of names as short as ours. */
static unsigned distance(const char *a, size_t a_len, const char *b)
{
	unsigned row[65];
	size_t b_len = strlen(b);

	if (a_len > 64 || b_len > 64)
		return 64;
	for (unsigned j = 0; j <= b_len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[b_len];
}

/* The i-th name that may be meant: the program's own, and in arguments those of every program;
 * "" for a heading, NULL at the end. */
static const char *name_at(const struct opt_prog *prog, bool args, size_t i)
{
	const struct opt *o;

	if (i >= prog->n_opts + (args ? OPT_N_BUILTINS : 0))
		return NULL;
	o = i < prog->n_opts ? &prog->opts[i] : &opt_builtins[i - prog->n_opts];
	return o->name && !o->hidden ? o->name : "";
}

int opt_unknown(const struct opt_prog *prog, struct opt_run *run, const char *where,
		const char *name, size_t len)
{
	const char *best = NULL, *longer[2] = { NULL, NULL }, *at;
	bool args = strcmp(where, "--") == 0;
	const char *dash = args ? "--" : "";
	unsigned least = 3, n_longer = 0; /* further off than two letters is no help */

	for (size_t i = 0; (at = name_at(prog, args, i)); i++) {
		unsigned d = distance(name, len, at);

		if (len > 0 && n_longer < 2 && strncmp(at, name, len) == 0)
			longer[n_longer++] = at;
		if (*at && d < least && d < len) {
			best = at;
			least = d;
		}
	}
	if (n_longer == 2)
		return opt_fail(run, "%s%.*s: not one option; did you mean %s%s or %s%s?",
				where, (int)len, name, dash, longer[0], dash, longer[1]);
	if (!best)
		best = longer[0];
	if (best)
		return opt_fail(run, "%s%.*s: unknown option; did you mean %s%s?", where,
				(int)len, name, dash, best);
	return opt_fail(run, "%s%.*s: unknown option; see --help", where, (int)len, name);
}

/* What getopt_long() needs, made of the table. */
struct getopt_table {
	struct option longs[2 * OPT_MAX + OPT_N_BUILTINS + 1];
	char letters[2 * (OPT_MAX + OPT_N_BUILTINS) + 2];
	char negated[OPT_MAX][40];
	unsigned n_longs, n_letters;
};

static void add_name(struct getopt_table *t, const char *name, bool flag, int val)
{
	t->longs[t->n_longs++] = (struct option){
		.name = name,
		.has_arg = flag ? no_argument : required_argument,
		.val = val,
	};
}

static void add_option(struct getopt_table *t, const struct opt *o, int val)
{
	add_name(t, o->name, o->type->flag, val);
	if (o->letter)
		t->letters[t->n_letters++] = o->letter;
	if (o->letter && !o->type->flag)
		t->letters[t->n_letters++] = ':';
}

static void make_table(const struct opt_prog *prog, struct getopt_table *t)
{
	t->letters[t->n_letters++] = ':'; /* tell a missing value from an unknown option */
	for (unsigned i = 0; i < prog->n_opts; i++) {
		const struct opt *o = &prog->opts[i];

		if (!o->name)
			continue;
		add_option(t, o, VAL_OPT + (int)i);
		if (!o->negatable)
			continue;
		snprintf(t->negated[i], sizeof(t->negated[i]), "no-%s", o->name);
		add_name(t, t->negated[i], true, VAL_NOT + (int)i);
	}
	for (int i = 0; i < OPT_N_BUILTINS; i++)
		add_option(t, &opt_builtins[i], VAL_BUILTIN + i);
}

/* getopt's value for a letter is the letter: the option's own value instead, 0 for none. */
static int val_of(const struct opt_prog *prog, int c)
{
	if (c >= VAL_OPT)
		return c;
	for (unsigned i = 0; i < prog->n_opts; i++)
		if (prog->opts[i].name && prog->opts[i].letter == c)
			return VAL_OPT + (int)i;
	for (int i = 0; i < OPT_N_BUILTINS; i++)
		if (opt_builtins[i].letter == c)
			return VAL_BUILTIN + i;
	return 0;
}

static const struct opt *opt_of(const struct opt_prog *prog, int val)
{
	return val & VAL_BUILTIN ? &opt_builtins[val & ~VAL_BUILTIN]
				 : &prog->opts[val & ~(VAL_OPT | VAL_NOT)];
}

/* getopt_long() said '?' or ':'. */
static int bad_option(const struct opt_prog *prog, struct opt_run *run, int c, char **argv)
{
	int val = optopt ? val_of(prog, optopt) : 0;
	char give[256];

	if (c == ':' && val) {
		opt_accepts(opt_of(prog, val), give, sizeof(give));
		return opt_fail(run, "--%s: needs a value; %s", opt_of(prog, val)->name, give);
	}
	if (val)
		return opt_fail(run, "--%s%s: takes no value", val & VAL_NOT ? "no-" : "",
				opt_of(prog, val)->name);
	if (optopt)
		return opt_fail(run, "-%c: unknown option; see --help", optopt);
	const char *name = argv[optind - 1] + 2;
	return opt_unknown(prog, run, "--", name, strcspn(name, "="));
}

static int builtin(const struct opt_prog *prog, struct opt_run *run, int which,
		   const char **config)
{
	switch ((enum opt_builtin)which) {
	case OPT_CONFIG:
		if (*config)
			return opt_fail(run, "--config %s: given twice", optarg);
		*config = optarg;
		return 0;
	case OPT_HELP:
		opt_help(prog, stdout);
		return 1;
	case OPT_VERSION:
		printf("%s %s\n", prog->name, prog->version);
		return 1;
	case OPT_DUMP:
		opt_dump(prog, stdout);
		return 1;
	case OPT_N_BUILTINS:
		break;
	}
	return -EINVAL;
}

static int parse_args(const struct opt_prog *prog, void *conf, int argc, char **argv,
		      struct opt_run *run, const char **config)
{
	struct getopt_table t = { .n_longs = 0 };
	int c, val, r = 0;

	make_table(prog, &t);
	optind = 0; /* glibc and musl: forget an earlier run */
	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return bad_option(prog, run, c, argv);
		val = val_of(prog, c);
		if (val & VAL_BUILTIN)
			r = builtin(prog, run, val & ~VAL_BUILTIN, config);
		else
			r = opt_store(prog, conf, run, (unsigned)(val & ~(VAL_OPT | VAL_NOT)),
				      optarg          ? optarg
				      : val & VAL_NOT ? "no"
						      : "yes",
				      OPT_FROM_ARGS, "--");
	}
	run->first = optind;
	return r;
}

/* Given, and not a flag that says no. */
static bool is_on(const struct opt_prog *prog, const struct opt_run *run, const void *conf,
		  int i)
{
	const struct opt *o;

	if (i < 0 || run->origin[i] < OPT_FROM_FILE)
		return false;
	o = &prog->opts[i];
	return !o->type->flag || *(const bool *)((const char *)conf + o->offset);
}

static int contradictions(const struct opt_prog *prog, const void *conf, struct opt_run *run)
{
	for (int i = 0; i < (int)prog->n_opts; i++) {
		const char *const *other = prog->opts[i].against;

		for (; other && *other && is_on(prog, run, conf, i); other++)
			if (is_on(prog, run, conf, opt_find(prog, *other, strlen(*other))))
				return opt_fail(run, "--%s and --%s contradict each other",
						prog->opts[i].name, *other);
	}
	return 0;
}

int opt_parse(const struct opt_prog *prog, void *conf, int argc, char **argv,
	      struct opt_run *run)
{
	const char *config = NULL;
	int r = 0;

	assert(prog->n_opts <= OPT_MAX);
	*run = (struct opt_run){ .first = argc };
	for (unsigned i = 0; r == 0 && i < prog->n_opts; i++)
		if (prog->opts[i].name && prog->opts[i].dflt)
			r = opt_store(prog, conf, run, i, prog->opts[i].dflt, OPT_DEFAULT,
				      "default of --");
	if (r == 0)
		r = parse_args(prog, conf, argc, argv, run, &config);
	if (r == 0 && config)
		r = opt_read_file(prog, conf, run, config);
	if (r == 0)
		r = contradictions(prog, conf, run);
	return r;
}

void opt_fini(struct opt_run *run)
{
	free(run->file_text);
	run->file_text = NULL;
}
