/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: the envelope of H-2.1, and the few that are none.  It
 * begins with "ok" and holds no blank, as clients that scan text expect.
 * An answer replaces what a handler had begun to print.
 */
#include "api/call.h"

#include "base/clock.h"

static void content_type(struct mn_api_call *call, const char *type)
{
    (void)mn_http_response_header(call->res, "Content-Type", mn_str_c(type));
}

static void envelope_end(struct mn_api_call *call)
{
    struct mn_buf *body = &call->res->body;
    mn_buf_add_z(body, ",\"ts\":");
    mn_buf_add_i64(body, mn_unix_ms());
    mn_buf_add_char(body, '}');
}

static void envelope_text(struct mn_api_call *call, unsigned status, int code, const char *message)
{
    struct mn_buf *body = &call->res->body;
    mn_buf_reset(body);
    call->res->status = status;
    mn_buf_add_z(body, code == 0 ? "{\"ok\":true,\"code\":" : "{\"ok\":false,\"code\":");
    mn_buf_add_i64(body, code);
    mn_buf_add_z(body, ",\"message\":");
    mn_buf_add_json(body, mn_str_c(message));
    envelope_end(call);
}

static void envelope(struct mn_api_call *call, unsigned status, int code, const char *message)
{
    envelope_text(call, status, code, message);
    content_type(call, "application/json");
}

struct mn_jout mn_api_data_begin(struct mn_api_call *call)
{
    mn_buf_add_z(&call->res->body, "{\"ok\":true,\"code\":0,\"message\":\"ok\",\"data\":");
    return (struct mn_jout){.buf = &call->res->body};
}

void mn_api_data_end(struct mn_api_call *call)
{
    envelope_end(call);
    if (call->res->body.failed)
        mn_api_broken(call, "print", MN_ELIMIT);
    else
        content_type(call, "application/json");
}

void mn_api_ok(struct mn_api_call *call) { envelope(call, 200, 0, "ok"); }

void mn_api_fail(struct mn_api_call *call, int code, const char *message)
{
    envelope(call, 200, code, message);
}

void mn_api_error(struct mn_api_call *call, unsigned status, int code, const char *message)
{
    envelope(call, status, code, message);
}

void mn_api_bad(struct mn_api_call *call, const char *message)
{
    envelope(call, 400, 40000, message);
}

void mn_api_bad_token(struct mn_api_call *call, const char *message)
{
    envelope_text(call, 401, 40100, message);
    content_type(call, "application/json;charset=UTF-8");
}

void mn_api_busy(struct mn_api_call *call)
{
    mn_metric_inc(call->shard, MN_M_SERVER_BUSY);
    (void)mn_http_response_header(call->res, "Retry-After", MN_STR("1"));
    envelope(call, 503, 50000, "server_busy");
}

static void log_failure(struct mn_api_call *call, const char *what, enum mn_err err)
{
    uint64_t suppressed = 0;
    mn_metric_inc(call->shard, MN_M_HTTP_FAILED);
    if (mn_log_gate_pass(&call->api->failed_gate, 1000, &suppressed))
        mn_log(call->api->config.log, MN_LOG_ERROR, "http_failed", MN_KV_S("path", call->req->path),
               MN_KV_Z("what", what), MN_KV_Z("error", mn_err_text(err)),
               MN_KV_U("suppressed", suppressed));
}

/* What passes by itself, as over the WebSocket: overload, a full disk. */
static bool is_busy(enum mn_err err) { return err == MN_EBUSY || err == MN_ENOSPC; }

void mn_api_broken(struct mn_api_call *call, const char *what, enum mn_err err)
{
    log_failure(call, what, err);
    if (is_busy(err))
        mn_api_busy(call);
    else
        envelope(call, 500, 50000, "internal_error");
}

void mn_api_broken_softly(struct mn_api_call *call, const char *what, enum mn_err err)
{
    log_failure(call, what, err);
    if (is_busy(err))
        mn_metric_inc(call->shard, MN_M_SERVER_BUSY);
    envelope(call, 200, 50000, "internal_error");
}

void mn_api_refused(struct mn_api_call *call, const char *what, enum mn_err err, const char *reason)
{
    if (!reason)
        mn_api_broken(call, what, err);
    else
        mn_api_fail(call,
                    err == MN_EPERM       ? 40300
                    : err == MN_ENOTFOUND ? 40400
                    : err == MN_ELIMIT    ? 42900
                                          : 40000,
                    reason);
}

void mn_api_plain(struct mn_api_call *call, unsigned status, const char *type)
{
    call->res->status = status;
    content_type(call, type);
}
