/* pack_rig.h - random trees, and a job of one, for tests of what is made of them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_PACK_RIG_H
#define TESTS_UNIT_PACK_RIG_H

#include "sender/source_tree.h"

#define CHUNK MANIFEST_CHUNK
#define TREES 12

/* A directory to be in, for a group of tests. */
extern char pack_rig_dir[];
int pack_rig_make(void **state);
int pack_rig_remove(void **state);

/* Files of chunks that repeat, are zeros, a hole or noise; links and directories. */
void write_tree(struct rng *rng, const char *root);
/* three/a and three/c of five bytes, three/b of four equal chunks. */
void put_three(void);

struct work {
	char root[32];
	char *names[1];
	struct scan *scan;
	struct pack *pack;
	struct sums sums;
	struct source_tree *tree;
	struct source_loss *losses;
};

void work_init(struct work *w, const char *root);
void work_fini(struct work *w);
void dedup(struct work *w);
void hash_all(struct work *w);

/* Through the wire form and back, as a receiver has it. */
void decode(const struct work *w, struct manifest *ret);
/* The digests are those of the content's chunks. */
void check_sums(const struct work *w, const uint8_t *content);
/* Every file, made of the content by the manifest, is the file on the disk. */
void check_files(const struct manifest *m, const uint8_t *content);
/* All of them have this error; how many there are. */
unsigned count_losses(const struct work *w, int error);

#endif
