/* opt_help.c - the table of options as text, for people and for scripts. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/opt_value.h"

#include <string.h>

#define HELP_COLUMN 30

static void help_line(const struct opt *o, FILE *out)
{
	char left[96];
	int n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ",
			 o->negatable ? "[no-]" : "", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");

	if (n >= HELP_COLUMN - 1)
		fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
	else
		fprintf(out, "%-*s", HELP_COLUMN, left);
	fprintf(out, "%s", o->help);
	if (o->dflt && !o->type->flag)
		fprintf(out, " [%s]", o->dflt);
	fputc('\n', out);
}

void opt_help(const struct opt_prog *prog, FILE *out)
{
	fprintf(out, "Usage: %s %s\n%s\n", prog->name, prog->synopsis, prog->about);
	for (size_t i = 0; i < prog->n_opts; i++) {
		const struct opt *o = &prog->opts[i];

		if (!o->name)
			fprintf(out, "\n%s:\n", o->help);
		else if (!o->hidden)
			help_line(o, out);
	}
	fprintf(out, "\nThis program:\n");
	for (size_t i = 0; i < OPT_N_BUILTINS; i++)
		if (!opt_builtins[i].hidden)
			help_line(&opt_builtins[i], out);
}

static void dump_line(const struct opt *o, FILE *out)
{
	fprintf(out, "%s\t%c\t%s\t%s\t%s\t%s\n", o->name, o->letter ? o->letter : '-',
		o->arg ? o->arg : "-", o->dflt ? o->dflt : "-",
		o->negatable       ? "negatable"
		: o->type->flag    ? "flag"
		: o->type->repeats ? "repeatable"
				   : "-",
		o->help);
}

void opt_dump(const struct opt_prog *prog, FILE *out)
{
	for (size_t i = 0; i < prog->n_opts; i++)
		if (prog->opts[i].name && !prog->opts[i].hidden)
			dump_line(&prog->opts[i], out);
	for (size_t i = 0; i < OPT_N_BUILTINS; i++)
		if (!opt_builtins[i].hidden)
			dump_line(&opt_builtins[i], out);
}
