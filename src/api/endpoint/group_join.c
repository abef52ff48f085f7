/* SPDX-License-Identifier: Apache-2.0 */
/* /group/join/...: asking to be let in, and deciding it (H-7.6). */
#include "api/endpoint/group_json.h"
#include "api/endpoint/handlers.h"
#include "api/input.h"
#include "base/mem.h"

static const struct {
    const char *name, *text;
} statuses[MN_JOIN_STATUS_COUNT] = {
    [MN_JOIN_PENDING] = {"pending", "PENDING"},
    [MN_JOIN_ACCEPTED] = {"accepted", "ACCEPTED"},
    [MN_JOIN_REJECTED] = {"rejected", "REJECTED"},
    [MN_JOIN_CANCELED] = {"canceled", "CANCELED"},
};

/* ---- H-7.6.1 ----------------------------------------------------------------- */

void mn_api_group_join_request(struct mn_api_call *call)
{
    struct mn_str code, message;
    int64_t id = 0;
    const char *reason = NULL;
    if (!mn_body_text(call, "groupCode", &code) || !mn_body_text(call, "message", &message) ||
        mn_api_group_limited(call, MN_API_RULE_GROUP_CODE))
        return;
    enum mn_err err = mn_groups_ask(call->api->config.groups, call->user, code, message, &id,
                                    &reason);
    if (err) {
        mn_api_refused(call, "group_join_request", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "requestId", id);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

/* ---- H-7.6.2 ----------------------------------------------------------------- */

/* Whatever it is not, is pending. */
static enum mn_join_status status_of(struct mn_str text)
{
    text = mn_str_trim(text);
    for (unsigned i = MN_JOIN_ACCEPTED; i < MN_JOIN_STATUS_COUNT; i++)
        if (mn_str_eq_nocase(text, mn_str_c(statuses[i].name)))
            return (enum mn_join_status)i;
    return mn_str_eq_nocase(text, MN_STR("cancelled")) ? MN_JOIN_CANCELED : MN_JOIN_PENDING;
}

static bool print_request(void *arg, const struct mn_join_request *request)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", request->id);
    mn_jout_id(out, "groupId", request->group);
    mn_jout_id(out, "fromUserId", request->from);
    mn_jout_str(out, "message", request->has_message ? mn_str_c(request->message) : MN_STR_NONE);
    mn_jout_str(out, "status", mn_str_c(statuses[request->status].text));
    if (request->handled_by)
        mn_jout_id(out, "handledBy", request->handled_by);
    else
        mn_jout_null(out, "handledBy");
    mn_jout_date(out, "handledAt", request->handled_ms);
    mn_jout_date(out, "createdAt", request->created_ms);
    mn_jout_date(out, "updatedAt", request->updated_ms);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

void mn_api_group_join_requests(struct mn_api_call *call)
{
    struct mn_join_query query = {.before = INT64_MAX};
    struct mn_str status;
    int64_t limit = 0;
    bool given = false;
    const char *reason = NULL;
    if (!mn_query_clamped(call, "limit", 20, 1, 100, &limit) ||
        !mn_query_id(call, "lastId", &query.before, &given) ||
        !mn_query_optional(call, "status", &status) ||
        !mn_api_group_query_id(call, "groupId", &query.group))
        return;
    query.limit = (unsigned)limit;
    query.status = status_of(status);
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_groups_requests(call->api->config.groups, call->user, &query,
                                         print_request, &out, &reason);
    mn_jout_close(&out, ']');
    if (err)
        mn_api_refused(call, "group_join_requests", err, reason);
    else
        mn_api_data_end(call);
}

/* ---- H-7.6.3 ----------------------------------------------------------------- */

void mn_api_group_join_decide(struct mn_api_call *call)
{
    int64_t id = 0;
    struct mn_str action;
    struct mn_join_request request;
    const char *reason = NULL;
    if (!mn_body_text(call, "action", &action) ||
        !mn_api_group_id(call, "requestId", "bad_request_id", "bad_request_id", &id))
        return;
    action = mn_str_trim(action);
    bool accept = mn_str_eq_nocase(action, MN_STR("accept"));
    if (!accept && !mn_str_eq_nocase(action, MN_STR("reject"))) {
        mn_api_fail(call, 40000, "bad_action");
        return;
    }
    if (mn_api_group_limited(call, MN_API_RULE_GROUP_CHANGE))
        return;
    enum mn_err err = mn_groups_decide(call->api->config.groups, call->user, id, accept, &request,
                                       &reason);
    if (err) {
        mn_api_refused(call, "group_join_decide", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    (void)print_request(&out, &request);
    mn_api_data_end(call);
}
