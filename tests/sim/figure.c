/* figure.c - how much is sent for one packet of source, in a group of some size. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/figure.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/wire.h"
#include "tests/sim/models.h"

#define FIRST_SIZE 20000 /* a manifest */

static void print_figures(const struct figure *f, const struct sim *sim)
{
	const struct tx_counters *c = tx_counters(sim->senders[0].tx);
	uint64_t blocks = count_blocks(sim) - 1, data = c->source + c->parity + c->again;
	unsigned k = f->large_len ? f->large_len : f->block_len;
	double source = f->n_packets;

	printf("%u receivers, %g %% loss, k = %u, %u packets of %u bytes, %.1f MB/s, RTT %g "
	       "ms\n",
	       f->n_hosts, 100 * f->loss, k, f->n_packets, f->segment_size,
	       (double)f->rate / 1e6, 2e3 * (double)f->delay / NSEC_PER_SEC);
	printf("packets per source packet   %.4f\n", (double)c->packets / source);
	printf("data packets only           %.4f  (parity %" PRIu64 ", source again %" PRIu64
	       ")\n",
	       (double)data / source, c->parity, c->again);
	printf("INFO and commands           %" PRIu64 "\n", c->info + c->cmds);
	printf("NACKs of all receivers      %" PRIu64 ", %.3f a block (%" PRIu64 " blocks)\n",
	       count_nacks(sim), (double)count_nacks(sim) / (double)blocks, blocks);
	printf("feedback heard              %" PRIu64 " NACK, %" PRIu64 " ACK, %" PRIu64
	       " announcements, %" PRIu64 " receipts\n",
	       c->nacks, c->acks, c->announces, c->receipts);
	printf("virtual time                %.3f s\n",
	       (double)(sim->now - sim->start) / NSEC_PER_SEC);
}

/* What was lacking somewhere, and what was sent for it, from the first object's end on. */
static void print_held(const struct figure *f, const struct sim *sim)
{
	const struct sender *s = &sim->senders[0];
	const struct tx_counters *c = tx_counters(s->tx);
	double lacking = (double)s->n_lacking * f->segment_size;
	nsec_t done_at = 0;

	for (unsigned i = 0; i < sim->n_hosts; i++)
		done_at = MAX(done_at, sim->hosts[i].sessions[0].complete_at);
	printf("%u receivers, %g %% loss, %g of %.0f MB held in pieces of %.0f KB%s, k = %u\n",
	       f->n_hosts, 100 * f->loss, f->held, f->n_packets * f->segment_size / 1e6,
	       (double)f->piece / 1e3, f->alike ? ", all the same" : "",
	       (unsigned)(f->large_len ? f->large_len : f->block_len));
	printf("lacking somewhere           %.1f MB\n", lacking / 1e6);
	printf("bytes for a byte of it      %.4f  (parity %" PRIu64 ", by name %" PRIu64 ")\n",
	       (double)(c->bytes - s->bytes_before) / lacking, c->parity, c->again);
	printf("time for its time           %.4f  (%.3f s)\n",
	       (double)(done_at - s->settled_at) / NSEC_PER_SEC * (double)f->rate / lacking,
	       (double)(done_at - s->settled_at) / NSEC_PER_SEC);
	printf("NACKs of all receivers      %" PRIu64 "\n", count_nacks(sim));
	printf("the first object took       %.3f ms\n",
	       (double)(s->settled_at - s->started_at) / NSEC_PER_MSEC);
}

int figure_print(const struct figure *f)
{
	struct scenario sc = {
		.name = "figure",
		.n_hosts = f->n_hosts,
		.exact = true,
		.n_objects = f->held > 0 ? 2 : 1,
		.n_settled = f->held > 0,
		.first_size = f->held > 0 ? FIRST_SIZE : 0,
		.asked = f->held > 0,
		.held = f->held,
		.piece = f->piece,
		.held_alike = f->alike,
		.near = f->held > 0,
		.size_min = (uint64_t)f->n_packets * f->segment_size,
		.size_max = (uint64_t)f->n_packets * f->segment_size,
		.fec_id = FEC_SB_SYST,
		.segment_size = f->segment_size,
		.block_len = f->block_len,
		.n_parity = f->n_parity,
		.large_len = f->large_len,
		.rate = f->rate,
		.tx_blocks = 200,
		.rx_blocks = f->held > 0 ? 270 : 16,
		.down = { .loss = f->loss, .delay = f->delay },
		.up = { .loss = f->loss, .delay = f->delay },
		.nacks_a_block = 1000,
		.limit = 3600 * NSEC_PER_SEC,
	};
	struct sim sim;
	int r = sim_init(&sim, &sc, f->seed);

	if (r == 0) {
		sim_run(&sim);
		f->held > 0 ? print_held(f, &sim) : print_figures(f, &sim);
	}
	if (r < 0 || sim.failed)
		printf("seed=%" PRIu64 " scenario=figure t=%.6f %s\n", f->seed,
		       (double)(sim.now - sim.start) / NSEC_PER_SEC, sim.failure);
	sim_fini(&sim);
	return r < 0 || sim.failed;
}
