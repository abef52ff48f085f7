/* SPDX-License-Identifier: Apache-2.0 */
/* GET /group/conversation/cursor, /group/message/...: conversations and messages of groups (H-7.7). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "im/conversation/history.h"

#define SINCE_MAX 200 /* rows of .../since, clamped */

/* ---- conversations -------------------------------------------------------- */

static bool print_conversation(void *arg, const struct mn_conversation *conversation)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "groupId", conversation->id);
    mn_jout_str(out, "name", conversation->name);
    mn_jout_date(out, "updatedAt", conversation->updated_ms);
    mn_jout_num(out, "unreadCount", conversation->unread);
    mn_jout_num(out, "mentionUnreadCount", conversation->mentions);
    mn_api_print_last_message(out, conversation->last);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

void mn_api_group_conversation_cursor(struct mn_api_call *call)
{
    struct mn_conversation_row room;
    const struct mn_conversation_row *after = NULL;
    int64_t limit = 0;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_api_last_row(call, &room, &after))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_conversations_group(call->api->config.conversations, call->user, after,
                                             (unsigned)limit, print_conversation, &out);
    mn_jout_close(&out, ']');
    if (err)
        mn_api_broken(call, "group_conversations", err);
    else
        mn_api_data_end(call);
}

/* ---- messages -------------------------------------------------------------- */

static void answer_messages(struct mn_api_call *call, int64_t group,
                            const struct mn_history_range *range)
{
    const char *reason = NULL;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_history_group(call->api->config.conversations, call->user, group, range,
                                       mn_api_print_message, &out, &reason);
    mn_jout_close(&out, ']');
    if (err)
        mn_api_refused(call, "group_messages", err, reason);
    else
        mn_api_data_end(call);
}

void mn_api_group_message_cursor(struct mn_api_call *call)
{
    struct mn_history_range range = {.before = INT64_MAX, .newest_first = true};
    int64_t group = 0, limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastSeq", &range.before, &given) ||
        !mn_query_need(call, "groupId", &group))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, group, &range);
}

void mn_api_group_message_since(struct mn_api_call *call)
{
    struct mn_history_range range = {.before = INT64_MAX};
    int64_t group = 0, limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 50, 1, SINCE_MAX, &limit) ||
        !mn_query_id(call, "sinceSeq", &range.after, &given) ||
        !mn_query_need(call, "groupId", &group))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, group, &range);
}
