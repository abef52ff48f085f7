/* SPDX-License-Identifier: Apache-2.0 */
/* GET /group/conversation/cursor, /group/message/...: conversations and messages of groups (H-7.7). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "base/mem.h"
#include "im/message.h"

#define SINCE_MAX 200 /* rows of .../since, clamped */

/* ---- conversations -------------------------------------------------------- */

/* Rows of a page; names are asked for all of them at once, so they are kept until then. */
struct rows {
    struct mn_buf texts; /* contents, and behind them names */
    size_t count;
    int64_t groups[MN_API_PAGE_MAX];
    struct row {
        struct mn_chat_view view;
        struct mn_msg last; /* without its texts */
        size_t content_at, content_n, name_at, name_n;
        bool has_last, has_name;
    } rows[MN_API_PAGE_MAX];
};

enum { TEXTS_MAX = 8 * 1024 * 1024 }; /* 100 messages of 4096 characters and 100 names are less */

static bool take_row(void *arg, const struct mn_chat_view *view, const struct mn_msg *last)
{
    struct rows *rows = arg;
    struct row *row = &rows->rows[rows->count];
    *row = (struct row){.view = *view, .has_last = last != NULL};
    if (last) {
        struct mn_str content = mn_message_text(last);
        row->last = *last;
        row->content_at = rows->texts.n;
        row->content_n = content.n;
        mn_buf_add_str(&rows->texts, content);
    }
    rows->groups[rows->count++] = view->chat;
    return rows->count < MN_API_PAGE_MAX && !rows->texts.failed;
}

static void take_name(void *arg, size_t index, struct mn_str name)
{
    struct rows *rows = arg;
    struct row *row = &rows->rows[index];
    row->has_name = true;
    row->name_at = rows->texts.n;
    row->name_n = name.n;
    mn_buf_add_str(&rows->texts, name);
}

static struct mn_str text_of(const struct rows *rows, size_t at, size_t n)
{
    return mn_str_make(n > 0 ? rows->texts.p + at : "", n);
}

static void print_row(struct mn_jout *out, const struct rows *rows, struct row *row)
{
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "groupId", row->view.chat);
    mn_jout_str(out, "name",
                row->has_name ? text_of(rows, row->name_at, row->name_n) : MN_STR_NONE);
    mn_jout_date(out, "updatedAt", row->view.updated_ms);
    mn_jout_num(out, "unreadCount", row->view.unread);
    mn_jout_num(out, "mentionUnreadCount", row->view.mentions);
    row->last.body = text_of(rows, row->content_at, row->content_n);
    row->last.status = MN_MSG_SAVED; /* its placeholder has been taken for its text */
    mn_api_print_last_message(out, row->has_last ? &row->last : NULL);
    mn_jout_close(out, '}');
}

/* One query of each store for the page. */
static enum mn_err read_rows(const struct mn_api_config *config,
                             const struct mn_conversation_query *query, struct rows *rows)
{
    enum mn_err err = mn_msglog_group_conversations(config->msglog, query, take_row, rows);
    if (!err && rows->count > 0)
        err = config->groups.names(config->groups.ctx, rows->groups, rows->count, take_name, rows);
    return !err && rows->texts.failed ? MN_ENOMEM : err;
}

void mn_api_group_conversation_cursor(struct mn_api_call *call)
{
    struct mn_conversation_query query = {.user = call->user};
    int64_t limit = 0;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_api_list_cursor(call, &query.before))
        return;
    query.limit = (unsigned)limit;
    struct rows *rows = mn_new(struct rows);
    mn_buf_init(&rows->texts, TEXTS_MAX);
    enum mn_err err = read_rows(&call->api->config, &query, rows);
    if (err) {
        mn_api_broken(call, "group_conversations", err);
    } else {
        struct mn_jout out = mn_api_data_begin(call);
        mn_jout_open(&out, NULL, '[');
        for (size_t i = 0; i < rows->count; i++)
            print_row(&out, rows, &rows->rows[i]);
        mn_jout_close(&out, ']');
        mn_api_data_end(call);
    }
    mn_buf_deinit(&rows->texts);
    mn_free(rows);
}

/* ---- messages -------------------------------------------------------------- */

/* groupId, and whether the caller is a member. */
static bool need_group(struct mn_api_call *call, int64_t *ret_group)
{
    struct mn_chat_view view;
    if (!mn_query_need(call, "groupId", ret_group))
        return false;
    if (*ret_group <= 0) {
        mn_api_fail(call, 40000, "missing_group_id");
        return false;
    }
    enum mn_err err = mn_msglog_chat(call->api->config.msglog, *ret_group, call->user, &view);
    if (err && err != MN_ENOTFOUND) {
        mn_api_broken(call, "group", err);
        return false;
    }
    if (err || view.peer != 0) { /* a chat of two is no group */
        mn_api_fail(call, 40300, "not_group_member");
        return false;
    }
    return true;
}

static void answer_messages(struct mn_api_call *call, const struct mn_range *range)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_msglog_read(call->api->config.msglog, range, mn_api_print_message, &out);
    mn_jout_close(&out, ']');
    if (err)
        mn_api_broken(call, "group_messages", err);
    else
        mn_api_data_end(call);
}

void mn_api_group_message_cursor(struct mn_api_call *call)
{
    struct mn_range range = {.after = 0, .before = INT64_MAX, .descending = true};
    int64_t limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastSeq", &range.before, &given) || !need_group(call, &range.chat))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, &range);
}

void mn_api_group_message_since(struct mn_api_call *call)
{
    struct mn_range range = {.after = 0, .before = INT64_MAX, .descending = false};
    int64_t limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 50, 1, SINCE_MAX, &limit) ||
        !mn_query_id(call, "sinceSeq", &range.after, &given) || !need_group(call, &range.chat))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, &range);
}
