/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ROUTE_H
#define MN_API_ROUTE_H

#include "base/buf.h"
#include "net/http.h"

/*
 * The table of endpoints.  What each one needs is a column, which the
 * pipeline (api.c) enforces and the reference documents show; handlers hold
 * no checks of that kind.
 */
struct mn_api_call;
typedef void (*mn_api_fn)(struct mn_api_call *call);

enum mn_api_kind {
    MN_API_EXACT = 1,
    MN_API_PREFIX /* every path that begins so, unless a longer row fits; its rest: call->rest */
};

/* Who may call.  Anonymous calls get 40100 where a user is wanted; else a token is not looked at. */
enum mn_api_who { MN_API_ANYONE = 1, MN_API_USER };

/* Where a handler runs. */
enum mn_api_place {
    MN_API_LOOP = 1, /* does not block */
    MN_API_WORKER,
    MN_API_HASHER, /* computes a password hash: 50 ms of CPU */
    MN_API_OPS,    /* a worker, or the loop when its queue is full */
    MN_API_PROBE   /* OPS, and the loop also while the stores need no new look */
};

enum mn_api_body {
    MN_API_BARE = 1, /* none is read */
    MN_API_JSON      /* an object, in call->body */
};

/* Call limits (H-6.1); what each counts is in limit.c. */
enum mn_api_rule {
    MN_API_RULE_LOGIN_PAIR = 0,
    MN_API_RULE_LOGIN_ADDRESS,
    MN_API_RULE_LOGIN_ACCOUNT,
    MN_API_RULE_REFRESH_ADDRESS,
    MN_API_RULE_VERIFY_ADDRESS,
    MN_API_RULE_READ_USER,
    MN_API_RULE_READ_ADDRESS,
    MN_API_RULE_FRIEND_USER,
    MN_API_RULE_MOMENT_USER,
    MN_API_RULE_GROUP_CREATE,
    MN_API_RULE_GROUP_CODE,
    MN_API_RULE_GROUP_CHANGE,
    MN_API_RULE_COUNT
};
#define MN_API_LIMIT(rule) (1u << MN_API_RULE_##rule)

struct mn_api_route {
    const char *path;
    enum mn_api_kind kind;
    enum mn_http_method method; /* GET stands for HEAD too */
    enum mn_api_who who;
    unsigned limits; /* MN_API_LIMIT() of the rules that count a call */
    enum mn_api_place place;
    enum mn_api_body body;
    mn_api_fn handler;
    const char *doc; /* half a sentence for the reference */
};

/* The route of a path, or NULL. */
const struct mn_api_route *mn_api_route_find(struct mn_str path);
/* The same in a table of one's own: exact rows in order of path, then the prefixes. */
const struct mn_api_route *mn_api_route_find_in(const struct mn_api_route *table, size_t count,
                                                struct mn_str path);
/* Whether the route takes that method; OPTIONS is not asked here. */
bool mn_api_route_takes(const struct mn_api_route *route, enum mn_http_method method);
/* For the Allow header; static text. */
const char *mn_api_route_allow(const struct mn_api_route *route);
/* Every route. */
const struct mn_api_route *mn_api_routes(unsigned *ret_count);
/* The table as docs/api.md has it; script/check-api reads it from there too. */
void mn_api_routes_markdown(struct mn_buf *out);

#endif
