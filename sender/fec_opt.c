/* fec_opt.c - the option --fec: which code files get. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/fec_opt.h"

#include <errno.h>
#include <string.h>

#define BLOCK_MAX    255 /* symbols of a small block, source and parity */
#define LARGE_MIN    256 /* below, a small block does as well */
#define LARGE_MAX    32768
#define SMALL_K      64
#define SMALL_PARITY 128
#define LARGE_K      8000

static const struct fec_param preset = { FEC_BY_RECEIVERS, SMALL_K, SMALL_PARITY, LARGE_K };

/* A number of at most 5 digits at *text, which moves behind it. */
static bool number(const char **text, unsigned *ret)
{
	unsigned n = 0;

	for (*ret = 0; **text >= '0' && **text <= '9' && n < 6; n++)
		*ret = *ret * 10 + (unsigned)(*(*text)++ - '0');
	return n > 0 && n < 6;
}

static int parse_small(const char *text, struct fec_param *ret)
{
	ret->kind = FEC_SMALL;
	if (!number(&text, &ret->k) || *text++ != ',' || !number(&text, &ret->n_parity) ||
	    *text)
		return -EINVAL;
	return ret->k < 1 || ret->k + ret->n_parity > BLOCK_MAX ? -ERANGE : 0;
}

static int parse_large(const char *text, struct fec_param *ret)
{
	ret->kind = FEC_LARGE;
	if (!*text)
		return 0;
	if (*text++ != ',' || !number(&text, &ret->large) || *text)
		return -EINVAL;
	return ret->large < LARGE_MIN || ret->large > LARGE_MAX ? -ERANGE : 0;
}

static int parse_fec(const struct opt *o, const char *text, void *dst)
{
	struct fec_param fec = preset;
	int r = 0;

	if (strncmp(text, "large", 5) == 0) {
		r = parse_large(text + 5, &fec);
	} else if (strcmp(text, "none") == 0) {
		fec.kind = FEC_SMALL;
		fec.n_parity = 0;
	} else if (strcmp(text, "auto") != 0) {
		r = parse_small(text, &fec);
	}
	if (r == 0)
		*(struct fec_param *)dst = fec;
	return r;
}

static void print_fec(const struct opt *o, const void *src, char *buf, size_t cap)
{
	const struct fec_param *fec = src;

	switch (fec->kind) {
	case FEC_BY_RECEIVERS:
		snprintf(buf, cap, "auto");
		break;
	case FEC_SMALL:
		if (fec->n_parity || fec->k != SMALL_K)
			snprintf(buf, cap, "%u,%u", fec->k, fec->n_parity);
		else
			snprintf(buf, cap, "none");
		break;
	case FEC_LARGE:
		snprintf(buf, cap, "large,%u", fec->large);
		break;
	}
}

const struct opt_type opt_fec = {
	.noun = "code",
	.hint = "auto; none; K,PARITY, symbols of a block, together at most 255, such as "
		"64,128; "
		"or large[,K], 256 to 32768 symbols",
	.parse = parse_fec,
	.print = print_fec,
};
