/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP answers: built by whoever has the request (mostly a worker thread),
 * turned into one block of bytes there (a body that is only borrowed apart),
 * and carried to the connection's loop by the task inside the request, so
 * that answering cannot fail for want of memory in between.
 */
#include "net/http.h"

#include "base/clock.h"
#include "net/net_internal.h"

#define HEADERS_LIMIT ((size_t)16 * 1024)
#define HEAD_LIMIT (HEADERS_LIMIT + 256)

struct mn_str mn_http_header(const struct mn_http_request *req, const char *name)
{
    struct mn_str wanted = mn_str_c(name);
    for (unsigned i = 0; i < req->header_count; i++)
        if (mn_str_eq_nocase(req->headers[i].name, wanted))
            return req->headers[i].value;
    return MN_STR_NONE;
}

struct mn_http_response *mn_http_response_new(size_t limit)
{
    struct mn_http_response *res = mn_new(struct mn_http_response);
    res->status = 200;
    mn_buf_init(&res->headers, HEADERS_LIMIT);
    mn_buf_init(&res->body, limit);
    return res;
}

void mn_http_response_free(struct mn_http_response *res)
{
    if (res == NULL)
        return;
    mn_buf_deinit(&res->headers);
    mn_buf_deinit(&res->body);
    mn_free(res);
}

enum mn_err mn_http_response_header(struct mn_http_response *res, const char *name,
                                    struct mn_str value)
{
    size_t before = res->headers.n;
    mn_buf_add_z(&res->headers, name);
    mn_buf_add_z(&res->headers, ": ");
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != '\0')
            mn_buf_add_char(&res->headers, value.p[i]);
    mn_buf_add_z(&res->headers, "\r\n");
    if (!res->headers.failed)
        return MN_OK;
    res->headers.n = before; /* all of the line or nothing */
    res->headers.failed = false;
    return MN_ELIMIT;
}

static const char *status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } known[] = {
        {200, "OK"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Payload Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].text;
    return ""; /* RFC 9112, 4: the phrase may be empty */
}

