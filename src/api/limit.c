/* SPDX-License-Identifier: Apache-2.0 */
#include "api/limit.h"

#include "base/clock.h"
#include "base/num.h"

/* All windows are a minute unless tests say otherwise. */
#define WINDOW_S 60

/* How often reads may come is an option; `doc` says what comes of its default. */
static const struct {
    uint32_t max;
    const char *doc;
} rules[MN_API_RULE_COUNT] = {
    [MN_API_RULE_LOGIN_PAIR] = {5, "5 for an address and name"},
    [MN_API_RULE_LOGIN_ADDRESS] = {60, "60 for an address"},
    [MN_API_RULE_LOGIN_ACCOUNT] = {20, "20 for a name"},
    [MN_API_RULE_REFRESH_ADDRESS] = {60, "60 for an address"},
    [MN_API_RULE_VERIFY_ADDRESS] = {600, "600 for an address"},
    [MN_API_RULE_READ_USER] = {0, "1200 for a user"},
    [MN_API_RULE_READ_ADDRESS] = {0, "1200 for an address without a good token"},
    [MN_API_RULE_FRIEND_USER] = {3, "3 for a user"},
    [MN_API_RULE_MOMENT_USER] = {120, "120 for a user"},
    [MN_API_RULE_GROUP_CREATE] = {1, "1 for a user"},
    [MN_API_RULE_GROUP_CODE] = {60, "60 with a code for a user"},
    [MN_API_RULE_GROUP_CHANGE] = {600, "600 changes of groups for a user"},
};

void mn_api_limits_default(struct mn_api_limit limits[MN_API_RULE_COUNT])
{
    for (unsigned i = 0; i < MN_API_RULE_COUNT; i++)
        limits[i] = (struct mn_api_limit){rules[i].max, WINDOW_S};
}

const char *mn_api_rule_doc(enum mn_api_rule rule) { return rules[rule].doc; }

uint32_t mn_api_limit_hit(struct mn_api_call *call, enum mn_api_rule rule, struct mn_str a,
                          struct mn_str b)
{
    const struct mn_api_limit *limit = &call->snapshot->options.limits[rule];
    uint32_t retry_s = 0;
    MN_BUG_ON(!(call->route->limits & 1u << rule));
    if (!call->snapshot->options.ratelimit_enabled || limit->max == 0 || limit->window_s == 0)
        return 0;
    if (mn_ratelimit_hit(call->api->limit, rule, a, b, limit->max, limit->window_s, mn_mono_ms(),
                         &retry_s))
        return 0;
    return retry_s;
}

bool mn_api_limited(struct mn_api_call *call, uint32_t retry_s)
{
    if (retry_s == 0)
        return false;
    char text[20];
    size_t n = mn_print_u64(text, retry_s);
    mn_metric_inc(call->shard, MN_M_HTTP_RATE_LIMITED);
    (void)mn_http_response_header(call->res, "Retry-After", mn_str_make(text, n));
    mn_api_error(call, 429, 42900, "too_many_requests");
    return true;
}

bool mn_api_read_limited(struct mn_api_call *call)
{
    enum mn_api_rule rule = call->user != 0 ? MN_API_RULE_READ_USER : MN_API_RULE_READ_ADDRESS;
    struct mn_str who = mn_str_make((const char *)&call->user, sizeof(call->user));
    if (!call->route || !(call->route->limits & 1u << rule))
        return false;
    if (call->user == 0) {
        call->client = mn_client_of(&call->snapshot->proxies, call->req);
        who = mn_client_str(&call->client);
    }
    return mn_api_limited(call, mn_api_limit_hit(call, rule, who, MN_STR_NONE));
}
