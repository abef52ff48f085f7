/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ENDPOINT_MESSAGE_JSON_H
#define MN_API_ENDPOINT_MESSAGE_JSON_H

#include "api/call.h"
#include "im/conversation/conversation.h"
#include "im/conversation/history.h"

/*
 * What the lists of all kinds of chats share: messages as JSON, the page
 * object, and the places from which pages are read.  The functions that
 * return bool after reading input have answered when they return false.
 */
#define MN_API_PAGE_MAX 100 /* rows of a page, clamped */

/* mn_message_put, arg a struct mn_jout: the message object of 7.4.3; stops at a full buffer. */
bool mn_api_print_message(void *arg, const struct mn_message_view *msg);
/* `lastMessage` of a conversation (7.4.1, 7.7.1); NULL: there is none. */
void mn_api_print_last_message(struct mn_jout *out, const struct mn_message_view *msg);

/*
 * pageNo and pageSize of the .../list calls (3.5); pageNo may be any 64-bit
 * number: *ret_skip, the rows before the page, stops at the greatest.
 */
bool mn_api_page_params(struct mn_api_call *call, int64_t *ret_no, int64_t *ret_size,
                        int64_t *ret_skip);
/* Totals behind `records`, real ones (H-3.5), and the page object's end. */
void mn_api_print_page_end(struct mn_jout *out, int64_t total, int64_t size, int64_t current);
/* mn_conversations_single() or mn_conversations_group(). */
typedef enum mn_err (*mn_api_conversations_fn)(const struct mn_conversations *conversations,
                                               int64_t user,
                                               const struct mn_conversation_row *after,
                                               unsigned limit, mn_conversation_put put, void *arg);
/* .../conversation/cursor: an array of what `put` prints; `what` names it in the log. */
void mn_api_conversations(struct mn_api_call *call, mn_api_conversations_fn list,
                          mn_conversation_put put, const char *what);

/* Messages of one kind of chats. */
struct mn_api_history {
    const char *with; /* parameter that says which chat */
    enum mn_err (*list)(const struct mn_conversations *conversations, int64_t user, int64_t with,
                        const struct mn_history_range *range, mn_message_put put, void *arg,
                        const char **ret_reason);
    const char *what; /* names it in the log */
};
/* .../message/cursor: an array, newest first, before lastSeq. */
void mn_api_messages_before(struct mn_api_call *call, const struct mn_api_history *of);
/* .../message/since: an array, oldest first, behind sinceSeq. */
void mn_api_messages_since(struct mn_api_call *call, const struct mn_api_history *of);

#endif
