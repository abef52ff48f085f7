/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a conversation: see history.h.  Silent. */
#include "im/conversation/history.h"

#include "im/conversation/impl.h"

struct giver {
    mn_message_put put;
    void *arg;
};

static bool give(void *arg, const struct mn_msg *msg)
{
    const struct giver *giver = arg;
    struct mn_message_view message = mn_message_view_of(msg);
    return giver->put(giver->arg, &message);
}

static enum mn_err read_chat(const struct mn_conversations *conversations, int64_t chat,
                             const struct mn_history_range *range, mn_message_put put, void *arg)
{
    struct giver giver = {put, arg};
    const struct mn_range places = {.chat = chat,
                                    .after = range->after,
                                    .before = range->before,
                                    .descending = range->newest_first,
                                    .limit = range->limit};
    return mn_msglog_read(conversations->msglog, &places, give, &giver);
}

enum mn_err mn_history_single(const struct mn_conversations *conversations, int64_t user,
                              int64_t peer, const struct mn_history_range *range,
                              mn_message_put put, void *arg, const char **ret_reason)
{
    int64_t chat = 0;
    enum mn_err err = mn_conversation_check_peer(user, peer, ret_reason);
    if (err)
        return err;
    err = mn_msglog_pair(conversations->msglog, user, peer, &chat);
    if (err == MN_ENOTFOUND)
        return MN_OK;
    return err ? err : read_chat(conversations, chat, range, put, arg);
}

enum mn_err mn_history_single_page(const struct mn_conversations *conversations, int64_t user,
                                   int64_t peer, int64_t skip, unsigned limit, mn_message_put put,
                                   void *arg, int64_t *ret_total, const char **ret_reason)
{
    struct mn_conversation conversation;
    enum mn_err err = mn_conversation_with(conversations, user, peer, &conversation, ret_reason);
    if (err)
        return err;
    /* Sequences have no gaps, so the last one is the total, and a page is a range of them. */
    *ret_total = conversation.last_seq;
    if (skip >= conversation.last_seq)
        return MN_OK;
    const struct mn_history_range range = {
        .before = conversation.last_seq - skip + 1, .newest_first = true, .limit = limit};
    return read_chat(conversations, conversation.id, &range, put, arg);
}

/* A chat of two is no group, whatever its id says. */
static enum mn_err check_member(const struct mn_conversations *conversations, int64_t user,
                                int64_t group, const char **ret_reason)
{
    struct mn_chat_view chat;
    if (group <= 0) {
        *ret_reason = "missing_group_id";
        return MN_EINVAL;
    }
    enum mn_err err = mn_msglog_chat(conversations->msglog, group, user, &chat);
    if (err && err != MN_ENOTFOUND)
        return err;
    if (!err && chat.peer == 0)
        return MN_OK;
    *ret_reason = "not_group_member";
    return MN_EPERM;
}

enum mn_err mn_history_group(const struct mn_conversations *conversations, int64_t user,
                             int64_t group, const struct mn_history_range *range,
                             mn_message_put put, void *arg, const char **ret_reason)
{
    enum mn_err err = check_member(conversations, user, group, ret_reason);
    return err ? err : read_chat(conversations, group, range, put, arg);
}
