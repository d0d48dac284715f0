/* record.c - what a session heard, in the form that the fuzz targets read. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/record.h"

#include <stdio.h>

#include "proto/bytes.h"
#include "tests/fuzz/sequence.h"
#include "tests/sim/models.h"

struct recorder {
	FILE *f[2]; /* of the receiver, of the sender */
	nsec_t last[2];
};

static void tap(struct sim *sim, bool feedback, const struct packet *p)
{
	struct recorder *rec = sim->tap_arg;
	nsec_t step = (sim->now - rec->last[feedback]) / SEQUENCE_TICK;
	uint8_t head[SEQUENCE_HEAD];
	struct wr w = wr_init(head, sizeof(head));

	rec->last[feedback] = sim->now;
	wr_u16(&w, (uint16_t)MIN(step, UINT16_MAX));
	wr_u16(&w, (uint16_t)p->len);
	fwrite(head, 1, sizeof(head), rec->f[feedback]);
	fwrite(p->data, 1, p->len, rec->f[feedback]);
}

static int simulate(struct recorder *rec, uint64_t seed, uint16_t large_len)
{
	const struct scenario sc = {
		.name = "record",
		.n_hosts = 1,
		.exact = true,
		.n_objects = SEQUENCE_OBJECTS,
		.size_min = 1,
		.size_max = SEQUENCE_OBJECT_MAX,
		.fec_id = SEQUENCE_FEC_ID,
		.segment_size = SEQUENCE_SEGMENT,
		.block_len = SEQUENCE_BLOCK,
		.n_parity = SEQUENCE_PARITY,
		.large_len = large_len,
		.rate = SEQUENCE_RATE / 10,
		.rate_auto = true,
		.down.loss = 0.1,
	};
	struct sim sim;
	int r = sim_init(&sim, &sc, seed);

	rec->last[0] = rec->last[1] = sim.now;
	sim.tap = tap;
	sim.tap_arg = rec;
	if (r == 0)
		sim_run(&sim);
	if (r < 0 || sim.failed)
		fprintf(stderr, "record: %s\n", sim.failure);
	sim_fini(&sim);
	return r < 0 || sim.failed;
}

static FILE *open_output(const char *prefix, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s.bin", prefix, name);
	f = fopen(path, "wb");
	if (!f)
		perror(path);
	return f;
}

int record_write(const char *prefix, uint64_t seed, uint16_t large_len)
{
	struct recorder rec = { .f = { open_output(prefix, "rx"), open_output(prefix, "tx") } };
	int r = 1;

	if (rec.f[0] && rec.f[1])
		r = simulate(&rec, seed, large_len);
	for (unsigned i = 0; i < 2; i++)
		if (rec.f[i] && fclose(rec.f[i]) != 0)
			r = 1;
	return r;
}
