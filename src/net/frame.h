/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_FRAME_H
#define MN_NET_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/ws.h"

/*
 * An encoded outgoing WebSocket frame, immutable once sent, shared by
 * reference between connections and loops: a fan-out encodes once.
 * Lifetime: reference count; any thread may drop the last one.
 *
 *   struct mn_frame *f = mn_frame_new(bound);           room for a payload
 *   size_t n = mn_envelope_print(&env, mn_frame_payload(f));
 *   mn_frame_seal(f, MN_WS_OP_TEXT, n);                 header goes in front
 */
struct mn_frame {
    /* private */
    _Atomic int refs;
    _Atomic int links; /* queues that it waits in: its memory is charged once, by the first */
    uint32_t off;      /* first byte of the header in data */
    uint32_t len;      /* header and payload */
    uint32_t cap;      /* room for the payload */
    char data[];       /* 10 bytes for the header, then the payload */
};

/* NULL when there is no memory: the caller treats it as a congested peer. */
struct mn_frame *mn_frame_new(size_t payload_cap);
static inline char *mn_frame_payload(struct mn_frame *frame) { return frame->data + 10; }
void mn_frame_seal(struct mn_frame *frame, enum mn_ws_opcode op, size_t payload_len);
static inline struct mn_frame *mn_frame_ref(struct mn_frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}
void mn_frame_unref(struct mn_frame *frame);
/* Bytes of memory that it takes, in full, whatever its length on the wire. */
size_t mn_frame_memory(const struct mn_frame *frame);

#endif
