/* quant.h - NORM's quantised fields: round-trip times, group sizes, rates, loss. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_QUANT_H
#define PROTO_QUANT_H

#include "proto/types.h"

/*
 * Round-trip time, 8 bits, 1 us .. 1000 s, steps of about 8 %, rounded up (RFC 5401 §3.7.4).
 * Decoding uses a table; any byte is valid. Encoding clamps.
 */
uint8_t quant_rtt_encode(nsec_t rtt);
nsec_t quant_rtt_decode(uint8_t q);

/*
 * Group size, low nibble: 1 or 5 times a power of ten, 10 .. 5e8, rounded up (RFC 5740 §4.2.1).
 */
uint8_t quant_gsize_encode(double gsize);
double quant_gsize_decode(uint8_t q);

/*
 * Rate in bytes a second, 16 bits: 12-bit mantissa, 4-bit decimal exponent (RFC 5740 §4.2.3.4).
 * Clamps at both ends; the mantissa that would overflow becomes the next decade's.
 */
uint16_t quant_rate_encode(double rate);
double quant_rate_decode(uint16_t q);

/* Loss fraction 0 .. 1 as floor(p * 65535) (RFC 5740 §4.2.3.5). */
uint16_t quant_loss_encode(double loss);
double quant_loss_decode(uint16_t q);

#endif
