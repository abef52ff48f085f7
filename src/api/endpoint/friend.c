/* SPDX-License-Identifier: Apache-2.0 */
/* /friend/...: friendships, requests and decisions (H-7.3). */
#include "im/friend/friend.h"
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "api/limit.h"
#include "base/mem.h"

enum { FILTERED_MAX = 4 * 1024 };

/* ---- friendships ---- */

static bool print_relation(void *arg, const struct mn_friend_relation *relation)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", relation->id);
    mn_jout_id(out, "user1Id", relation->user1);
    mn_jout_id(out, "user2Id", relation->user2);
    mn_jout_date(out, "createdAt", relation->created_ms);
    mn_jout_date(out, "updatedAt", relation->updated_ms);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

static void print_relations(struct mn_api_call *call, int64_t before, unsigned limit)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_friend_relations(call->api->config.friends, call->user, before, limit,
                                          print_relation, &out);
    mn_jout_close(&out, ']');
    if (err == MN_OK)
        mn_api_data_end(call);
    else
        mn_api_broken(call, "friends", err);
}

/* `limit` and `lastId` of a page. */
static bool read_page(struct mn_api_call *call, int64_t fallback, unsigned *ret_limit,
                      int64_t *ret_before)
{
    int64_t limit = 0, last = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", fallback, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastId", &last, &given))
        return false;
    *ret_limit = (unsigned)limit;
    *ret_before = given ? last : INT64_MAX;
    return true;
}

void mn_api_friend_relation_list(struct mn_api_call *call)
{
    print_relations(call, INT64_MAX, MN_FRIENDS_MAX);
}

void mn_api_friend_relation_cursor(struct mn_api_call *call)
{
    unsigned limit = 0;
    int64_t before = 0;
    if (read_page(call, 10, &limit, &before))
        print_relations(call, before, limit);
}

/* ---- requests ---- */

static bool print_request(void *arg, const struct mn_friend_request *request)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", request->id);
    mn_jout_id(out, "fromUserId", request->from);
    mn_jout_id(out, "toUserId", request->to);
    mn_jout_str(out, "content", request->has_content ? mn_str_c(request->content) : MN_STR_NONE);
    mn_jout_str(out, "status", mn_str_c(mn_friend_status_text(request->status)));
    mn_jout_date(out, "handledAt", request->handled_ms);
    mn_jout_date(out, "createdAt", request->created_ms);
    mn_jout_date(out, "updatedAt", request->updated_ms);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

static bool find_box(struct mn_str text, enum mn_friend_box *ret)
{
    static const struct {
        const char *name;
        enum mn_friend_box box;
    } boxes[] = {{"all", MN_FRIEND_ALL}, {"inbox", MN_FRIEND_INBOX}, {"outbox", MN_FRIEND_OUTBOX}};
    for (size_t i = 0; i < MN_ARRAY_LEN(boxes); i++) {
        if (mn_str_eq_nocase(text, mn_str_c(boxes[i].name))) {
            *ret = boxes[i].box;
            return true;
        }
    }
    return false;
}

/* The box of a list, after all that binds. False: answered. */
static bool need_box(struct mn_api_call *call, struct mn_str text, enum mn_friend_box *ret)
{
    *ret = MN_FRIEND_ALL;
    if (!text.n || find_box(mn_str_trim(text), ret))
        return true;
    mn_api_fail(call, 40000, "bad_box");
    return false;
}

static void end_requests(struct mn_api_call *call, enum mn_err err)
{
    if (err)
        mn_api_broken(call, "friend_requests", err);
    else
        mn_api_data_end(call);
}

void mn_api_friend_request_cursor(struct mn_api_call *call)
{
    struct mn_friend_request_query query = {.user = call->user};
    struct mn_str box;
    if (!mn_query_optional(call, "box", &box) ||
        !read_page(call, 20, &query.limit, &query.before) || !need_box(call, box, &query.box))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_friend_requests(call->api->config.friends, &query, print_request, &out);
    mn_jout_close(&out, ']');
    end_requests(call, err);
}

