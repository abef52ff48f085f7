/* SPDX-License-Identifier: Apache-2.0 */
/* GET / and /openapi.yaml: what this is, for whoever opens the address in a browser. */
#include "api/asset.h"
#include "api/endpoint/handlers.h"

static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>minim</title>\n"
    "<h1>minim</h1>\n"
    "<p>An instant messaging server. It is running; people use it through a client program.</p>\n"
    "<p>For those who write one:\n"
    "<a href=\"/openapi.yaml\">the HTTP API</a> (OpenAPI 3.1) is served here, and messages go over\n"
    "the WebSocket at <code>/ws</code>. Both are described in the folder <code>docs/</code> of the\n"
    "source: <code>api.md</code> and <code>protocol.md</code>.</p>\n"
    "<p>For those who run it: <a href=\"/healthz\">/healthz</a>,\n"
    "<a href=\"/readyz\">/readyz</a>, <a href=\"/metrics\">/metrics</a>, and\n"
    "<code>docs/operations.md</code>.</p>\n"
    "</html>\n";

void mn_api_front(struct mn_api_call *call)
{
    (void)mn_http_response_header(call->res, "Content-Security-Policy",
                                  MN_STR("default-src 'none'"));
    call->res->body_ref = mn_str_make(page, sizeof(page) - 1);
    mn_api_plain(call, 200, "text/html; charset=utf-8");
}

void mn_api_openapi(struct mn_api_call *call) { mn_api_asset(call, &mn_openapi_yaml); }
