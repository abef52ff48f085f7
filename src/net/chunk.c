/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent: one allocation with the reference count, room for a frame's
 * header and the payload.  The room for the longest header is in front of
 * the payload, so that sealing moves no bytes.  A borrowed chunk has neither,
 * only where its bytes are.
 */
#include "net/chunk.h"

#include "base/mem.h"

#define HEADROOM 10

static struct mn_chunk *make(size_t room)
{
    struct mn_chunk *chunk = mn_try_alloc(sizeof(*chunk) + room);
    if (chunk == NULL)
        return NULL;
    atomic_init(&chunk->refs, 1);
    atomic_init(&chunk->links, 0);
    chunk->p = chunk->data;
    chunk->len = chunk->cap = 0;
    return chunk;
}

struct mn_chunk *mn_chunk_new(size_t payload_cap)
{
    if (payload_cap > UINT32_MAX - HEADROOM)
        return NULL;
    struct mn_chunk *chunk = make(HEADROOM + payload_cap);
    if (chunk != NULL)
        chunk->cap = (uint32_t)payload_cap;
    return chunk;
}

struct mn_chunk *mn_chunk_borrow(const void *p, size_t n)
{
    struct mn_chunk *chunk = n > UINT32_MAX ? NULL : make(0);
    if (chunk == NULL)
        return NULL;
    chunk->p = p;
    chunk->len = (uint32_t)n;
    return chunk;
}

void mn_chunk_seal_ws(struct mn_chunk *chunk, enum mn_ws_opcode op, size_t payload_len)
{
    MN_BUG_ON(payload_len > chunk->cap);
    size_t header = mn_ws_header_size(payload_len);
    char *p = chunk->data + HEADROOM - header;
    mn_ws_header(p, op, payload_len);
    chunk->p = p;
    chunk->len = (uint32_t)(header + payload_len);
}

void mn_chunk_seal(struct mn_chunk *chunk, size_t payload_len)
{
    MN_BUG_ON(payload_len > chunk->cap);
    chunk->p = mn_chunk_payload(chunk);
    chunk->len = (uint32_t)payload_len;
}

void mn_chunk_unref(struct mn_chunk *chunk)
{
    if (chunk == NULL)
        return;
    /* A sole owner needs no locked instruction: nobody else can take a reference meanwhile. */
    if (atomic_load_explicit(&chunk->refs, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1)
        mn_free(chunk);
}

size_t mn_chunk_memory(const struct mn_chunk *chunk)
{
    return mn_mem_cost(sizeof(*chunk) + HEADROOM + chunk->cap);
}
