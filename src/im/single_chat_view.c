/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversation lists.  The store keeps a user's chats in order of chat id;
 * clients want them newest first.  So a page is made by one pass over all
 * of them with a heap of the best skip + limit positions (16 bytes each),
 * and a second read of the few that are shown.
 */
#include "im/single_chat_view.h"

#include "base/mem.h"

/* Min-heap: the root is the last of the list so far, the first to be displaced. */
struct best {
    struct mn_chat_pos before;
    struct mn_chat_pos *heap;
    size_t count, cap, keep;
    uint64_t total;
    enum mn_err err;
};

/* a stands behind b in the list. */
static bool behind(struct mn_chat_pos a, struct mn_chat_pos b)
{
    return a.updated_ms < b.updated_ms || (a.updated_ms == b.updated_ms && a.chat < b.chat);
}

static void sift_up(struct mn_chat_pos *heap, size_t i)
{
    struct mn_chat_pos pos = heap[i];
    for (; i > 0 && behind(pos, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = pos;
}

static void sift_down(struct mn_chat_pos *heap, size_t count, size_t i)
{
    struct mn_chat_pos pos = heap[i];
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && behind(heap[child + 1], heap[child]))
            child++;
        if (!behind(heap[child], pos))
            break;
        heap[i] = heap[child];
    }
    heap[i] = pos;
}

static bool grow(struct best *best)
{
    size_t cap = best->cap ? best->cap * 2 : 128;
    void *p = mn_try_realloc_array(best->heap, cap, sizeof(*best->heap));
    if (!p) {
        best->err = MN_ENOMEM;
        return false;
    }
    best->heap = p;
    best->cap = cap;
    return true;
}

static bool consider(void *arg, const struct mn_chat_view *view)
{
    struct best *best = arg;
    struct mn_chat_pos pos = {view->updated_ms, view->chat};
    if (!behind(pos, best->before))
        return true;
    best->total++;
    if (best->count == best->keep) {
        if (behind(best->heap[0], pos)) {
            best->heap[0] = pos;
            sift_down(best->heap, best->count, 0);
        }
        return true;
    }
    if (best->count == best->cap && !grow(best))
        return false;
    best->heap[best->count] = pos;
    sift_up(best->heap, best->count++);
    return true;
}

/* Heap to list: newest first. */
static void sort(struct best *best)
{
    for (size_t n = best->count; n > 1; n--) {
        struct mn_chat_pos last = best->heap[0];
        best->heap[0] = best->heap[n - 1];
        best->heap[n - 1] = last;
        sift_down(best->heap, n - 1, 0);
    }
}

enum mn_err mn_single_chat_page(struct mn_msglog *log, int64_t user, struct mn_chat_pos before,
                                uint64_t skip, unsigned limit, struct mn_chat_view *ret_views,
                                unsigned *ret_count, uint64_t *ret_total)
{
    struct best best = {.before = before};
    unsigned count = 0;
    if (skip < MN_CHAT_LIST_DEPTH) {
        best.keep = (size_t)skip + limit;
    } else {
        skip = 0;
        limit = 0;
        best.keep = 1; /* only the total is wanted */
    }
    enum mn_err err = mn_msglog_chats(log, user, 0, consider, &best);
    if (err == MN_OK)
        err = best.err;
    sort(&best);
    for (size_t i = (size_t)skip; err == MN_OK && i < best.count && count < limit; i++) {
        err = mn_msglog_chat(log, best.heap[i].chat, user, &ret_views[count]);
        if (err == MN_OK)
            count++;
        else if (err == MN_ENOTFOUND)
            err = MN_OK;
    }
    mn_free(best.heap);
    if (err == MN_OK) {
        *ret_count = count;
        *ret_total = best.total;
    }
    return err;
}

enum mn_err mn_single_chat_with(struct mn_msglog *log, int64_t user, int64_t peer,
                                struct mn_chat_view *ret)
{
    int64_t chat = 0;
    enum mn_err err = mn_msglog_pair(log, user, peer, &chat);
    return err == MN_OK ? mn_msglog_chat(log, chat, user, ret) : err;
}
