/* scaletest.c - large groups: a small one that must stay within bounds, or a case, or a table.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/scale.h"

#define MS    NSEC_PER_MSEC
#define LARGE 8000 /* source symbols of a large block */

/* What a figure must not exceed; 0: not looked at. */
struct limits {
	double ratio, nacks, peak; /* nacks: a block, after the first group */
	double parity_ms, delivered_ms;
};

struct scale_case {
	const char *name, *text;
	struct limits limits;
	struct fade_conf fade;
	unsigned n_receivers;
	uint64_t n_packets;  /* 0: 100 000 */
	unsigned interleave; /* 0: the sender's choice */
	size_t tx_memory;    /* 0: the sender's choice */
};

static const struct scale_case cases[] = {
	{ "100-1", "100 receivers, 1 %", { .nacks = 6 }, { .loss = 0.01 }, 100, 400000 },
	{ "1000-0.1",
	  "1000, 0.1 %",
	  { .ratio = 1.004, .nacks = 6 },
	  { .loss = 0.001 },
	  1000,
	  400000 },
	{ "1000-1",
	  "1000, 1 %",
	  { .ratio = 1.016, .nacks = 6 },
	  { .loss = 0.01 },
	  1000,
	  400000 },
	{ "1000-10", "1000, 10 %", { .ratio = 1.13 }, { .loss = 0.1 }, 1000 },
	{ "10000-0.1", "10 000, 0.1 %", { .nacks = 6 }, { .loss = 0.001 }, 10000 },
	{ "10000-1", "10 000, 1 %", { .ratio = 1.017, .nacks = 6 }, { .loss = 0.01 }, 10000 },
	{ "bursts",
	  "1000, 1 % in bursts of 100, 10^6 packets, interleave 32",
	  { .ratio = 1.03 },
	  { .loss = 0.01, .burst = 100 },
	  1000,
	  1000000,
	  32,
	  (size_t)256 << 20 },
	{ "10000-bursts",
	  "10 000, 1 % in bursts of 10",
	  { 0 },
	  { .loss = 0.01, .burst = 10 },
	  10000 },
	{ "10000-tree",
	  "10 000, 1 %, a third of it at the root, a third at branches of 10",
	  { 0 },
	  { .loss = 0.01, .fanout = 10 },
	  10000 },
	{ "10000-worse",
	  "10 000, 0.1 %, 3 % of them 1 %",
	  { 0 },
	  { .loss = 0.001, .worse = 0.03 },
	  10000 },
	{ "common",
	  "1000, 0.1 %, and all lose 2 % of every tenth block",
	  { .peak = 100 },
	  { .loss = 0.001, .common = 0.1, .slice = 0.02 },
	  1000,
	  800000 },
	{ "10000-common",
	  "the same with 10 000",
	  { .peak = 100 },
	  { .loss = 0.001, .common = 0.1, .slice = 0.02 },
	  10000,
	  200000 },
	{ "lan",
	  "250, 0.1 %",
	  { .parity_ms = 2, .delivered_ms = 40 },
	  { .loss = 0.001 },
	  250,
	  800000,
	  1 },
};

static const char usage[] =
	"usage: scaletest                              (a small group, within bounds)\n"
	"       scaletest --table [--case TEXT] [--seed N]   (cases whose name has TEXT)\n"
	"       scaletest --list\n"
	"       scaletest [--case NAME] [--receivers N] [--packets N] [--loss %]\n"
	"               [--burst PACKETS] [--fanout N] [--worse %] [--common SHARE,SLICE]\n"
	"               [--block K,PARITY | --large K] [--segment BYTES] [--interleave N]\n"
	"               [--rate MBIT] [--rtt MS] [--nap MS] [--feedback-loss %]\n"
	"               [--memory BYTES] [--sender-memory BYTES] [--seed N] [--trace] "
	"[--blocks FILE]\n";

struct args {
	struct scale_conf conf;
	const char *name;
	bool exact; /* the name is one of a case */
	bool table, list, one;
};

