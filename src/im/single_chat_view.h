/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_SINGLE_CHAT_VIEW_H
#define MN_IM_SINGLE_CHAT_VIEW_H

#include <stdint.h>

#include "store/log/msglog.h"

/*
 * Single chats as HTTP clients page through them (H-7.4).  All
 * calls read the message log and block: workers only.
 */

/* The chat with `peer` as `user` sees it; MN_ENOTFOUND when they never had one. */
MN_MUSTCHECK enum mn_err mn_single_chat_with(struct mn_msglog *log, int64_t user, int64_t peer,
                                             struct mn_chat_view *ret);

#endif
