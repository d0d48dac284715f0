/* bytes.h - bounded cursors: the only way bytes of a packet are read or written. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_BYTES_H
#define PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A cursor never leaves its buffer. A read or write that does not fit sets `bad`, yields 0 (or
 * NULL) and changes nothing else; so a codec touches every field and asks once, at the end.
 * All integers are big-endian.
 */
struct rd {
	const uint8_t *p, *end;
	bool bad;
};

struct wr {
	uint8_t *start, *p, *end;
	bool bad;
};

static inline struct rd rd_init(const void *buf, size_t len)
{
	const uint8_t *p = buf;

	return (struct rd){ .p = p, .end = p ? p + len : p };
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* `len` bytes in place; borrowed from the buffer, NULL when short. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->bad || len > rd_left(r)) {
		r->bad = true;
		return NULL;
	}
	r->p += len;
	return p;
}

static inline void rd_skip(struct rd *r, size_t len)
{
	(void)rd_bytes(r, len);
}

/* A cursor over the next `len` bytes, which are consumed; bad when they are not there. */
static inline struct rd rd_sub(struct rd *r, size_t len)
{
	const uint8_t *p = rd_bytes(r, len);
	struct rd sub = rd_init(p, p ? len : 0);

	sub.bad = r->bad;
	return sub;
}

static inline uint64_t rd_uint(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_uint(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_uint(r, 2);
}

static inline uint32_t rd_u24(struct rd *r)
{
	return (uint32_t)rd_uint(r, 3);
}

static inline uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_uint(r, 4);
}

static inline uint64_t rd_u48(struct rd *r)
{
	return rd_uint(r, 6);
}

static inline uint64_t rd_u64(struct rd *r)
{
	return rd_uint(r, 8);
}

/* Nothing was missing. */
static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

/* Nothing was missing and nothing is left over. */
static inline bool rd_done(const struct rd *r)
{
	return !r->bad && r->p == r->end;
}

static inline struct wr wr_init(void *buf, size_t cap)
{
	uint8_t *p = buf;

	return (struct wr){ .start = p, .p = p, .end = p ? p + cap : p };
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

static inline size_t wr_left(const struct wr *w)
{
	return (size_t)(w->end - w->p);
}

/* Room for `len` bytes, to be filled by the caller at once; NULL when it does not fit. */
static inline uint8_t *wr_room(struct wr *w, size_t len)
{
	uint8_t *p = w->p;

	if (w->bad || len > wr_left(w)) {
		w->bad = true;
		return NULL;
	}
	w->p += len;
	return p;
}

static inline void wr_bytes(struct wr *w, const void *src, size_t len)
{
	uint8_t *p = wr_room(w, len);

	if (p && len)
		memcpy(p, src, len);
}

static inline void wr_uint(struct wr *w, uint64_t v, size_t n)
{
	uint8_t *p = wr_room(w, n);

	for (size_t i = n; p && i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_uint(w, v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	wr_uint(w, v, 2);
}

static inline void wr_u24(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 3);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 4);
}

static inline void wr_u48(struct wr *w, uint64_t v)
{
	wr_uint(w, v, 6);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	wr_uint(w, v, 8);
}

/* Everything fitted. */
static inline bool wr_ok(const struct wr *w)
{
	return !w->bad;
}

#endif
