/* SPDX-License-Identifier: Apache-2.0 */
#include "im/conversation/place.h"

static bool take_time(void *arg, const struct mn_msg *msg)
{
    int64_t *ret_ms = arg;
    *ret_ms = msg->created_ms;
    return true;
}

/* Whether a message of the chat has exactly this time: halves the sequences, whose times rise. */
static enum mn_err has_message_at(struct mn_msglog *log, const struct mn_chat_view *row,
                                  int64_t unix_ms, bool *ret)
{
    int64_t low = 1, high = row->last_seq;
    *ret = unix_ms == row->created_ms;
    while (low <= high && !*ret) {
        int64_t mid = low + (high - low) / 2, at = 0;
        struct mn_range one = {.chat = row->chat, .after = mid - 1, .before = mid + 1, .limit = 1};
        enum mn_err err = mn_msglog_read(log, &one, take_time, &at);
        if (err != MN_OK)
            return err;
        *ret = at == unix_ms;
        if (at < unix_ms)
            low = mid + 1;
        else
            high = mid - 1;
    }
    return MN_OK;
}

/*
 * Of several instants the one at which the row stood.  Rows only move up, so
 * none behind its present time comes into question.
 */
static enum mn_err choose(struct mn_msglog *log, const struct mn_chat_view *row, const int64_t *at,
                          unsigned count, int64_t *ret_ms)
{
    while (count > 1 && at[count - 1] > row->updated_ms)
        count--;
    *ret_ms = at[count - 1];
    for (unsigned i = count; count > 1 && i > 0; i--) {
        bool found = false;
        enum mn_err err = has_message_at(log, row, at[i - 1], &found);
        if (err != MN_OK)
            return err;
        if (found) {
            *ret_ms = at[i - 1];
            break;
        }
    }
    return MN_OK;
}

enum mn_err mn_conversation_place(struct mn_msglog *log, int64_t user,
                                  const struct mn_date *updated, int64_t chat,
                                  struct mn_chat_pos *ret)
{
    struct mn_chat_view row;
    int64_t at[MN_DATE_INSTANTS];
    enum mn_err err = chat > 0 ? mn_msglog_chat(log, chat, user, &row) : MN_ENOTFOUND;
    bool known = err == MN_OK;
    if (!known && err != MN_ENOTFOUND)
        return err;
    if (known && mn_date_is(updated, row.updated_ms)) {
        *ret = (struct mn_chat_pos){row.updated_ms, chat};
        return MN_OK;
    }
    unsigned count = mn_date_instants(updated, at);
    if (count == 0) {
        *ret = (struct mn_chat_pos){at[0], 0}; /* all that was before the gap, nothing behind it */
        return MN_OK;
    }
    *ret = (struct mn_chat_pos){at[count - 1], chat};
    return known && count > 1 ? choose(log, &row, at, count, &ret->updated_ms) : MN_OK;
}
