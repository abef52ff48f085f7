/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of endpoints: what each one needs is a column here, enforced by
 * the pipeline in api.c, so that handlers hold no checks of that kind.
 * Sorted by path, for the binary search.
 */
#include "api/route.h"

#include "api/handlers.h"
#include "base/mem.h"

enum { GET = 0, POST = 1, OPEN = 0, USER = 1, BARE = 0, BODY = 1 };

static const struct mn_api_route routes[] = {
    /* path, handler, place, method, token, body */
    {"/", mn_api_front, MN_API_LOOP, GET, OPEN, BARE},
    {"/auth/login", mn_api_auth_login, MN_API_HASHER, POST, OPEN, BODY},
    {"/auth/logout", mn_api_auth_logout, MN_API_WORKER, POST, USER, BARE},
    {"/auth/refresh", mn_api_auth_refresh, MN_API_WORKER, POST, OPEN, BODY},
    {"/auth/verify", mn_api_auth_verify, MN_API_WORKER, POST, OPEN, BODY},
    {"/healthz", mn_api_healthz, MN_API_LOOP, GET, OPEN, BARE},
    {"/me/friend-code/reset", mn_api_me_code_reset, MN_API_WORKER, POST, USER, BARE},
    {"/me/profile", mn_api_me_profile, MN_API_WORKER, GET, USER, BARE},
    {"/metrics", mn_api_metrics, MN_API_OPS, GET, OPEN, BARE},
    {"/openapi.yaml", mn_api_openapi, MN_API_LOOP, GET, OPEN, BARE},
    {"/readyz", mn_api_readyz, MN_API_OPS, GET, OPEN, BARE},
    {"/single-chat/conversation/cursor", mn_api_conversation_cursor, MN_API_WORKER, GET, USER,
     BARE},
    {"/single-chat/conversation/list", mn_api_conversation_list, MN_API_WORKER, GET, USER, BARE},
    {"/single-chat/member/state", mn_api_member_state, MN_API_WORKER, GET, USER, BARE},
    {"/single-chat/message/cursor", mn_api_message_cursor, MN_API_WORKER, GET, USER, BARE},
    {"/single-chat/message/list", mn_api_message_list, MN_API_WORKER, GET, USER, BARE},
    {"/single-chat/message/since", mn_api_message_since, MN_API_WORKER, GET, USER, BARE},
    {"/user/basic", mn_api_user_basic, MN_API_WORKER, GET, USER, BARE},
    {"/user/profile", mn_api_user_profile, MN_API_WORKER, GET, USER, BARE},
};

static int compare(struct mn_str path, const char *with)
{
    size_t n = strlen(with), least = path.n < n ? path.n : n;
    int order = least > 0 ? memcmp(path.p, with, least) : 0;
    return order != 0 ? order : (path.n > n) - (path.n < n);
}

const struct mn_api_route *mn_api_route_find(struct mn_str path)
{
    size_t low = 0, high = MN_ARRAY_LEN(routes);
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = compare(path, routes[mid].path);
        if (order == 0)
            return &routes[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

bool mn_api_route_takes(const struct mn_api_route *route, enum mn_http_method method)
{
    if (route->post)
        return method == MN_HTTP_POST;
    return method == MN_HTTP_GET || method == MN_HTTP_HEAD;
}

const char *mn_api_route_allow(const struct mn_api_route *route)
{
    return route->post ? "POST,OPTIONS" : "GET,HEAD,OPTIONS";
}

const struct mn_api_route *mn_api_routes(unsigned *ret_count)
{
    *ret_count = (unsigned)MN_ARRAY_LEN(routes);
    return routes;
}
