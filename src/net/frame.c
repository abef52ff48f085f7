/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing frames: one allocation with the reference count, the header and
 * the payload.  The room for the longest header is in front of the payload,
 * so that sealing moves no bytes.
 */
#include "net/frame.h"

#include "base/mem.h"

#define FRAME_HEADROOM 10

struct mn_frame *mn_frame_new(size_t payload_cap)
{
    if (payload_cap > UINT32_MAX - FRAME_HEADROOM)
        return NULL;
    struct mn_frame *frame = mn_try_alloc(sizeof(*frame) + FRAME_HEADROOM + payload_cap);
    if (frame == NULL)
        return NULL;
    atomic_init(&frame->refs, 1);
    atomic_init(&frame->links, 0);
    frame->off = FRAME_HEADROOM;
    frame->len = 0;
    frame->cap = (uint32_t)payload_cap;
    return frame;
}

void mn_frame_seal(struct mn_frame *frame, enum mn_ws_opcode op, size_t payload_len)
{
    MN_BUG_ON(payload_len > frame->cap);
    size_t header = mn_ws_header_size(payload_len);
    frame->off = (uint32_t)(FRAME_HEADROOM - header);
    frame->len = (uint32_t)(header + payload_len);
    mn_ws_header(frame->data + frame->off, op, payload_len);
}

void mn_frame_unref(struct mn_frame *frame)
{
    if (frame == NULL)
        return;
    /* A sole owner needs no locked instruction: nobody else can take a reference meanwhile. */
    if (atomic_load_explicit(&frame->refs, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
        mn_free(frame);
}

size_t mn_frame_memory(const struct mn_frame *frame)
{
    return mn_mem_cost(sizeof(*frame) + FRAME_HEADROOM + frame->cap);
}
