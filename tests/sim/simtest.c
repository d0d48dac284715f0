/* simtest.c - runs scenarios over many seeds, replays one, or prints a figure. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/figure.h"
#include "tests/sim/models.h"
#include "tests/sim/record.h"

struct args {
	const char *scenario, *record;
	uint64_t seed;
	unsigned runs;
	bool one, trace, list, figure, verbose;
	struct figure fig;
};

/* What a scenario came to over all its seeds. */
struct sums {
	unsigned runs, failed;
	double seconds, overhead, nacks;
};

static void add_up(struct sums *sums, const struct sim *sim)
{
	uint64_t sent = 0, source = 0;

	for (unsigned i = 0; i < sim->n_senders; i++) {
		sent += tx_counters(sim->senders[i].tx)->packets;
		source += tx_counters(sim->senders[i].tx)->source;
	}
	sums->runs++;
	sums->failed += sim->failed;
	sums->seconds += (double)(sim->now - sim->start) / NSEC_PER_SEC;
	sums->overhead += source ? (double)sent / (double)source : 0;
	sums->nacks = MAX(sums->nacks, (double)count_nacks(sim) / (double)count_blocks(sim));
}

/* The hash of all that happened; 0 when something was wrong. */
static uint64_t run(const struct scenario *sc, uint64_t seed, bool trace, struct sums *sums)
{
	struct sim sim;
	uint64_t hash = 0;
	int r = sim_init(&sim, sc, seed);

	sim.trace = trace;
	if (r == 0)
		sim_run(&sim);
	else
		sim_fail(&sim, "starts", "tx_new: %d", r);
	if (sim.failed)
		printf("seed=%" PRIu64 " scenario=%s t=%.6f property=%s\n", seed, sc->name,
		       (double)(sim.now - sim.start) / NSEC_PER_SEC, sim.failure);
	else
		hash = sim.hash | 1;
	if (r == 0)
		add_up(sums, &sim);
	else
		sums->failed++;
	sim_fini(&sim);
	return hash;
}

static int run_scenario(const struct scenario *sc, const struct args *a)
{
	unsigned share = a->scenario ? 100 : sc->share ? sc->share : 30;
	unsigned n = MAX(1, a->runs * share / 100);
	struct sums sums = { 0 }, twice = { 0 };

	for (unsigned i = 0; i < n; i++) {
		uint64_t hash = run(sc, a->seed + i, false, &sums);

		if (i == 0 && hash && run(sc, a->seed, false, &twice) != hash) {
			printf("seed=%" PRIu64 " scenario=%s t=0 property=repeats itself\n",
			       a->seed, sc->name);
			sums.failed++;
		}
	}
	if (a->verbose)
		printf("%-16s %4u seeds %3u failed  %7.2f s  %6.3f packets a source packet"
		       "  %6.2f NACKs a block at most\n",
		       sc->name, n, sums.failed, sums.seconds / n, sums.overhead / n,
		       sums.nacks);
	return sums.failed != 0;
}

static int run_all(const struct args *a)
{
	int r = 0;

	for (unsigned i = 0; i < n_scenarios; i++)
		r |= run_scenario(&scenarios[i], a);
	return r;
}

static const char usage[] =
	"usage: simtest [--runs N] [--seed N] [--scenario NAME] [--trace] [--verbose]\n"
	"       simtest --list\n"
	"       simtest --figure N LOSS% [--packets N] [--segment N] [--block K,PARITY] "
	"[--large K]\n"
	"               [--rate BYTES] [--delay MS] [--seed N]\n"
	"               [--held PART --piece BYTES [--alike]]\n"
	"       simtest --record PREFIX [--large K] [--seed N]   (sequences for the fuzz "
	"targets)\n";

static const struct option options[] = {
	{ "runs", required_argument, NULL, 'n' },
	{ "seed", required_argument, NULL, 's' },
	{ "scenario", required_argument, NULL, 'c' },
	{ "trace", no_argument, NULL, 't' },
	{ "list", no_argument, NULL, 'l' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "figure", required_argument, NULL, 'f' },
	{ "packets", required_argument, NULL, 'p' },
	{ "segment", required_argument, NULL, 'e' },
	{ "block", required_argument, NULL, 'b' },
	{ "rate", required_argument, NULL, 'r' },
	{ "delay", required_argument, NULL, 'd' },
	{ "record", required_argument, NULL, 'o' },
	{ "large", required_argument, NULL, 'g' },
	{ "held", required_argument, NULL, 'h' },
	{ "piece", required_argument, NULL, 'i' },
	{ "alike", no_argument, NULL, 'a' },
	{ 0 },
};

static bool parse_option(struct args *a, int c)
{
	switch (c) {
	case 'n':
		a->runs = (unsigned)strtoul(optarg, NULL, 0);
		return true;
	case 's':
		a->seed = strtoull(optarg, NULL, 0);
		a->one = true;
		return true;
	case 'c':
		a->scenario = optarg;
		return true;
	case 't':
		return a->trace = true;
	case 'l':
		return a->list = true;
	case 'v':
		return a->verbose = true;
	case 'f':
		a->fig.n_hosts = (unsigned)strtoul(optarg, NULL, 0);
		return a->figure = true;
	case 'p':
		a->fig.n_packets = (unsigned)strtoul(optarg, NULL, 0);
		return true;
	case 'e':
		a->fig.segment_size = (uint16_t)strtoul(optarg, NULL, 0);
		return true;
	case 'b':
		return sscanf(optarg, "%" SCNu16 ",%" SCNu16, &a->fig.block_len,
			      &a->fig.n_parity) == 2;
	case 'g':
		a->fig.large_len = (uint16_t)strtoul(optarg, NULL, 0);
		return true;
	case 'r':
		a->fig.rate = strtoull(optarg, NULL, 0);
		return true;
	case 'd':
		a->fig.delay = (nsec_t)(strtod(optarg, NULL) * NSEC_PER_MSEC);
		return true;
	case 'h':
		a->fig.held = strtod(optarg, NULL);
		return true;
	case 'i':
		a->fig.piece = strtoull(optarg, NULL, 0);
		return true;
	case 'a':
		return a->fig.alike = true;
	case 'o':
		a->record = optarg;
		return true;
	}
	return false;
}

static bool parse(struct args *a, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!parse_option(a, c))
			return false;
	if (a->figure && optind < argc)
		a->fig.loss = strtod(argv[optind++], NULL) / 100;
	a->fig.seed = a->seed;
	return optind == argc && (!a->scenario || scenario_find(a->scenario));
}

static int run_one(const struct args *a)
{
	struct sums sums = { 0 };

	return run(scenario_find(a->scenario), a->seed, a->trace, &sums) == 0;
}

int main(int argc, char **argv)
{
	struct args a = { .seed = 1,
			  .runs = 300,
			  .fig = { .n_packets = 100000,
				   .segment_size = 256,
				   .block_len = 64,
				   .n_parity = 64,
				   .rate = 10000000,
				   .piece = 262144,
				   .delay = NSEC_PER_MSEC / 2 } };

	if (!parse(&a, argc, argv)) {
		fputs(usage, stderr);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (a.record)
		return record_write(a.record, a.seed, a.fig.large_len);
	if (a.figure)
		return figure_print(&a.fig);
	for (unsigned i = 0; a.list && i < n_scenarios; i++)
		puts(scenarios[i].name);
	if (a.list)
		return 0;
	if (a.scenario && (a.one || a.trace))
		return run_one(&a);
	return a.scenario ? run_scenario(scenario_find(a.scenario), &a) : run_all(&a);
}
