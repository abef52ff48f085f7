/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the program as answers: see asset.h. */
#include "api/asset.h"

#include "api/call.h"

/* H-9.5; RFC 9110, 13.1.2: compared weakly; * stands for whatever the client has. */
static bool has_it(const struct mn_http_request *req, const char *etag)
{
    char weak[80] = "W/";
    snprintf(weak + 2, sizeof(weak) - 2, "%s", etag);
    return mn_http_has_token(req, "If-None-Match", mn_str_c(etag)) ||
           mn_http_has_token(req, "If-None-Match", mn_str_c(weak)) ||
           mn_http_has_token(req, "If-None-Match", MN_STR("*"));
}

void mn_api_asset(struct mn_api_call *call, const struct mn_asset *asset)
{
    call->cache_control = "no-cache";
    (void)mn_http_response_header(call->res, "ETag", mn_str_c(asset->etag));
    if (has_it(call->req, asset->etag)) {
        call->res->status = 304;
        return;
    }
    call->res->body_ref = mn_str_make((const char *)asset->bytes, asset->n);
    mn_api_plain(call, 200, asset->type);
}
