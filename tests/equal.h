/* equal.h - decoded messages compared field by field. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_EQUAL_H
#define TESTS_EQUAL_H

#include "proto/msg.h"
#include "proto/request.h"

static inline bool bytes_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static inline bool fpi_equal(const struct fpi *a, const struct fpi *b)
{
	return a->sbn == b->sbn && a->sbl == b->sbl && a->esi == b->esi;
}

static inline bool fti_equal(const struct fti *a, const struct fti *b)
{
	return a->object_size == b->object_size && a->segment_size == b->segment_size &&
	       a->max_block_len == b->max_block_len && a->num_parity == b->num_parity &&
	       a->fec_instance_id == b->fec_instance_id && a->m == b->m && a->g == b->g;
}

static inline bool cc_equal(const struct ext_cc *a, const struct ext_cc *b)
{
	return a->cc_sequence == b->cc_sequence && a->cc_flags == b->cc_flags &&
	       a->cc_rtt == b->cc_rtt && a->cc_loss == b->cc_loss && a->cc_rate == b->cc_rate &&
	       a->reserved == b->reserved;
}

static inline bool holdings_equal(const struct ext_holdings *a, const struct ext_holdings *b)
{
	return a->holds == b->holds && a->busy == b->busy && a->lacks == b->lacks;
}

static inline bool exts_equal(const struct exts *a, const struct exts *b)
{
	return a->present == b->present && cc_equal(&a->cc, &b->cc) &&
	       bytes_equal(a->auth, a->auth_len, b->auth, b->auth_len) &&
	       fti_equal(&a->fti, &b->fti) &&
	       bytes_equal(a->app_ack, a->app_ack_len, b->app_ack, b->app_ack_len) &&
	       a->send_rate == b->send_rate && a->target == b->target &&
	       holdings_equal(&a->holdings, &b->holdings);
}

static inline bool time_equal(struct norm_time a, struct norm_time b)
{
	return a.sec == b.sec && a.usec == b.usec;
}

static inline bool msg_equal(const struct msg *a, const struct msg *b)
{
	return a->type == b->type && a->sequence == b->sequence &&
	       a->source_id == b->source_id && a->instance_id == b->instance_id &&
	       a->grtt == b->grtt && a->backoff == b->backoff && a->gsize == b->gsize &&
	       a->flags == b->flags && a->fec_id == b->fec_id && a->object_id == b->object_id &&
	       fpi_equal(&a->fpi, &b->fpi) && a->cmd == b->cmd &&
	       a->cc_sequence == b->cc_sequence && time_equal(a->send_time, b->send_time) &&
	       a->server_id == b->server_id && time_equal(a->grtt_response, b->grtt_response) &&
	       a->ack_type == b->ack_type && a->ack_id == b->ack_id &&
	       exts_equal(&a->ext, &b->ext) &&
	       bytes_equal(a->payload, a->payload_len, b->payload, b->payload_len);
}

static inline bool request_equal(const struct request *a, const struct request *b)
{
	return a->form == b->form && a->flags == b->flags && a->fec_id == b->fec_id &&
	       a->object_first == b->object_first && a->object_last == b->object_last &&
	       fpi_equal(&a->first, &b->first) && fpi_equal(&a->last, &b->last);
}

#endif