static bool may_have_body(unsigned status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void add_head(struct mn_buf *head, unsigned status, const struct mn_http_response *res,
                     const struct mn_http_request *req, bool close)
{
    mn_buf_addf(head, "HTTP/1.1 %u %s\r\n", status, status_text(status));
    if (res->headers.n > 0)
        mn_buf_add(head, res->headers.p, res->headers.n);
    if (may_have_body(status))
        mn_buf_addf(head, "Content-Length: %zu\r\n",
                    res->body_ref.p != NULL ? res->body_ref.n : res->body.n);
    if (close)
        mn_buf_add_z(head, "Connection: close\r\n");
    else if (req != NULL && req->http_1_0)
        mn_buf_add_z(head, "Connection: keep-alive\r\n");
    mn_buf_add_z(head, "\r\n");
}

/* HEAD is answered like GET, without the body. */
static bool sends_body(const struct mn_http_request *req, const struct mn_http_response *res)
{
    return may_have_body(res->status) && (req == NULL || req->method != MN_HTTP_HEAD);
}

/* Head and printed body in one block; NULL without memory. */
static struct mn_chunk *build_answer(const struct mn_http_request *req,
                                     const struct mn_http_response *res, bool close)
{
    struct mn_buf head;
    mn_buf_init(&head, HEAD_LIMIT);
    add_head(&head, res->status, res, req, close);
    size_t body_len = sends_body(req, res) && res->body_ref.p == NULL ? res->body.n : 0;
    struct mn_chunk *chunk = head.failed ? NULL : mn_chunk_new(head.n + body_len);
    if (chunk != NULL) {
        memcpy(mn_chunk_payload(chunk), head.p, head.n);
        if (body_len > 0)
            memcpy(mn_chunk_payload(chunk) + head.n, res->body.p, body_len);
        mn_chunk_seal(chunk, head.n + body_len);
    }
    mn_buf_deinit(&head);
    return chunk;
}

/* What is sent is all of the answer or, without memory, nothing of it. */
static void build(struct mn_http_request *req, const struct mn_http_response *res)
{
    req->answer = build_answer(req, res, req->close);
    if (req->answer == NULL || res->body_ref.n == 0 || !sends_body(req, res))
        return;
    req->borrowed = mn_chunk_borrow(res->body_ref.p, res->body_ref.n);
    if (req->borrowed == NULL) {
        mn_chunk_unref(req->answer);
        req->answer = NULL;
    }
}

struct mn_chunk *mn_http_refusal(const struct mn_net *net, const struct mn_http_request *req,
                                 unsigned status)
{
    struct mn_http_response *res = mn_http_response_new(256);
    bool ours = status >= 500;
    res->status = status;
    mn_buf_addf(&res->body, "{\"ok\":false,\"code\":%d,\"message\":\"%s\",\"ts\":%lld}",
                ours ? 50000 : 40000, ours ? "internal_error" : "bad_request",
                (long long)mn_unix_ms());
    mn_ignore(mn_http_response_header(res, "Content-Type", MN_STR("application/json")));
    if (net->http.on_refusal != NULL)
        net->http.on_refusal(net->http.ctx, req, res);
    struct mn_chunk *chunk = build_answer(req, res, true);
    mn_http_response_free(res);
    return chunk;
}

static void count_answer(struct mn_loop *loop, const struct mn_http_request *req)
{
    if (req->status >= 500)
        mn_metric_inc(loop->metrics, MN_M_HTTP_5XX);
    else if (req->status >= 400)
        mn_metric_inc(loop->metrics, MN_M_HTTP_4XX);
    mn_metric_observe(loop->metrics, MN_MH_HTTP_US, (mn_mono_ns() - req->mono_ns) / 1000);
}

/* Takes both pieces of the answer. */
static bool queue_answer(struct mn_conn *conn, struct mn_http_request *req)
{
    struct mn_chunk *answer = req->answer, *borrowed = req->borrowed;
    req->answer = req->borrowed = NULL;
    if (mn_conn_queue(conn, answer))
        return borrowed == NULL || mn_conn_queue(conn, borrowed);
    mn_chunk_unref(borrowed);
    return false;
}

static void deliver(struct mn_loop *loop, struct mn_http_request *req)
{
    struct mn_conn *conn = mn_loop_find_any(loop, req->conn_id);
    count_answer(loop, req);
    loop->held -= (int64_t)req->memory;
    if (conn != NULL && conn->state == MN_CONN_BUSY) {
        if (!queue_answer(conn, req))
            mn_conn_abort(conn, MN_CLOSE_MEMORY);
        else
            mn_conn_http_answered(conn, !req->close && !loop->draining);
    }
    mn_chunk_unref(req->answer);
    mn_chunk_unref(req->borrowed);
    mn_http_request_free(req);
}

static size_t answer_memory(const struct mn_http_request *req)
{
    return (req->answer != NULL ? mn_chunk_memory(req->answer) : 0) +
           (req->borrowed != NULL ? mn_chunk_memory(req->borrowed) : 0);
}

static void run_answer(struct mn_task *task, struct mn_loop *loop)
{
    struct mn_http_request *req = mn_container_of(task, struct mn_http_request, task);
    atomic_fetch_sub_explicit(&loop->carried, (int64_t)answer_memory(req), memory_order_relaxed);
    deliver(loop, req);
}

void mn_http_respond(struct mn_http_request *take_req, struct mn_http_response *take_res)
{
    struct mn_loop *loop = take_req->loop;
    bool draining = atomic_load_explicit(&loop->net->draining, memory_order_relaxed);
    bool overflow = take_res->body.failed || take_res->headers.failed;
    take_req->close = !take_req->keep_alive || take_res->close || draining || overflow;
    take_req->status = overflow ? 500 : take_res->status;
    if (overflow)
        take_req->answer = mn_http_refusal(loop->net, take_req, 500);
    else
        build(take_req, take_res);
    mn_http_response_free(take_res);
    take_req->task.run = run_answer;
    if (mn_loop_is_current(loop)) {
        deliver(loop, take_req);
        return;
    }
    atomic_fetch_add_explicit(&loop->carried, (int64_t)answer_memory(take_req),
                              memory_order_relaxed);
    mn_loop_post(loop, &take_req->task);
}
