/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One timer a connection in a binary heap of its thread.  A heap rather than a wheel: times are
 * in nanoseconds and mostly seconds away, and there are at most as many as connections.
 * Invariant: conn->heap_pos - 1 is the connection's place in th->heap, 0 means not in it.
 */
#include "tool/load/load.h"

static void place(struct load_thread *th, uint32_t at, struct load_conn *conn)
{
    th->heap[at] = conn;
    conn->heap_pos = at + 1;
}

static void sift_up(struct load_thread *th, uint32_t at)
{
    struct load_conn *conn = th->heap[at];
    while (at > 0) {
        uint32_t up = (at - 1) / 2;
        if (th->heap[up]->due_ns <= conn->due_ns)
            break;
        place(th, at, th->heap[up]);
        at = up;
    }
    place(th, at, conn);
}

static void sift_down(struct load_thread *th, uint32_t at)
{
    struct load_conn *conn = th->heap[at];
    for (;;) {
        uint32_t down = 2 * at + 1;
        if (down >= th->heap_count)
            break;
        if (down + 1 < th->heap_count && th->heap[down + 1]->due_ns < th->heap[down]->due_ns)
            down++;
        if (th->heap[down]->due_ns >= conn->due_ns)
            break;
        place(th, at, th->heap[down]);
        at = down;
    }
    place(th, at, conn);
}

static void take_out(struct load_thread *th, struct load_conn *conn)
{
    uint32_t at = conn->heap_pos - 1;
    conn->heap_pos = 0;
    struct load_conn *last = th->heap[--th->heap_count];
    if (last == conn)
        return;
    place(th, at, last);
    sift_up(th, at);
    sift_down(th, last->heap_pos - 1);
}

void load_timer_set(struct load_thread *th, struct load_conn *conn, uint64_t due_ns)
{
    if (conn->heap_pos)
        take_out(th, conn);
    conn->due_ns = due_ns;
    if (due_ns == UINT64_MAX)
        return;
    place(th, th->heap_count, conn);
    sift_up(th, th->heap_count++);
}

struct load_conn *load_timer_first(const struct load_thread *th)
{
    return th->heap_count ? th->heap[0] : NULL;
}
