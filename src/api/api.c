/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's way through the API (H-1.3): preflight; method; CORS; token; path; body; handler, which
 * counts against the call limits once its input is good.
 *
 * The first half, admit(), runs on the loop thread and answers whatever it
 * can without the store.  The second, carry_out(), runs on a worker and may
 * block.  The call belongs to one thread at a time and ends in
 * mn_http_respond().
 */
#include "api/api.h"

#include "api/call.h"
#include "api/input.h"
#include "api/limit.h"
#include "base/clock.h"
#include "base/mem.h"

/* 200 messages of 4,096 UTF-16 units, each up to 6 bytes of JSON, fit. */
#define RESPONSE_LIMIT ((size_t)8 << 20)

/*
 * A call that waited longer than this for a worker is told to come back:
 * its client has given up, and in a storm of logins (20 a second and core)
 * work for those who are gone would keep out those who are not.
 */
#define STALE_NS (UINT64_C(10) * 1000 * 1000 * 1000)

/* ---- options --------------------------------------------------------------- */

static enum mn_err snapshot_new(const struct mn_api_options *options, struct mn_api_snapshot **ret,
                                struct mn_buf *why)
{
    struct mn_api_snapshot *snapshot = mn_new(struct mn_api_snapshot);
    atomic_store(&snapshot->refs, 1);
    snapshot->options = *options;
    snapshot->options.cors_origins = snapshot->options.trusted_proxies = NULL;
    enum mn_err err = mn_origins_parse(&snapshot->origins, options->cors_origins, why);
    if (err == MN_OK)
        err = mn_proxies_parse(&snapshot->proxies, options->trusted_proxies, why);
    if (err != MN_OK) {
        mn_filter_free(options->filter);
        mn_free(snapshot);
        return MN_EINVAL;
    }
    *ret = snapshot;
    return MN_OK;
}

static struct mn_api_snapshot *snapshot_ref(struct mn_api *api)
{
    pthread_mutex_lock(&api->lock);
    struct mn_api_snapshot *snapshot = api->snapshot;
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&api->lock);
    return snapshot;
}

static void snapshot_unref(struct mn_api_snapshot *snapshot)
{
    if (atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) > 1)
        return;
    mn_filter_free(snapshot->options.filter);
    mn_free(snapshot);
}

enum mn_err mn_api_reload(struct mn_api *api, const struct mn_api_options *options,
                          struct mn_buf *why)
{
    struct mn_api_snapshot *snapshot = NULL;
    enum mn_err err = snapshot_new(options, &snapshot, why);
    if (err != MN_OK)
        return err;
    pthread_mutex_lock(&api->lock);
    struct mn_api_snapshot *old = api->snapshot;
    api->snapshot = snapshot;
    pthread_mutex_unlock(&api->lock);
    snapshot_unref(old);
    return MN_OK;
}

enum mn_err mn_api_new(const struct mn_api_config *config, struct mn_api **ret, struct mn_buf *why)
{
    struct mn_api_snapshot *snapshot = NULL;
    enum mn_err err = snapshot_new(&config->options, &snapshot, why);
    if (err != MN_OK)
        return err;
    struct mn_api *api = mn_new(struct mn_api);
    api->config = *config;
    api->config.options = (struct mn_api_options){0};
    api->snapshot = snapshot;
    api->limit = mn_ratelimit_new(config->ratelimit_keys);
    for (unsigned i = 0; i < MN_API_SHARDS; i++)
        api->shard[i] = mn_metrics_claim(config->metrics);
    pthread_mutex_init(&api->lock, NULL);
    *ret = api;
    return MN_OK;
}

void mn_api_free(struct mn_api *api)
{
    if (!api)
        return;
    mn_ratelimit_free(api->limit);
    snapshot_unref(api->snapshot);
    pthread_mutex_destroy(&api->lock);
    mn_free(api);
}

/* ---- on the loop thread ------------------------------------------------------ */

/* The token of "Bearer <token>"; absent when there is no such header, or nothing in it (5.1, 13). */
static struct mn_str bearer(const struct mn_http_request *req)
{
    struct mn_str value = mn_http_header(req, "Authorization");
    if (value.n < 7 || memcmp(value.p, "Bearer ", 7) != 0)
        return MN_STR_NONE;
    value = mn_str_trim(mn_str_make(value.p + 7, value.n - 7));
    return value.n > 0 ? value : MN_STR_NONE;
}

