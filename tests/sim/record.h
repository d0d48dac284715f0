/* record.h - what a session heard, in the form that the fuzz targets read. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_RECORD_H
#define TESTS_SIM_RECORD_H

#include <stdint.h>

/* Simulates a short session, with large blocks of large_len symbols if not 0, and writes
 * PREFIXtx.bin and PREFIXrx.bin. 0, or 1 after a message. */
int record_write(const char *prefix, uint64_t seed, uint16_t large_len);

#endif