void mn_api_friend_request_list(struct mn_api_call *call)
{
    struct mn_friend_request_query query = {.user = call->user, .before = INT64_MAX};
    int64_t no = 0, size = 0, skip = 0, total = 0;
    struct mn_str box;
    if (!mn_query_optional(call, "box", &box) || !mn_api_page_params(call, &no, &size, &skip) ||
        !need_box(call, box, &query.box))
        return;
    query.skip = (uint64_t)skip;
    query.limit = (unsigned)size;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_open(&out, "records", '[');
    enum mn_err err = mn_friend_requests_page(call->api->config.friends, &query, print_request,
                                              &out, &total);
    mn_jout_close(&out, ']');
    mn_api_print_page_end(&out, total, size, no);
    end_requests(call, err);
}

/* ---- deciding ---- */

static void print_chat(struct mn_api_call *call, int64_t chat)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    if (chat > 0)
        mn_jout_id(&out, "singleChatId", chat);
    else
        mn_jout_null(&out, "singleChatId");
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

void mn_api_friend_request_decide(struct mn_api_call *call)
{
    int64_t request = 0, chat = 0;
    bool given = false;
    struct mn_str action;
    if (!mn_body_id(call, "requestId", &request, &given) || !mn_body_text(call, "action", &action))
        return;
    action = mn_str_trim(action);
    bool accept = mn_str_eq_nocase(action, MN_STR("accept"));
    enum mn_err err = MN_OK;
    if (!given || request <= 0)
        mn_api_fail(call, 40000, "bad_request_id");
    else if (!accept && !mn_str_eq_nocase(action, MN_STR("reject")))
        mn_api_fail(call, 40000, "bad_action");
    else if ((err = mn_friend_decide(call->api->config.friends, request, call->user, accept,
                                     &chat)) == MN_OK)
        print_chat(call, chat);
    else if (err == MN_ENOTFOUND)
        mn_api_fail(call, 40400, "not_found");
    else if (err == MN_EPERM)
        mn_api_fail(call, 40300, "forbidden");
    else if (err == MN_EEXIST)
        mn_api_fail(call, 40000, "already_accepted");
    else if (err == MN_EINVAL)
        mn_api_fail(call, 40000, "not_pending");
    else
        mn_api_broken(call, "friend_decide", err);
}

/* ---- asking ---- */

static void print_asked(struct mn_api_call *call, const struct mn_friend_asked *asked)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "requestId", asked->id);
    mn_jout_id(&out, "toUserId", asked->to);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

/* The errors in their order: the code's shape, the greeting, the code's owner. */
static void ask_by_code(struct mn_api_call *call, struct mn_str code, struct mn_str message,
                        struct mn_buf *filtered)
{
    struct mn_friend_asked asked;
    struct mn_str content;
    enum mn_err err = mn_friend_code_check(code);
    if (err == MN_OK) {
        err = mn_friend_text(call->snapshot->options.filter, message, filtered, &content);
        if (err == MN_OK)
            err = mn_friend_ask_by_code(call->api->config.friends, call->user, code, content,
                                        &asked);
    }
    if (err == MN_OK)
        print_asked(call, &asked);
    else if (err == MN_EINVAL)
        mn_api_fail(call, 40000, "bad_friend_code");
    else if (err == MN_ELIMIT)
        mn_api_fail(call, 40000, "message_too_long");
    else if (err == MN_ENOTFOUND)
        mn_api_fail(call, 40400, "user_not_found");
    else if (err == MN_EPERM)
        mn_api_fail(call, 40000, "cannot_send_to_self");
    else if (err == MN_EEXIST)
        mn_api_fail(call, 40000, "already_friends");
    else
        mn_api_broken(call, "friend_request", err);
}

void mn_api_friend_request_by_code(struct mn_api_call *call)
{
    struct mn_str who = mn_str_make((const char *)&call->user, sizeof(call->user));
    struct mn_str code, message;
    struct mn_buf filtered;
    if (!mn_body_text(call, "toFriendCode", &code) || !mn_body_text(call, "message", &message) ||
        mn_api_limited(call, mn_api_limit_hit(call, MN_API_RULE_FRIEND_USER, who, MN_STR_NONE)))
        return;
    mn_buf_init(&filtered, FILTERED_MAX);
    ask_by_code(call, code, message, &filtered);
    mn_buf_deinit(&filtered);
}