static bool is_auth_path(struct mn_str path)
{
    return path.n >= 6 && memcmp(path.p, "/auth/", 6) == 0;
}

/* Whether the token is looked at: everywhere but under /auth and on probes; logout wants it. */
static bool reads_token(const struct mn_api_call *call)
{
    if (call->route)
        return call->route->who == MN_API_USER;
    return !is_auth_path(call->req->path);
}

/* A method of HTTP's own (RFC 9110 9.3, RFC 5789) that no route takes, or one that nobody knows. */
static bool is_known_method(const struct mn_http_request *req)
{
    return req->method != MN_HTTP_OTHER || mn_str_is(req->method_text, "PATCH") ||
           mn_str_is(req->method_text, "TRACE") || mn_str_is(req->method_text, "CONNECT");
}

/* Known paths say what they take; elsewhere an unknown method is our lack, not a 404 (13). */
static bool refuse_method(struct mn_api_call *call)
{
    enum mn_http_method method = call->req->method;
    if (!call->route && !is_known_method(call->req)) {
        mn_api_error(call, 501, 40000, "method_not_implemented");
        return true;
    }
    if (!call->route || method == MN_HTTP_OPTIONS || mn_api_route_takes(call->route, method))
        return false;
    (void)mn_http_response_header(call->res, "Allow", mn_str_c(mn_api_route_allow(call->route)));
    mn_api_error(call, 405, 40000, "method_not_allowed");
    return true;
}

static void refuse_origin(struct mn_api_call *call)
{
    mn_buf_add_z(&call->res->body, "Invalid CORS request");
    mn_api_plain(call, 403, "text/plain;charset=UTF-8");
}

/* What is left when the token is good or none is needed; true when answered. */
static bool answer_path(struct mn_api_call *call)
{
    if (!call->route) {
        mn_api_error(call, 404, 40400, "not_found");
        return true;
    }
    if (call->req->method == MN_HTTP_OPTIONS) {
        (void)mn_http_response_header(call->res, "Allow",
                                      mn_str_c(mn_api_route_allow(call->route)));
        return true;
    }
    if (mn_api_read_limited(call))
        return true;
    if (call->route->who == MN_API_USER && call->user == 0) {
        mn_api_fail(call, 40100, "unauthorized");
        return true;
    }
    return false;
}

static struct mn_str asked_method(const struct mn_http_request *req, bool preflight)
{
    return preflight ? mn_http_header(req, "Access-Control-Request-Method") : req->method_text;
}

static void find_route(struct mn_api_call *call)
{
    struct mn_str path = call->req->path;
    call->route = mn_api_route_find(path);
    if (!call->route)
        return;
    size_t n = strlen(call->route->path);
    call->rest = mn_str_make(path.p + n, path.n - n);
}

/* Whether the handler may run here, on the loop. */
static bool runs_on_loop(const struct mn_api_call *call)
{
    enum mn_api_place place = call->route->place;
    return place == MN_API_LOOP ||
           (place == MN_API_PROBE && !mn_ops_needs_probe(call->api->config.ops));
}

/* True when the call was answered without the store. */
static bool admit(struct mn_api_call *call)
{
    const struct mn_http_request *req = call->req;
    bool preflight = mn_cors_is_preflight(req);
    enum mn_cors cors = mn_origins_judge(&call->snapshot->origins, req,
                                         asked_method(req, preflight));
    mn_cors_headers(req, cors, call->res);
    (void)mn_http_response_header(call->res, "X-Content-Type-Options", MN_STR("nosniff"));
    find_route(call);
    if (preflight) {
        if (cors == MN_CORS_REFUSED)
            refuse_origin(call);
        else if (cors == MN_CORS_ALLOWED)
            mn_cors_preflight_headers(req, call->res);
        return true;
    }
    if (refuse_method(call))
        return true;
    if (cors == MN_CORS_REFUSED) {
        refuse_origin(call);
        return true;
    }
    if (reads_token(call) && bearer(req).p)
        return false; /* the token decides first, and it needs the store */
    if (answer_path(call))
        return true;
    if (!runs_on_loop(call))
        return false;
    call->route->handler(call);
    return true;
}

/* ---- on a worker -------------------------------------------------------------- */