static const struct option options[] = {
	{ "receivers", required_argument, NULL, 'n' },
	{ "packets", required_argument, NULL, 'p' },
	{ "loss", required_argument, NULL, 'l' },
	{ "burst", required_argument, NULL, 'b' },
	{ "fanout", required_argument, NULL, 'f' },
	{ "worse", required_argument, NULL, 'w' },
	{ "common", required_argument, NULL, 'c' },
	{ "block", required_argument, NULL, 'k' },
	{ "large", required_argument, NULL, 'L' },
	{ "segment", required_argument, NULL, 'e' },
	{ "interleave", required_argument, NULL, 'i' },
	{ "rate", required_argument, NULL, 'r' },
	{ "rtt", required_argument, NULL, 't' },
	{ "nap", required_argument, NULL, 'N' },
	{ "feedback-loss", required_argument, NULL, 'u' },
	{ "memory", required_argument, NULL, 'm' },
	{ "sender-memory", required_argument, NULL, 'S' },
	{ "seed", required_argument, NULL, 's' },
	{ "case", required_argument, NULL, 'C' },
	{ "table", no_argument, NULL, 'M' },
	{ "list", no_argument, NULL, 'I' },
	{ "trace", no_argument, NULL, 'T' },
	{ "blocks", required_argument, NULL, 'B' },
	{ 0 },
};

static bool parse_fade(struct fade_conf *f, int c)
{
	switch (c) {
	case 'l':
		f->loss = strtod(optarg, NULL) / 100;
		return true;
	case 'b':
		f->burst = strtod(optarg, NULL);
		return true;
	case 'f':
		f->fanout = (unsigned)strtoul(optarg, NULL, 0);
		return true;
	case 'w':
		f->worse = strtod(optarg, NULL) / 100;
		return true;
	case 'c':
		return sscanf(optarg, "%lf,%lf", &f->common, &f->slice) == 2;
	}
	return false;
}

static bool parse_network(struct scale_conf *a, int c)
{
	switch (c) {
	case 'r':
		a->rate = strtod(optarg, NULL) * 1e6;
		return true;
	case 't':
		a->rtt = (nsec_t)(strtod(optarg, NULL) * MS);
		return true;
	case 'N':
		a->nap = (nsec_t)(strtod(optarg, NULL) * MS);
		return true;
	case 'u':
		a->feedback_loss = strtod(optarg, NULL) / 100;
		return true;
	}
	return parse_fade(&a->fade, c);
}

static bool parse_conf(struct scale_conf *a, int c)
{
	switch (c) {
	case 'n':
		a->n_receivers = (unsigned)strtoul(optarg, NULL, 0);
		return true;
	case 'p':
		a->n_packets = strtoull(optarg, NULL, 0);
		return true;
	case 'k':
		return sscanf(optarg, "%" SCNu16 ",%" SCNu16, &a->block_len, &a->n_parity) == 2;
	case 'L':
		a->large = true;
		a->block_len = (uint16_t)strtoul(optarg, NULL, 0);
		return true;
	case 'e':
		a->segment_size = (uint16_t)strtoul(optarg, NULL, 0);
		return true;
	case 'i':
		a->interleave = (unsigned)strtoul(optarg, NULL, 0);
		return true;
	case 'S':
		a->tx_memory = strtoull(optarg, NULL, 0);
		return true;
	case 'm':
		a->rx_memory = strtoull(optarg, NULL, 0);
		return true;
	case 's':
		a->seed = strtoull(optarg, NULL, 0);
		return true;
	case 'T':
		return a->trace = true;
	case 'B':
		a->blocks = optarg;
		return true;
	}
	return parse_network(a, c);
}

static void take_case(struct scale_conf *conf, const struct scale_case *c)
{
	conf->large = true;
	conf->block_len = LARGE;
	conf->n_receivers = c->n_receivers;
	conf->n_packets = c->n_packets ? c->n_packets : 100000;
	conf->interleave = c->interleave;
	conf->tx_memory = c->tx_memory;
	conf->fade = c->fade;
}

