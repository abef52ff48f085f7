/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that wait for a place among the requests: see aside.h. */
#include "gate/aside.h"

#include <string.h>

#include "base/mem.h"

struct mn_aside_frame *mn_aside_copy(const char *p, size_t n)
{
    struct mn_aside_frame *frame = mn_try_alloc(sizeof(*frame) + n);
    if (!frame)
        return NULL;
    frame->next = NULL;
    frame->n = n;
    memcpy(frame->p, p, n);
    return frame;
}

static size_t cost(const struct mn_aside_frame *frame)
{
    return mn_mem_cost(sizeof(*frame) + frame->n);
}

void mn_aside_put(struct mn_aside *aside, struct mn_aside_frame *take_frame)
{
    if (aside->last)
        aside->last->next = take_frame;
    else
        aside->first = take_frame;
    aside->last = take_frame;
    aside->bytes += cost(take_frame);
}

struct mn_aside_frame *mn_aside_take(struct mn_aside *aside)
{
    struct mn_aside_frame *frame = aside->first;
    if (!frame)
        return NULL;
    aside->first = frame->next;
    if (!aside->first)
        aside->last = NULL;
    aside->bytes -= cost(frame);
    return frame;
}

bool mn_aside_is_full(const struct mn_aside *aside) { return aside->bytes >= MN_ASIDE_BYTES; }

void mn_aside_deinit(struct mn_aside *aside)
{
    for (struct mn_aside_frame *frame; (frame = mn_aside_take(aside)) != NULL;)
        mn_free(frame);
}