/* Sets call->user, or answers (2.4). */
static bool check_token(struct mn_api_call *call)
{
    const char *reason = NULL;
    enum mn_err err = mn_account_verify(call->api->config.account, bearer(call->req), &call->user,
                                        &reason);
    if (err == MN_OK)
        return true;
    if (!reason)
        mn_api_broken(call, "token", err);
    else if (!mn_api_read_limited(call))
        mn_api_bad_token(call, strcmp(reason, "session_invalid") == 0 ? reason : "unauthorized");
    return false;
}

static void carry_out(struct mn_api_call *call)
{
    if (mn_mono_ns() - call->req->mono_ns > STALE_NS) {
        mn_api_busy(call);
        return;
    }
    if (reads_token(call) && bearer(call->req).p && !check_token(call))
        return;
    if (answer_path(call))
        return;
    call->client = mn_client_of(&call->snapshot->proxies, call->req);
    if (!mn_query_parse(call) || (call->route->body == MN_API_JSON && !mn_body_parse(call)))
        return;
    call->route->handler(call);
}

/* ---- life of a call ------------------------------------------------------------- */

static struct mn_api_call *call_new(struct mn_api *api, const struct mn_http_request *req)
{
    struct mn_api_call *call = mn_new(struct mn_api_call);
    call->api = api;
    call->snapshot = snapshot_ref(api);
    call->req = req;
    call->res = mn_http_response_new(RESPONSE_LIMIT);
    call->shard = api->shard[0];
    call->cache_control = "no-store";
    return call;
}

/* Frees the call; the answer is the caller's. */
static struct mn_http_response *call_end(struct mn_api_call *call)
{
    struct mn_http_response *res = call->res;
    (void)mn_http_response_header(res, "Cache-Control", mn_str_c(call->cache_control));
    mn_buf_deinit(&call->body_text);
    mn_buf_deinit(&call->query_text);
    snapshot_unref(call->snapshot);
    mn_free(call);
    return res;
}

static void respond(struct mn_api_call *call)
{
    struct mn_http_request *req = call->owned;
    mn_http_respond(req, call_end(call));
}

static void run(struct mn_job *job, unsigned worker)
{
    struct mn_api_call *call = mn_container_of(job, struct mn_api_call, job);
    call->shard = call->api->shard[worker % MN_API_SHARDS];
    call->on_worker = true;
    carry_out(call);
    respond(call);
}

/* The pool's queue is full: probes are answered here and now, the rest is told to come back. */
static void overloaded(struct mn_api_call *call)
{
    if (call->route && (call->route->place == MN_API_OPS || call->route->place == MN_API_PROBE))
        call->route->handler(call);
    else
        mn_api_busy(call);
    respond(call);
}

void mn_api_on_http(void *ctx, struct mn_loop *loop, struct mn_http_request *take_req)
{
    struct mn_api *api = ctx;
    struct mn_api_call *call = call_new(api, take_req);
    call->owned = take_req;
    call->shard = mn_loop_metrics(loop);
    if (admit(call)) {
        respond(call);
        return;
    }
    bool hash = call->route && call->route->place == MN_API_HASHER && api->config.hash_pool;
    call->job.run = run;
    if (mn_pool_submit(hash ? api->config.hash_pool : api->config.pool, &call->job) != MN_OK)
        overloaded(call);
}

void mn_api_on_refusal(void *ctx, const struct mn_http_request *req, struct mn_http_response *res)
{
    struct mn_api *api = ctx;
    struct mn_api_snapshot *snapshot = snapshot_ref(api);
    /* The page may know why it failed, whatever the method was meant to be. */
    enum mn_cors cors = req ? mn_origins_judge(&snapshot->origins, req, MN_STR("GET"))
                            : MN_CORS_NONE;
    mn_cors_headers(req, cors, res);
    snapshot_unref(snapshot);
}

bool mn_api_is_proxy(struct mn_api *api, const uint8_t peer[16])
{
    struct mn_api_snapshot *snapshot = snapshot_ref(api);
    bool is_proxy = mn_proxies_have(&snapshot->proxies, peer);
    snapshot_unref(snapshot);
    return is_proxy;
}

struct mn_http_response *mn_api_handle(struct mn_api *api, const struct mn_http_request *req)
{
    struct mn_api_call *call = call_new(api, req);
    if (!admit(call)) {
        call->on_worker = true;
        carry_out(call);
    }
    return call_end(call);
}
