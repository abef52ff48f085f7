/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_HTTP_PARSE_H
#define MN_NET_HTTP_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

/*
 * One HTTP request from bytes, as they come; no I/O.  A parser takes one
 * request: make a new one for the next.  What it may hold is bounded by
 * the limits.
 */
struct mn_http_parse;

struct mn_http_limits {
    uint32_t request_line; /* bytes without CRLF; more: 414 */
    uint32_t headers;      /* bytes of all header lines together; more: 431 */
    uint32_t body;         /* bytes after de-chunking; more: 413 */
};

enum mn_http_progress {
    MN_HTTP_MORE = 0,
    MN_HTTP_DOOMED, /* as MORE, but it will be refused: the rest of its head may name the Origin */
    MN_HTTP_CONTINUE, /* as MORE, and the client waits for "100 Continue" to send the body */
    MN_HTTP_DONE,     /* mn_http_parse_take() */
    MN_HTTP_BAD       /* answer with mn_http_parse_status() and close */
};

/* NULL when there is no memory. */
struct mn_http_parse *mn_http_parse_new(struct mn_http_limits limits);
void mn_http_parse_free(struct mn_http_parse *parse);
/*
 * Consumes p[0..n).  All of it with MORE, DOOMED and CONTINUE; with DONE
 * *ret_used stops behind the request (what follows is the next request, or
 * frames after an upgrade).
 */
enum mn_http_progress mn_http_parse_feed(struct mn_http_parse *parse, const char *p, size_t n,
                                         size_t *ret_used);
/* 400, 413, 414, 431, 505 or 500 (no memory), once it is settled; else 0. NULL: 0. */
unsigned mn_http_parse_status(const struct mn_http_parse *parse);
/* What was understood of the request so far; the parser's.  NULL: nothing is being read. */
const struct mn_http_request *mn_http_parse_partial(struct mn_http_parse *parse);
/* The request, once, after DONE; the caller frees it with mn_http_request_free(). */
struct mn_http_request *mn_http_parse_take(struct mn_http_parse *parse);

void mn_http_request_free(struct mn_http_request *req);

/* Bytes of memory that a parser with its request (NULL: 0), or a taken request, holds. */
size_t mn_http_parse_memory(const struct mn_http_parse *parse);
size_t mn_http_request_memory(const struct mn_http_request *req);

#endif
