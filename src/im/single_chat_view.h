/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_SINGLE_CHAT_VIEW_H
#define MN_IM_SINGLE_CHAT_VIEW_H

#include <stdint.h>

#include "store/msglog.h"

/*
 * Single chats as HTTP clients page through them (H-7.4).  All
 * calls read the message log and block: workers only.
 */

/* A place in a conversation list: newest `updated_ms` first, then greatest chat id. */
struct mn_chat_pos {
    int64_t updated_ms, chat;
};
#define MN_CHAT_POS_TOP ((struct mn_chat_pos){INT64_MAX, INT64_MAX})

/* More than this many rows deep a list is not paged: 16 MB of positions. */
#define MN_CHAT_LIST_DEPTH 1000000

/*
 * The user's chats behind `before`, without the first `skip`, at most
 * `limit`, into ret_views[limit]; *ret_total counts all behind `before`.
 * Two passes, so a chat that moved up in between may be missing; clients
 * expect that of this list (7.4.1).
 */
MN_MUSTCHECK enum mn_err mn_single_chat_page(struct mn_msglog *log, int64_t user,
                                             struct mn_chat_pos before, uint64_t skip,
                                             unsigned limit, struct mn_chat_view *ret_views,
                                             unsigned *ret_count, uint64_t *ret_total);
/* The chat with `peer` as `user` sees it; MN_ENOTFOUND when they never had one. */
MN_MUSTCHECK enum mn_err mn_single_chat_with(struct mn_msglog *log, int64_t user, int64_t peer,
                                             struct mn_chat_view *ret);

#endif
