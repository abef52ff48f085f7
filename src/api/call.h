/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_CALL_H
#define MN_API_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/client.h"
#include "api/jout.h"
#include "api/origin.h"
#include "api/route.h"
#include "im/ratelimit.h"

/*
 * What the files of api/ share: the api itself, and one call on its way
 * through it.  A handler gets the call, reads its input (input.h), and
 * answers exactly once with one of the functions below.
 */

/* Options as of one reload; immutable, reference-counted. */
struct mn_api_snapshot {
    _Atomic int refs;
    struct mn_api_options options; /* its two strings are NULL: parsed below */
    struct mn_origins origins;
    struct mn_proxies proxies;
};

#define MN_API_SHARDS 8 /* metrics shards for workers, picked by worker index */

/* Owner: app.  Any thread; `snapshot` under its lock, the rest never changes. */
struct mn_api {
    struct mn_api_config config; /* its options are in the snapshot */
    struct mn_ratelimit *limit;
    struct mn_metrics_shard *shard[MN_API_SHARDS];
    struct mn_log_gate failed_gate;
    pthread_mutex_t lock;
    struct mn_api_snapshot *snapshot;
};

#define MN_API_QUERY_MAX 32 /* parameters; further ones are not seen */

struct mn_api_param {
    struct mn_str name, value;
};

/* Owner: the thread that runs it, first the loop, then a worker. */
struct mn_api_call {
    struct mn_job job;
    struct mn_api *api;
    struct mn_api_snapshot *snapshot; /* one reference */
    const struct mn_http_request *req;
    struct mn_http_request
        *owned; /* the same if it is ours to answer, NULL under mn_api_handle() */
    struct mn_http_response *res;
    struct mn_metrics_shard *shard;
    const struct mn_api_route *route; /* NULL: unknown path */
    struct mn_str rest;               /* of the path, behind a route that is a prefix */
    bool on_worker;
    const char *cache_control; /* header of the answer */
    int64_t user;              /* 0: nobody */
    struct mn_str body;        /* the checked JSON object, as written; into req */
    struct mn_buf body_text;   /* decoded fields */
    struct mn_client client;   /* whom limits count */
    struct mn_api_param query[MN_API_QUERY_MAX];
    unsigned query_count;
    struct mn_buf query_text;
};

/* ---- answers (H-1.1, H-2) ----------------------------------------- */

/* 200 with data: print one value between begin and end, with a NULL key. */
struct mn_jout mn_api_data_begin(struct mn_api_call *call);
void mn_api_data_end(struct mn_api_call *call);
/* 200, void. */
void mn_api_ok(struct mn_api_call *call);
/* F(code, message): HTTP 200. */
void mn_api_fail(struct mn_api_call *call, int code, const char *message);
/* X(status, code, message). */
void mn_api_error(struct mn_api_call *call, unsigned status, int code, const char *message);
/* X(400, 40000, message). */
void mn_api_bad(struct mn_api_call *call, const char *message);
/* The 401 of the token check, which alone names its charset (2.1). */
void mn_api_bad_token(struct mn_api_call *call, const char *message);
/* A store failed: logs it once, answers 500 internal_error, or 503 server_busy when it is busy. */
void mn_api_broken(struct mn_api_call *call, const char *what, enum mn_err err);
/* The same where the contract wants HTTP 200 whatever failed (7.2.4): logged and counted alike. */
void mn_api_broken_softly(struct mn_api_call *call, const char *what, enum mn_err err);
/*
 * What a rule of im/ returned, which is not MN_OK: with a reason for the
 * client its refusal (H-2.2), without one a store that failed.
 */
void mn_api_refused(struct mn_api_call *call, const char *what, enum mn_err err,
                    const char *reason);
/* 503 server_busy with Retry-After. */
void mn_api_busy(struct mn_api_call *call);
/* Not an envelope: probes and the CORS refusal. */
void mn_api_plain(struct mn_api_call *call, unsigned status, const char *content_type);

#endif
