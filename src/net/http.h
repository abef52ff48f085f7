/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_HTTP_H
#define MN_NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "net/net.h"

/*
 * One HTTP/1.1 request and its answer.  The request is handed to the
 * handler's thread of choice; it owns all its text.  Its connection reads no
 * further request until the answer came, so answers keep their order.
 */
enum mn_http_method {
    MN_HTTP_GET = 0,
    MN_HTTP_HEAD,
    MN_HTTP_POST,
    MN_HTTP_PUT,
    MN_HTTP_DELETE,
    MN_HTTP_OPTIONS,
    MN_HTTP_OTHER
};

#define MN_HTTP_HEADERS_MAX 64 /* more header lines: 431 */

struct mn_http_header {
    struct mn_str name, value;
};

struct mn_http_request {
    enum mn_http_method method;
    struct mn_str method_text;
    struct mn_str path;  /* raw, before '?' */
    struct mn_str query; /* raw, behind '?'; absent when there was none */
    struct mn_http_header headers[MN_HTTP_HEADERS_MAX];
    unsigned header_count;
    struct mn_str body;
    char peer[64];    /* address without port */
    uint64_t mono_ns; /* when it was complete */
    struct mn_loop *loop;
    /* private */
    uint64_t conn_id;
    bool keep_alive, http_1_0;
    struct mn_buf text;        /* what the mn_str above point into */
    size_t memory;             /* of the request, as charged to the loop */
    struct mn_task task;       /* carries the answer to the loop */
    struct mn_chunk *answer;   /* head, and a body that was printed; NULL: no memory */
    struct mn_chunk *borrowed; /* a body that is sent as it is; NULL: none */
    unsigned status;
    bool close;
};

/* First header of that name (ASCII case-insensitive), or absent. */
struct mn_str mn_http_header(const struct mn_http_request *req, const char *name);

/*
 * Whether a header that is a comma-separated list, possibly given several
 * times, has this element (ASCII case-insensitive).
 */
bool mn_http_has_token(const struct mn_http_request *req, const char *name, struct mn_str token);

struct mn_http_response {
    unsigned status;       /* 200 */
    struct mn_buf headers; /* further header lines, each ended by CRLF */
    struct mn_buf body;
    /*
     * Sent instead of `body`, without a copy, when it is there (p != NULL):
     * bytes that are neither freed nor changed while the process lives.
     */
    struct mn_str body_ref;
    bool close; /* end the connection afterwards */
};

/* Empty 200 answer; body may grow to `limit` bytes. */
struct mn_http_response *mn_http_response_new(size_t limit);
void mn_http_response_free(struct mn_http_response *res);
/* Adds "name: value"; CR, LF and NUL in value are left out. */
enum mn_err mn_http_response_header(struct mn_http_response *res, const char *name,
                                    struct mn_str value);
/*
 * Sends the answer and frees both.  Any thread.  Content-Length, Date-less,
 * Connection are added here; for HEAD the body is left out.  A connection
 * that is gone meanwhile is no error.
 */
void mn_http_respond(struct mn_http_request *take_req, struct mn_http_response *take_res);

#endif
