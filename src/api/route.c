/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include "api/endpoint/handlers.h"
#include "api/limit.h"
#include "base/mem.h"

#define READS (MN_API_LIMIT(READ_USER) | MN_API_LIMIT(READ_ADDRESS))
#define LOGINS                                                                                     \
    (MN_API_LIMIT(LOGIN_PAIR) | MN_API_LIMIT(LOGIN_ADDRESS) | MN_API_LIMIT(LOGIN_ACCOUNT))

/* path, kind, method, who, limits, place, body, handler, doc */
#define ROW(path, kind, method, who, limits, place, body, handler, doc)                            \
    {                                                                                              \
        path, MN_API_##kind, MN_HTTP_##method, MN_API_##who, limits, MN_API_##place,               \
            MN_API_##body, mn_api_##handler, doc                                                   \
    }
/* Most rows: a user reads something, or posts an object to a worker. */
#define READ(path, handler, doc) ROW(path, EXACT, GET, USER, READS, WORKER, BARE, handler, doc)

#define WRITE(path, limits, handler, doc)                                                          \
    ROW(path, EXACT, POST, USER, limits, WORKER, JSON, handler, doc)
#define MOMENTS MN_API_LIMIT(MOMENT_USER)
#define GROUP_CHANGES MN_API_LIMIT(GROUP_CHANGE)

static const struct mn_api_route routes[] = {
    ROW("/", EXACT, GET, ANYONE, 0, LOOP, BARE, front, "what this is, as a page"),
    ROW("/auth/login", EXACT, POST, ANYONE, LOGINS, HASHER, JSON, auth_login,
        "log in, or register"),
    ROW("/auth/logout", EXACT, POST, USER, 0, WORKER, BARE, auth_logout,
        "end all sessions of the caller"),
    ROW("/auth/refresh", EXACT, POST, ANYONE, MN_API_LIMIT(REFRESH_ADDRESS), WORKER, JSON,
        auth_refresh, "a new access token"),
    ROW("/auth/verify", EXACT, POST, ANYONE, MN_API_LIMIT(VERIFY_ADDRESS), WORKER, JSON,
        auth_verify, "check an access token"),
    READ("/call/record/cursor", call_record_cursor, "calls, newest first, from a cursor"),
    READ("/call/record/list", call_record_list, "calls in pages"),
    READ("/client/config", client_config, "what a client has to know of this server"),
    WRITE("/dnd/dm/set", 0, dnd_dm_set, "do not ring for a chat of two, or do"),
    WRITE("/dnd/group/set", 0, dnd_group_set, "do not ring for a group, or do"),
    READ("/dnd/list", dnd_list, "what is not to ring"),
    READ("/friend/relation/cursor", friend_relation_cursor, "friends, newest first, from a cursor"),
    READ("/friend/relation/list", friend_relation_list, "all friends"),
    WRITE("/friend/request/by-code", MN_API_LIMIT(FRIEND_USER), friend_request_by_code,
          "ask somebody to be a friend, by his code"),
    READ("/friend/request/cursor", friend_request_cursor,
         "requests of friends, newest first, from a cursor"),
    WRITE("/friend/request/decide", 0, friend_request_decide, "accept or reject a request"),
    READ("/friend/request/list", friend_request_list, "requests of friends in pages"),
    READ("/group/basic", group_basic, "names of the caller's groups"),
    WRITE("/group/code/reset", GROUP_CHANGES, group_code_reset, "a new code for a group"),
    READ("/group/conversation/cursor", group_conversation_cursor,
         "conversations with groups, newest first, from a cursor"),
    WRITE("/group/create", MN_API_LIMIT(GROUP_CREATE), group_create, "make a group"),
    WRITE("/group/join/decide", GROUP_CHANGES, group_join_decide, "let somebody in, or not"),
    WRITE("/group/join/request", MN_API_LIMIT(GROUP_CODE), group_join_request,
          "ask to be let in, by the group's code"),
    READ("/group/join/requests", group_join_requests, "who asks to be let in"),
    WRITE("/group/leave", GROUP_CHANGES, group_leave, "leave a group"),
    WRITE("/group/member/kick", GROUP_CHANGES, group_member_kick, "remove a member"),
    READ("/group/member/list", group_member_list, "all members of a group"),
    WRITE("/group/member/mute", GROUP_CHANGES, group_member_mute, "ban a member from speaking"),
    WRITE("/group/member/set-admin", GROUP_CHANGES, group_member_set_admin,
          "make a member an admin, or no longer"),
    READ("/group/message/cursor", group_message_cursor,
         "messages of a group below a sequence, newest first"),
    READ("/group/message/since", group_message_since,
         "messages of a group above a sequence, oldest first"),
    WRITE("/group/owner/transfer", GROUP_CHANGES, group_owner_transfer,
          "give a group to another member"),
    ROW("/group/profile/by-code", EXACT, GET, USER, READS | MN_API_LIMIT(GROUP_CODE), WORKER, BARE,
        group_profile_by_code, "a group, by its code"),
    READ("/group/profile/by-id", group_profile_by_id, "a group, by its id"),
    ROW("/healthz", EXACT, GET, ANYONE, 0, LOOP, BARE, healthz, "whether the process answers"),
    ROW("/me/friend-code/reset", EXACT, POST, USER, 0, WORKER, BARE, me_code_reset,
        "a new friend code"),
    READ("/me/profile", me_profile, "the caller's profile"),
    ROW("/metrics", EXACT, GET, ANYONE, 0, OPS, BARE, metrics, "Prometheus text"),
    WRITE("/moment/comment/create", MOMENTS, moment_comment_create, "comment on a post"),
    READ("/moment/comment/cursor", moment_comments, "comments on a post, newest first"),
    WRITE("/moment/comment/delete", MOMENTS, moment_comment_delete, "delete a comment"),
    READ("/moment/feed/cursor", moment_feed, "posts of the caller and his friends, newest first"),
    WRITE("/moment/like/toggle", MOMENTS, moment_like, "like a post, or no longer"),
    WRITE("/moment/post/create", MOMENTS, moment_post_create, "write a post"),
    WRITE("/moment/post/delete", MOMENTS, moment_post_delete, "delete a post"),
    READ("/moment/user/cursor", moment_user, "posts of a user, newest first"),
    ROW("/openapi.yaml", EXACT, GET, ANYONE, 0, LOOP, BARE, openapi, "this API, machine-readable"),
    ROW("/readyz", EXACT, GET, ANYONE, 0, PROBE, BARE, readyz, "whether the server can work"),
    READ("/single-chat/conversation/cursor", conversation_cursor,
         "conversations, newest first, from a cursor"),
    READ("/single-chat/conversation/list", conversation_list, "conversations in pages"),
    READ("/single-chat/member/state", member_state, "how far both have read"),
    READ("/single-chat/message/cursor", message_cursor, "messages below a sequence, newest first"),
    READ("/single-chat/message/list", message_list, "messages in pages"),
    READ("/single-chat/message/since", message_since, "messages above a sequence, oldest first"),
    READ("/user/basic", user_basic, "names of users"),
    READ("/user/profile", user_profile, "profile of a user"),
};

