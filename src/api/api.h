/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_API_H
#define MN_API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "api/route.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "im/account/account.h"
#include "im/call/records.h"
#include "im/conversation/conversation.h"
#include "im/dnd.h"
#include "im/friend/friend.h"
#include "im/group/groups.h"
#include "im/moment/moment.h"
#include "im/text/filter.h"
#include "net/http.h"
#include "ops/ops.h"

/*
 * The HTTP API (docs/contract/http.md).  A request arrives on a loop thread, where
 * everything that needs no store is answered at once (preflights, probes,
 * unknown paths, wrong methods, missing tokens); the rest is a job on a
 * worker, straight-line code, which ends in mn_http_respond().
 */
struct mn_api;

/* At most `max` calls in a fixed window of `window_s`; max 0 = not limited. */
struct mn_api_limit {
    uint32_t max, window_s;
};

/* What GET /client/config tells (H-7.11). */
struct mn_api_client_options {
    char ice_servers[4096];                         /* comma-separated URLs of im/call/turn.h */
    char turn_username[256], turn_credential[1024]; /* "": no login, or one of `turn_secret` */
    char turn_secret[1024];                         /* shared with the TURN server; "": none */
    int64_t revoke_window_s;
    int64_t code_len; /* of a new friend or group code */
};

/* What may change while running. */
struct mn_api_options {
    bool ratelimit_enabled; /* false: no call is counted */
    struct mn_api_limit limits[MN_API_RULE_COUNT];
    /*
     * Comma-separated origin patterns: '*' stands for any text, "null" for
     * pages without an origin, "same-host" for the host of the request on
     * any port.
     */
    const char *cors_origins;
    /*
     * Comma-separated addresses or networks (10.0.0.0/8, ::1) whose
     * X-Forwarded-For and X-Real-IP are believed; "" = nobody's.
     */
    const char *trusted_proxies;
    /* Of texts that come by HTTP (H-6.2); taken over by what is given the options, NULL: none. */
    struct mn_filter *filter;
    struct mn_api_client_options client;
};
/* Those of limit.c; reads are not limited until the options say so. */
void mn_api_limits_default(struct mn_api_limit limits[MN_API_RULE_COUNT]);

struct mn_api_config {
    struct mn_account *account; /* all of these outlive the api */
    const struct mn_conversations *conversations;
    const struct mn_call_records *call_records;
    struct mn_friends *friends;
    const struct mn_dnd *dnd;
    struct mn_moments *moments;
    struct mn_groups *groups;
    struct mn_ops *ops;
    struct mn_pool *pool;      /* everything but logins */
    struct mn_pool *hash_pool; /* logins, 50 ms of CPU each; NULL = pool */
    struct mn_metrics *metrics;
    struct mn_log *log;
    uint32_t ratelimit_keys; /* ceiling of counted keys, 48 bytes each */
    struct mn_api_options options;
};

/* MN_EINVAL: an option list is malformed; `why` says which entry. Text of options is copied. */
MN_MUSTCHECK enum mn_err mn_api_new(const struct mn_api_config *config, struct mn_api **ret,
                                    struct mn_buf *why);
/* After the pools have stopped. */
void mn_api_free(struct mn_api *api);
/* Takes effect for requests to come; on MN_EINVAL the old options stay. Any thread. */
MN_MUSTCHECK enum mn_err mn_api_reload(struct mn_api *api, const struct mn_api_options *options,
                                       struct mn_buf *why);
/* mn_net_http_handler.on_http; ctx is the api. */
void mn_api_on_http(void *ctx, struct mn_loop *loop, struct mn_http_request *take_req);
/* mn_net_http_handler.on_refusal; ctx is the api. */
void mn_api_on_refusal(void *ctx, const struct mn_http_request *req, struct mn_http_response *res);
/* Whether forwarding headers are believed from this address. Any thread. */
bool mn_api_is_proxy(struct mn_api *api, const uint8_t peer[16]);
/*
 * Answers a request on the calling thread, blocking: what on_http does with
 * its pools.  For tests; `req` stays the caller's, the response becomes it.
 */
struct mn_http_response *mn_api_handle(struct mn_api *api, const struct mn_http_request *req);

#endif
