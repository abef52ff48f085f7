/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_CHUNK_H
#define MN_NET_CHUNK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/ws.h"

/*
 * Bytes on their way out: an encoded WebSocket frame, or a piece of an HTTP
 * answer.  Immutable once queued, shared by reference between connections
 * and loops: a fan-out encodes once.  Lifetime: reference count; any thread
 * may drop the last one.
 *
 *   struct mn_chunk *chunk = mn_chunk_new(bound);       room for a payload
 *   size_t n = mn_envelope_print(&env, mn_chunk_payload(chunk));
 *   mn_chunk_seal_ws(chunk, MN_WS_OP_TEXT, n);          its header goes in front
 */
struct mn_chunk {
    /* private */
    _Atomic int refs;
    _Atomic int links; /* queues that it waits in: its memory is charged once, by the first */
    const char *p;     /* what is sent: in data, or borrowed */
    uint32_t len;
    uint32_t cap; /* room for the payload; 0 when the bytes are borrowed */
    char data[];  /* 10 bytes for a frame's header, then the payload */
};

/* NULL when there is no memory: the caller treats it as a congested peer. */
struct mn_chunk *mn_chunk_new(size_t payload_cap);
/* The same of bytes that are neither freed nor changed while the process lives: nothing is copied. */
struct mn_chunk *mn_chunk_borrow(const void *p, size_t n);
static inline char *mn_chunk_payload(struct mn_chunk *chunk) { return chunk->data + 10; }
/* The payload as one frame. */
void mn_chunk_seal_ws(struct mn_chunk *chunk, enum mn_ws_opcode op, size_t payload_len);
/* The payload as it is. */
void mn_chunk_seal(struct mn_chunk *chunk, size_t payload_len);
static inline struct mn_chunk *mn_chunk_ref(struct mn_chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}
void mn_chunk_unref(struct mn_chunk *chunk);
/* Bytes of memory that it takes, in full, whatever its length on the wire. */
size_t mn_chunk_memory(const struct mn_chunk *chunk);

#endif
