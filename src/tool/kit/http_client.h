/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_HTTP_CLIENT_H
#define MN_TOOL_KIT_HTTP_CLIENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tool/kit/dial.h"
#include "tool/kit/url.h"

/*
 * A small blocking HTTP/1.1 client for our own API: one connection that is
 * kept and opened again when the server closed it.  Owner: one thread.
 */
struct http_client {
    struct url url;
    int fd; /* -1: not connected */
    uint64_t timeout_ms;
    struct mn_buf in;         /* received, not yet used */
    struct mn_buf body;       /* of the last answer */
    char why[DIAL_WHY_BYTES]; /* http_client_do() failed: which address, and why */
};

struct http_client_request {
    const char *method;
    const char *path;   /* with its query */
    const char *bearer; /* token, or NULL */
    const char *body;   /* JSON, or NULL */
};

/* MN_EINVAL, MN_ENOTFOUND: bad address, `why` tells. */
MN_MUSTCHECK enum mn_err http_client_open(struct http_client *http, const char *url, char *why,
                                          size_t why_cap);
void http_client_close(struct http_client *http);
/*
 * Sends a request and reads the answer: *ret_status is the HTTP status, the
 * body is in http->body until the next call.  MN_ETIMEOUT, MN_ECLOSED,
 * MN_EPROTO, MN_ELIMIT (more than 4 MiB), or a socket's error.
 */
MN_MUSTCHECK enum mn_err http_client_do(struct http_client *http,
                                        const struct http_client_request *req, int *ret_status);
/* The cause in http->why, without the address, which is the same for all of a run. */
const char *http_client_cause(const struct http_client *http);

#endif
