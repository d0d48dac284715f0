/* content.h - object bytes as a function of their place, so that nobody needs to store them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_CONTENT_H
#define TESTS_SIM_CONTENT_H

#include "proto/types.h"

/* Different objects have different keys; equal keys have equal bytes. */
uint64_t content_key(uint32_t sender_id, uint64_t object);
void content_fill(uint64_t key, uint64_t offset, uint8_t *buf, size_t len);
bool content_matches(uint64_t key, uint64_t offset, const uint8_t *buf, size_t len);

#endif
