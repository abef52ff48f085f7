/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP answers: built by whoever has the request (mostly a worker thread),
 * turned into one block of bytes there, and carried to the connection's
 * loop by the task inside the request, so that answering cannot fail for
 * want of memory in between.
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

struct mn_frame *mn_frame_raw(const char *p, size_t n)
{
    struct mn_frame *frame = mn_frame_new(n);
    if (frame == NULL)
        return NULL;
    frame->len = (uint32_t)n;
    if (p != NULL)
        memcpy(mn_frame_payload(frame), p, n);
    return frame;
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

static void add_head(struct mn_buf *head, unsigned status, const struct mn_http_response *res,
                     const struct mn_http_request *req, bool close)
{
    bool has_length = status >= 200 && status != 204 && status != 304;
    mn_buf_addf(head, "HTTP/1.1 %u %s\r\n", status, status_text(status));
    if (res->headers.n > 0)
        mn_buf_add(head, res->headers.p, res->headers.n);
    if (has_length)
        mn_buf_addf(head, "Content-Length: %zu\r\n", res->body.n);
    if (close)
        mn_buf_add_z(head, "Connection: close\r\n");
    else if (req != NULL && req->http_1_0)
        mn_buf_add_z(head, "Connection: keep-alive\r\n");
    mn_buf_add_z(head, "\r\n");
}

/* Head and body in one block; NULL without memory. */
static struct mn_frame *build_answer(const struct mn_http_request *req,
                                     const struct mn_http_response *res, bool close)
{
    struct mn_buf head;
    mn_buf_init(&head, HEAD_LIMIT);
    add_head(&head, res->status, res, req, close);
    bool is_head = req != NULL && req->method == MN_HTTP_HEAD;
    bool has_body = !is_head && res->status >= 200 && res->status != 204 && res->status != 304;
    size_t body_len = has_body ? res->body.n : 0;
    struct mn_frame *frame = head.failed ? NULL : mn_frame_raw(NULL, head.n + body_len);
    if (frame != NULL) {
        memcpy(mn_frame_payload(frame), head.p, head.n);
        if (body_len > 0)
            memcpy(mn_frame_payload(frame) + head.n, res->body.p, body_len);
    }
    mn_buf_deinit(&head);
    return frame;
}

struct mn_frame *mn_http_refusal(const struct mn_net *net, const struct mn_http_request *req,
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
    struct mn_frame *frame = build_answer(req, res, true);
    mn_http_response_free(res);
    return frame;
}

static void count_answer(struct mn_loop *loop, const struct mn_http_request *req)
{
    if (req->status >= 500)
        mn_metric_inc(loop->metrics, MN_M_HTTP_5XX);
    else if (req->status >= 400)
        mn_metric_inc(loop->metrics, MN_M_HTTP_4XX);
    mn_metric_observe(loop->metrics, MN_MH_HTTP_US, (mn_mono_ns() - req->mono_ns) / 1000);
}

static void deliver(struct mn_loop *loop, struct mn_http_request *req)
{
    struct mn_conn *conn = mn_loop_find_any(loop, req->conn_id);
    count_answer(loop, req);
    loop->held -= (int64_t)req->memory;
    if (conn != NULL && conn->state == MN_CONN_BUSY) {
        struct mn_frame *answer = req->answer;
        req->answer = NULL;
        if (answer == NULL || !mn_conn_queue(conn, answer))
            mn_conn_abort(conn, MN_CLOSE_MEMORY);
        else
            mn_conn_http_answered(conn, !req->close && !loop->draining);
    }
    mn_frame_unref(req->answer);
    mn_http_request_free(req);
}

static size_t answer_memory(const struct mn_http_request *req)
{
    return req->answer != NULL ? mn_frame_memory(req->answer) : 0;
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
    take_req->answer = overflow ? mn_http_refusal(loop->net, take_req, 500)
                                : build_answer(take_req, take_res, take_req->close);
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