static int compare(struct mn_str path, const char *with)
{
    size_t n = strlen(with), least = path.n < n ? path.n : n;
    int order = least > 0 ? memcmp(path.p, with, least) : 0;
    return order != 0 ? order : (path.n > n) - (path.n < n);
}

static const struct mn_api_route *find_exact(const struct mn_api_route *table, size_t count,
                                             struct mn_str path)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = compare(path, table[mid].path);
        if (order == 0)
            return &table[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

/* Prefixes are few and stand at the end. */
const struct mn_api_route *mn_api_route_find_in(const struct mn_api_route *table, size_t count,
                                                struct mn_str path)
{
    const struct mn_api_route *best = NULL;
    size_t longest = 0;
    for (; count > 0 && table[count - 1].kind == MN_API_PREFIX; count--) {
        const struct mn_api_route *route = &table[count - 1];
        size_t n = strlen(route->path);
        if (n > longest && path.n >= n && memcmp(path.p, route->path, n) == 0) {
            best = route;
            longest = n;
        }
    }
    const struct mn_api_route *exact = find_exact(table, count, path);
    return exact ? exact : best;
}

const struct mn_api_route *mn_api_route_find(struct mn_str path)
{
    return mn_api_route_find_in(routes, MN_ARRAY_LEN(routes), path);
}

bool mn_api_route_takes(const struct mn_api_route *route, enum mn_http_method method)
{
    return method == route->method || (method == MN_HTTP_HEAD && route->method == MN_HTTP_GET);
}

const char *mn_api_route_allow(const struct mn_api_route *route)
{
    return route->method == MN_HTTP_POST ? "POST,OPTIONS" : "GET,HEAD,OPTIONS";
}

const struct mn_api_route *mn_api_routes(unsigned *ret_count)
{
    *ret_count = (unsigned)MN_ARRAY_LEN(routes);
    return routes;
}

/* ---- the reference ------------------------------------------------------------ */

static const char *method_name(const struct mn_api_route *route)
{
    return route->method == MN_HTTP_POST ? "POST" : "GET";
}

static const char *who_name(const struct mn_api_route *route)
{
    return route->who == MN_API_USER ? "user" : "anyone";
}

static void add_limits(struct mn_buf *out, const struct mn_api_route *route)
{
    bool first = true;
    for (unsigned rule = 0; rule < MN_API_RULE_COUNT; rule++) {
        if (!(route->limits & 1u << rule))
            continue;
        mn_buf_add_z(out, first ? "" : ", ");
        mn_buf_add_z(out, mn_api_rule_doc((enum mn_api_rule)rule));
        first = false;
    }
}

void mn_api_routes_markdown(struct mn_buf *out)
{
    mn_buf_add_z(out, "| endpoint | who | calls a minute | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < MN_ARRAY_LEN(routes); i++) {
        const struct mn_api_route *route = &routes[i];
        mn_buf_addf(out, "| `%s %s%s` | %s | ", method_name(route), route->path,
                    route->kind == MN_API_PREFIX ? "..." : "", who_name(route));
        add_limits(out, route);
        mn_buf_addf(out, " | %s |\n", route->doc);
    }
}