/* A case by its name; what follows on the command line changes it. */
static bool parse_case(struct args *a)
{
	a->name = optarg;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (strcmp(cases[i].name, optarg) == 0) {
			take_case(&a->conf, &cases[i]);
			return a->exact = true;
		}
	}
	return true;
}

static bool parse(struct args *a, int argc, char **argv)
{
	bool ok = true;
	int c;

	while (ok && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		a->one |= c != 's';
		if (c == 'M')
			a->table = true;
		else if (c == '?' || c == 'I')
			ok = a->list = c == 'I';
		else if (c == 'C')
			ok = parse_case(a);
		else
			ok = parse_conf(&a->conf, c);
	}
	return ok && optind == argc;
}

static double ms(nsec_t t)
{
	return (double)t / MS;
}

static void print(const struct scale_conf *c, const struct scale_result *r)
{
	printf("%u receivers, %g %% loss, k = %u, %" PRIu64 " packets of %u bytes, %g Mbit/s, "
	       "RTT %g + %g ms\n",
	       c->n_receivers, 100 * c->fade.loss, c->block_len, c->n_packets, c->segment_size,
	       c->rate / 1e6, ms(c->rtt), ms(c->nap));
	printf("packets per source packet   %.4f\n", r->ratio);
	printf("DATA only                   %.4f (parity %" PRIu64 ", again %" PRIu64 ")\n",
	       r->data_ratio, r->parity, r->again);
	printf("any sender                  %.4f", r->bound);
	if (r->bound_exact > 0)
		printf(" (mean %.4f)", r->bound_exact);
	printf(", blocks without end %.4f\n", r->capacity);
	printf("INFO, commands              %" PRIu64 ", %" PRIu64 "\n", r->info, r->cmds);
	printf("NACKs                       %" PRIu64 " (heard %" PRIu64 "), %.2f a block, "
	       "later %.2f, peak %u a ms, suppressed %" PRIu64 "\n",
	       r->nacks, r->nacks_heard, r->nacks_a_block, r->later_nacks, r->peak,
	       r->suppressed);
	printf("block's end to parity       %.3f ms; at most %.3f in the first group, later "
	       "%.3f\n",
	       ms(r->parity_mean), ms(r->parity_first), ms(r->parity_later));
	printf("block's end to delivery     %.3f ms; at most %.3f in the first group, later "
	       "%.3f\n",
	       ms(r->delivered_mean), ms(r->delivered_first), ms(r->delivered_later));
	printf("virtual %.3f s, CPU %.1f s, %.0f ns a message\n", r->virtual_s, r->cpu_s,
	       1e9 * r->cpu_s / (double)MAX(r->heard, 1));
	if (!r->ok)
		printf("FAILED: %s\n", r->failure);
}

static bool run(const struct scale_conf *conf, struct scale_result *res)
{
	int r = scale_run(conf, res);

	if (r < 0)
		fprintf(stderr, "scaletest: %s\n", strerror(-r));
	return r == 0;
}

static void put_figure(const char *format, double value, double limit)
{
	printf(" ");
	printf(format, value);
	if (limit > 0)
		printf(value <= limit ? " (≤ " : " **(≤ ");
	if (limit > 0)
		printf(format, limit);
	if (limit > 0)
		printf(value <= limit ? ")" : ")**");
	printf(" |");
}

