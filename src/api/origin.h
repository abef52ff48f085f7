/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ORIGIN_H
#define MN_API_ORIGIN_H

#include "base/buf.h"
#include "net/http.h"

/* Which pages may call the API (H-4). */
#define MN_ORIGINS_MAX 64
#define MN_ORIGINS_TEXT 4096

struct mn_origins {
    char text[MN_ORIGINS_TEXT];
    struct mn_str pattern[MN_ORIGINS_MAX]; /* into text */
    unsigned count;
    bool same_host;
};

/* Comma-separated patterns (api.h). MN_EINVAL or MN_ELIMIT: `why` names the entry. */
MN_MUSTCHECK enum mn_err mn_origins_parse(struct mn_origins *origins, const char *list,
                                          struct mn_buf *why);

enum mn_cors {
    MN_CORS_NONE = 0, /* no Origin, or the server's own: no headers */
    MN_CORS_ALLOWED,
    MN_CORS_REFUSED /* 403 */
};
/* `method` is the one that is asked for: of the request, or of its preflight. */
enum mn_cors mn_origins_judge(const struct mn_origins *origins, const struct mn_http_request *req,
                              struct mn_str method);
/* OPTIONS with Origin and Access-Control-Request-Method. */
bool mn_cors_is_preflight(const struct mn_http_request *req);
/* Vary, and for an allowed origin the two headers of every answer. */
void mn_cors_headers(const struct mn_http_request *req, enum mn_cors cors,
                     struct mn_http_response *res);
/* The further headers of an allowed preflight's answer. */
void mn_cors_preflight_headers(const struct mn_http_request *req, struct mn_http_response *res);

#endif