static bool print_row(const struct scale_case *c, struct scale_conf conf)
{
	struct scale_result r;

	take_case(&conf, c);
	if (!run(&conf, &r))
		return false;
	printf("| %s |", c->text);
	put_figure("%.4f", r.ratio, c->limits.ratio);
	printf(" %.4f | %.4f, %.4f |", r.data_ratio, r.bound, r.capacity);
	put_figure("%.1f", r.later_nacks, c->limits.nacks);
	put_figure("%.0f", r.peak, c->limits.peak);
	printf(" %.1f,", ms(r.parity_first));
	put_figure("%.2f", ms(r.parity_later), c->limits.parity_ms);
	printf(" %.0f,", ms(r.delivered_first));
	put_figure("%.0f", ms(r.delivered_later), c->limits.delivered_ms);
	printf(" %.0f |\n", r.cpu_s);
	if (!r.ok)
		printf("FAILED: %s\n", r.failure);
	fflush(stdout);
	return r.ok;
}

static bool in_table(const struct args *a, const char *name)
{
	return !a->name ||
	       (a->exact ? strcmp(name, a->name) == 0 : strstr(name, a->name) != NULL);
}

static int print_names(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		puts(cases[i].name);
	return 0;
}

static int print_table(const struct args *a)
{
	bool ok = true;

	puts("| receivers, loss | packets | DATA | any sender, k = 8000, k without end "
	     "| NACKs a block | most in 1 ms | to parity, ms | to delivery, ms | CPU s |\n"
	     "|---|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (in_table(a, cases[i].name))
			ok &= print_row(&cases[i], a->conf);
	return !ok;
}

/* A small group under one kind of loss. */
static bool keeps_limits(const struct scale_conf *conf, const struct limits *max)
{
	struct scale_result r;
	bool same;

	if (!run(conf, &r))
		return false;
	same = r.bound_exact < 0 || fabs(r.bound - r.bound_exact) < 0.003;
	if (r.ok && same && r.data_ratio <= max->ratio && r.later_nacks <= max->nacks &&
	    r.peak <= max->peak)
		return true;
	print(conf, &r);
	return false;
}

/* What `make check` runs. */
static int check(struct scale_conf conf)
{
	static const struct {
		struct fade_conf fade;
		unsigned interleave;
		struct limits large, small;
	} kinds[] = {
		{ { .loss = 0.01 }, 1, { 1.020, 6, 10 }, { 1.063, 3, 50 } },
		{ { .loss = 0.01, .burst = 10 }, 8, { 1.038, 6, 10 }, { 1.42, 3, 50 } },
		{ { .loss = 0.01, .fanout = 10 }, 1, { 1.018, 6, 10 }, { 1.052, 3, 50 } },
		{ { .loss = 0.002, .worse = 0.05 }, 1, { 1.029, 6, 10 }, { 1.063, 3, 50 } },
		{ { .loss = 0.002, .common = 0.25, .slice = 0.05 },
		  1,
		  { 1.021, 6, 10 },
		  { 1.055, 3, 50 } },
	};
	bool ok = true;

	conf.n_receivers = 200;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		conf.fade = kinds[i].fade;
		conf.interleave = kinds[i].interleave;
		conf.large = true;
		conf.block_len = 2000;
		conf.n_packets = 16000;
		ok &= keeps_limits(&conf, &kinds[i].large);
		conf.large = false;
		conf.block_len = 64;
		conf.n_packets = 3200;
		ok &= keeps_limits(&conf, &kinds[i].small);
	}
	return !ok;
}

int main(int argc, char **argv)
{
	struct args a = {
		.conf = { .n_receivers = 1000,
			  .n_packets = 100000,
			  .segment_size = 1400,
			  .block_len = 64,
			  .n_parity = 64,
			  .interleave = 1,
			  .rate = 1e9,
			  .rtt = MS / 5,
			  .nap = 4 * MS / 10,
			  .feedback_loss = -1,
			  .encode_rate = 2000000000,
			  .decode_rate = 400000000,
			  .rx_memory = (size_t)1 << 20,
			  .fade = { .loss = 0.01 },
			  .seed = 1 },
	};
	struct scale_result res;

	if (!parse(&a, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (a.list)
		return print_names();
	if (a.table)
		return print_table(&a);
	if (!a.one)
		return check(a.conf);
	if (!run(&a.conf, &res))
		return 1;
	print(&a.conf, &res);
	return !res.ok;
}
